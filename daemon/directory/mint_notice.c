/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mails that open nothing: the user name, and what has happened to the account. */
#include "event.h"
#include "mint.h"

int mint_user_name(Call *call, const MintRequest *request, Account *account)
{
	Addresses addresses;
	MailTo to;

	addresses_read(account, call->worker->config, &addresses);
	mail_to_recovery(call, account, &addresses, &to);
	if (to.n == 0)
		return mint_skip(call, "no-address", 0);
	return mint_mail(call, request, account, &to, &(MailValues){ 0 });
}

int mint_notice(Call *call, const MintRequest *request, Account *account)
{
	Addresses addresses;
	Event event;
	MailTo to;

	/* The request carries the operation's id: what was not done is not told. */
	if (!event_find_operation(account->entry, request->id, &event))
		return mint_skip(call, "not-done", 0);
	addresses_read(account, call->worker->config, &addresses);
	mail_to_told(call, &addresses, &to);
	if (to.n == 0)
		return mint_skip(call, "no-address", 0);
	return mint_mail(call, request, account, &to, &(MailValues){ 0 });
}
