/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of the journal an event. */

#include <string.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "audit.h"
#include "buf.h"
#include "log.h"
#include "validate.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIELDS_MAX 20
#define FIELD_SIZE 512 /* longer values are cut */

/* The ids are for good: journalctl MESSAGE_ID=… and catalogues use them. */
static const struct {
	const char *name;
	const char *message_id;
	int priority;
} events[_AUDIT_MAX] = {
	[AUDIT_CALL] = { "call", "90f304c4fa3643a6a0ed5eeafd6832e1", LOG_NOTICE },
	[AUDIT_DENIED] = { "denied", "509ac29a7fe347f7908900df857dd6ac", LOG_WARNING },
	[AUDIT_LIMITED] = { "limited", "91cae840a74c47c4b303bb96939af98a", LOG_NOTICE },
	[AUDIT_CUT] = { "cut", "d57d42ce91f14ec9800aa4d84377f85c", LOG_WARNING },
	[AUDIT_MAIL] = { "mail", "d64a8a94ce3c438da9b7b306df664c6a", LOG_INFO },
	[AUDIT_PUT_OFF] = { "put-off", "9a1bfae81ecf4b7faa1963fe925147e1", LOG_WARNING },
	[AUDIT_RESUMED] = { "resumed", "f86b7a50f6c2457e8486ae77e7eb297c", LOG_NOTICE },
};

typedef struct Entry {
	char text[FIELDS_MAX][FIELD_SIZE];
	struct iovec fields[FIELDS_MAX];
	int n;
} Entry;

static void entry_add(Entry *entry, const char *key, const char *value)
{
	char *text;
	size_t len;

	if (!value || entry->n == FIELDS_MAX)
		return;
	text = entry->text[entry->n];
	snprintf(text, FIELD_SIZE, "%s=%s", key, value);
	len = strlen(text);
	/* A value with a newline would be taken apart by those who read lines. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20)
			text[i] = ' ';
	entry->fields[entry->n++] = (struct iovec){ .iov_base = text, .iov_len = len };
}

static const char *masked(const char *text, char *ret, size_t size)
{
	if (!text || !strchr(text, '@'))
		return text;
	mail_address_mask(text, ret, size);
	return ret;
}

static void message_build(const Audit *a, const char *user, char *ret, size_t size)
{
	Buf buf;

	buf_init(&buf, ret, size);
	buf_puts(&buf, a->method ? a->method : a->kind ? a->kind : events[a->event].name);
	if (user)
		buf_printf(&buf, " for %s", user);
	if (a->has_uid)
		buf_printf(&buf, " by uid %u", (unsigned)a->uid);
	else if (a->requester)
		buf_printf(&buf, " asked for by uid %s", a->requester);
	if (a->socket)
		buf_printf(&buf, " on %s", a->socket);
	if (a->host)
		buf_printf(&buf, " at %s", a->host);
	if (a->source)
		buf_printf(&buf, " from %s", a->source);
	buf_printf(&buf, ": %s", a->result ? a->result : "ok");
	if (a->detail && *a->detail)
		buf_printf(&buf, " (%s)", a->detail);
}

void audit_write(const Audit *audit)
{
	const char *name = events[audit->event].name;
	char user[MAIL_ADDRESS_MAX + USER_NAME_MAX], address[MAIL_ADDRESS_MAX + 1],
		message[FIELD_SIZE - 8], number[16];
	AUTO_FREE Entry *entry = calloc(1, sizeof(*entry));
	const char *shown = masked(audit->user, user, sizeof(user));

	message_build(audit, shown, message, sizeof(message));
	if (!entry || access(JOURNAL_SOCKET, W_OK) < 0) {
		log_line(events[audit->event].priority, "%s: %s", name, message);
		return;
	}
	entry_add(entry, "MESSAGE", message);
	entry_add(entry, "MESSAGE_ID", events[audit->event].message_id);
	snprintf(number, sizeof(number), "%d", events[audit->event].priority);
	entry_add(entry, "PRIORITY", number);
	entry_add(entry, "SYSLOG_IDENTIFIER", "pwresetd");
	entry_add(entry, "PWRESET_EVENT", name);
	entry_add(entry, "PWRESET_METHOD", audit->method);
	entry_add(entry, "PWRESET_RESULT", audit->result);
	entry_add(entry, "PWRESET_USER", shown);
	entry_add(entry, "PWRESET_MAIL", masked(audit->address, address, sizeof(address)));
	entry_add(entry, "PWRESET_SOCKET", audit->socket);
	entry_add(entry, "PWRESET_HOST", audit->host);
	entry_add(entry, "PWRESET_SOURCE", audit->source);
	entry_add(entry, "PWRESET_REQUEST", audit->request);
	entry_add(entry, "PWRESET_KIND", audit->kind);
	entry_add(entry, "PWRESET_REQUESTER", audit->requester);
	entry_add(entry, "PWRESET_DETAIL", audit->detail);
	if (audit->has_uid) {
		snprintf(number, sizeof(number), "%u", (unsigned)audit->uid);
		entry_add(entry, "PWRESET_CALLER_UID", number);
	}
	sd_journal_sendv(entry->fields, entry->n);
}
