/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mail that asks whether a new recovery address can be read. It goes to that address alone. */
#include <string.h>

#include "confirm.h"
#include "mint.h"
#include "own.h"
#include "trace.h"

typedef struct Confirm {
	Address address;
	char code[CODE_SYMBOLS + 1];
} Confirm;

#define CONFIRM_E_NONE 0x7001

static int build(Call *call, const Account *account, Changes *changes, void *userdata)
{
	Confirm *confirm = userdata;
	Addresses addresses;
	const Address *pending;

	addresses_read(account, call->worker->config, &addresses);
	pending = confirm_pending(&addresses);
	if (!pending)
		return CONFIRM_E_NONE;
	confirm->address = *pending;
	confirm_make(call, account, &confirm->address, confirm->code);
	return address_replace(changes, pending, &confirm->address);
}

int mint_mail_confirm(Call *call, const MintRequest *request, Account *account)
{
	char shown[CODE_SYMBOLS + 2];
	Confirm confirm = { 0 };
	Event event;
	MailTo to;
	int r;

	/* Found on another server alone it can be confirmed when it has come here. */
	if (!event_find_outcome(account->entry, request->id, &event))
		return trace_skip(call, request,
				  request->done ? TRACE_FOUND
						: trace_look(call, request, account, &event));
	r = account_modify(call, account, build, &confirm);
	if (r == CONFIRM_E_NONE)
		return mint_skip(call, "not-done", 0);
	if (r != 0)
		return fail_directory(call, r);
	to = (MailTo){ .list = { confirm.address.text }, .n = 1 };
	code_format(confirm.code, shown);
	r = mint_mail(call, request, account, &to,
		      &(MailValues){ .code = shown,
				     .minutes = CONFIRM_MINUTES,
				     .mail = confirm.address.text });
	memory_wipe(&confirm, sizeof(confirm));
	memory_wipe(shown, sizeof(shown));
	return r;
}
