/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The marks of a temporary password, and their removal. */
#include "temporary.h"

#include <string.h>

#include "event.h"
#include "server_policy.h"

#define DAY 86400
#define NONE "none"

static bool by_ppolicy(Call *call)
{
	const DirectoryServer *server = directory_server(call->worker->directory);

	return server->ppolicy && !server->is_389ds;
}

bool temporary_possible(Call *call, const Account *account)
{
	/* Without pwdMustChange the overlay's pwdReset binds nobody. */
	return account_has_class(account, "shadowAccount") ||
	       (by_ppolicy(call) && server_policy_must_change(call, account));
}

bool temporary_end(const Entry *entry, int64_t *ret)
{
	int64_t days;
	Event event;

	if (!event_find_temporary(entry, &event))
		return false;
	if (!event.shadow)
		return entry_time(entry, "pwdEndTime", ret);
	if (!entry_integer(entry, "shadowExpire", &days))
		return false;
	*ret = days * DAY;
	return true;
}

/* The event's ref is "ppolicy.OLD" or "shadow.OLD", OLD being the attribute's value before. */
static void put_back(const Account *account, Changes *changes)
{
	const char *attribute, *old;
	char text[EVENT_VALUE_MAX];
	Event event;

	if (!event_find_temporary(account->entry, &event) ||
	    event_format(&event, text, sizeof(text)) < 0)
		return;
	attribute = event.shadow ? "shadowExpire" : "pwdEndTime";
	old = strchr(event.ref, '.');
	if (old && strcmp(old + 1, NONE) != 0)
		changes_add(changes, CHANGE_REPLACE, attribute, old + 1);
	else if (entry_has(account->entry, attribute))
		changes_clear(changes, CHANGE_REPLACE, attribute);
	changes_add(changes, CHANGE_DELETE, "pwresetEvent", text);
}

static void put_marks(Call *call, const Account *account, int64_t expires, Changes *changes)
{
	char time[GENERALIZED_TIME_SIZE];
	const char *attribute, *old;
	Event event = { .what = "temporary", .time = call->caller.now }, before;
	bool already = event_find_temporary(account->entry, &before);

	event.shadow = !by_ppolicy(call);
	attribute = event.shadow ? "shadowExpire" : "pwdEndTime";
	old = entry_text(account->entry, attribute);
	if (event.shadow) {
		/* The day after the one on which it ends: shadow(5) counts whole days. */
		changes_printf(changes, CHANGE_REPLACE, attribute, "%lld",
			       (long long)expires / DAY + 1);
		changes_add(changes, CHANGE_REPLACE, "shadowLastChange", "0");
	} else {
		generalized_time_format(expires, time);
		changes_add(changes, CHANGE_REPLACE, attribute, time);
		changes_add(changes, CHANGE_REPLACE, "pwdReset", "TRUE");
		/*
		 * Without pwdMustChange pwdReset binds nobody; then pam_unix sees to it by the
		 * shadow map.
		 */
		if (account_has_class(account, "shadowAccount") &&
		    !server_policy_must_change(call, account))
			changes_add(changes, CHANGE_REPLACE, "shadowLastChange", "0");
	}
	/* A second temporary password must not take the first one's end for the account's own. */
	if (already)
		snprintf(event.ref, sizeof(event.ref), "%s", before.ref);
	else
		snprintf(event.ref, sizeof(event.ref), "%s.%.32s",
			 event.shadow ? "shadow" : "ppolicy", old ? old : NONE);
	if (already) {
		char text[EVENT_VALUE_MAX];

		if (event_format(&before, text, sizeof(text)) == 0)
			changes_add(changes, CHANGE_DELETE, "pwresetEvent", text);
	}
	event_put(changes, account->entry, &event);
}

void temporary_put(Call *call, const Account *account, int64_t expires, Changes *changes)
{
	if (expires > 0)
		put_marks(call, account, expires, changes);
	else
		put_back(account, changes);
}
