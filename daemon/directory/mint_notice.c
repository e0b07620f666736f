/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mails that open nothing: the user name, and what has happened to the account. */
#include <string.h>

#include "event.h"
#include "mint.h"
#include "series.h"
#include "trace.h"

#define ATTEMPTS_MAX 6U
#define DOUBT_S (10 * 60) /* from then on what may have happened is told as such */

/* 0: counted, or nothing to count; the mail may go. MINT_E_SKIPPED: it has been answered. */
static int count_mail(Call *call, const MintRequest *request, Account *account)
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		Series series;
		int64_t left = series_left(call, account->entry, &series);
		int r;

		/*
		 * Staff are not held up; a retry of the same request was counted by the first
		 * attempt.
		 */
		if (*request->requester || request->attempt > 1)
			return 0;
		if (left > 0) {
			r = mint_skip(call, "back-off", left);
			return r < 0 ? r : MINT_E_SKIPPED;
		}
		stored_add_class(&changes, account);
		series_put(call, &series, &changes);
		r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (r != -ECONNRESET && !call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r;
	}
	return -EBUSY;
}

int mint_user_name(Call *call, const MintRequest *request, Account *account)
{
	Addresses addresses;
	MailTo to;
	int r;

	addresses_read(account, call->worker->config, &addresses);
	mail_to_recovery(call, account, &addresses, &to);
	if (to.n == 0)
		return mint_skip(call, "no-address", 0);
	mail_to_keep(&addresses, &to);
	r = count_mail(call, request, account);
	if (r != 0)
		return r == MINT_E_SKIPPED ? 0 : fail_directory(call, r);
	return mint_mail(call, request, account, &to, &(MailValues){ 0 });
}

/* The address that the event is about, masked; "" when it cannot be told. */
static void changed_address(const Addresses *addresses, const Event *event, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; i < addresses->n; i++) {
		const Address *address = &addresses->list[i];

		if (!address->own)
			continue;
		if (address->state == ADDRESS_UNCONFIRMED ||
		    (address->state == ADDRESS_VALID && address->time == event->time) ||
		    (address->state == ADDRESS_ONCE && address->time == event->time + ADDRESS_WAIT))
			mail_address_mask(address->text, ret, size);
	}
}

/* What was enrolled, as the templates name it. */
static const char *set_up(const MintRequest *request, const Event *event)
{
	static const char *const names[] = { "questions", "codes", "pin" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(event->what, names[i]) == 0)
			return names[i];
	return strcmp(request->kind, "enrolled") == 0 ? "way" : NULL;
}

int mint_notice(Call *call, const MintRequest *request, Account *account)
{
	char masked[MAIL_ADDRESS_MAX + 1];
	Event event = { 0 };
	Addresses addresses;
	Trace trace;
	MailTo to;

	/* The request carries the operation's id: what was not done is not told. */
	trace = trace_look(call, request, account, &event);
	/*
	 * But what the caller was told was done is, even where another server's later write of the
	 * entry has taken the mark away; and rather than never what remains in doubt.
	 */
	if (trace != TRACE_FOUND && !request->done &&
	    (trace == TRACE_NONE || call->caller.now < request->created + DOUBT_S))
		return trace_skip(call, request, trace);
	addresses_read(account, call->worker->config, &addresses);
	mail_to_told(call, &addresses, &to);
	if (to.n == 0)
		return mint_skip(call, "no-address", 0);
	changed_address(&addresses, &event, masked, sizeof(masked));
	return mint_mail(call, request, account, &to,
			 &(MailValues){ .mail = strcmp(event.what, "address") == 0 ? masked : NULL,
					.set_up = set_up(request, &event),
					.unsure = trace == TRACE_DOUBT });
}
