/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the journal hears of a delivery: its end, always; and while directory or relay do not do
 * their part, why, at the first failure of a request, so that nobody has to wait for a request's
 * end to learn what is wrong. An outage fails them all for one reason, so those lines are few; and
 * one line says when it is over.
 */

#include <string.h>

#include "audit.h"
#include "broker.h"
#include "delivery_private.h"

#define LINES_MAX 5                        /* at once … */
#define LINE_EVERY_US (5 * 60 * 1000000LL) /* … and then one in that time */
#define WHY_MAX 240 /* bytes of a relay's words, that the remedy behind them is not cut off */
#define DETAIL_MAX 640

static const struct {
	const char *failed, *back, *says, *remedy;
} parties[_PARTY_MAX] = {
	[PARTY_DIRECTORY] = { "directory-failed", "directory-back", "the directory answers again",
			      "See the lines of pwreset-directory@ in the journal, and ask "
			      "pwresetctl doctor." },
	[PARTY_RELAY] = { "relay-failed", "relay-back", "the relay takes mail again",
			  "See the lines of pwreset-mailer@ in the journal, and try pwresetctl "
			  "test-mail." },
};

static void request_tell(const Request *q, AuditEvent event, const char *result, const char *detail,
			 bool proven)
{
	audit_write(&(const Audit){
		.event = event,
		.result = result,
		.user = proven || q->requester ? q->user : NULL,
		.host = q->origin.host,
		.source = q->origin.address,
		.request = q->id,
		.kind = request_kind_name(q->kind),
		.requester = q->requester,
		.detail = detail,
	});
}

void delivery_tell_end(const Request *request, const char *result, const char *detail, bool proven)
{
	request_tell(request, AUDIT_MAIL, result, detail, proven);
}

/* A bucket like those of limit.h, in one number: when it will be full again. */
static bool line_allowed(Delivery *delivery, int64_t now)
{
	int64_t full = delivery->lines_full_at > now ? delivery->lines_full_at : now;

	if (full + LINE_EVERY_US - now > LINES_MAX * LINE_EVERY_US)
		return false;
	delivery->lines_full_at = full + LINE_EVERY_US;
	return true;
}

/* At most max bytes of it, and no part of a character. */
static int text_fit(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len > max)
		for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	return (int)len;
}

void delivery_tell_failure(Delivery *delivery, Request *request, Party party, const char *why,
			   const char *remedy)
{
	char detail[DETAIL_MAX];
	Buf buf;

	if (request->told & (1U << party))
		return;
	request->told |= (uint8_t)(1U << party);
	if (!line_allowed(delivery, mark_now_us(&delivery->broker->mark))) {
		delivery->n_silent++;
		return;
	}
	delivery->told[party] = true;
	buf_init(&buf, detail, sizeof(detail));
	if (!why)
		why = "no reason given";
	buf_printf(&buf, "%.*s. %s", text_fit(why, WHY_MAX), why,
		   remedy ? remedy : parties[party].remedy);
	if (delivery->n_silent > 0)
		buf_printf(&buf, " %u more failed since the last such line.", delivery->n_silent);
	delivery->n_silent = 0;
	/* When there is something for the relay, the directory has found the name. */
	request_tell(request, AUDIT_PUT_OFF, parties[party].failed, detail, party == PARTY_RELAY);
}

void delivery_tell_success(Delivery *delivery, Party party)
{
	char detail[DETAIL_MAX];

	if (!delivery->told[party])
		return;
	delivery->told[party] = false;
	snprintf(detail, sizeof(detail), "%s; %zu requests wait", parties[party].says,
		 spool_count(delivery->broker->spool));
	audit_write(&(const Audit){
		.event = AUDIT_RESUMED, .result = parties[party].back, .detail = detail });
}
