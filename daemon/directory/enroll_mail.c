/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recovery address of one's own: set with the current password, confirmed by a code that was
 * mailed to it, and good a day later, when the old addresses have long been told.
 */
#include <string.h>

#include "code.h"
#include "confirm.h"
#include "decoy.h"
#include "event.h"
#include "methods.h"
#include "own.h"

#define ENROLL_E_KNOWN 0x6001 /* the address is on file */

typedef struct MailParameters {
	const JsonNode *caller;
	const char *user, *current, *address, *code;
	const JsonNode *origin;
} MailParameters;

static const VarlinkField enroll_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(MailParameters, current, true, 0),
	FIELD_STRING(MailParameters, address, true, 0),
	FIELD_STRING(MailParameters, user, false, USER_NAME_MAX),
	FIELD_OBJECT(MailParameters, origin, false),
	{ 0 },
};

static const VarlinkField confirm_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(MailParameters, address, true, 0),
	FIELD_STRING(MailParameters, code, true, 64),
	FIELD_STRING(MailParameters, user, false, USER_NAME_MAX),
	FIELD_OBJECT(MailParameters, origin, false),
	{ 0 },
};

static int build_enroll(Call *call, const Account *account, Changes *changes, void *userdata)
{
	Address address = { .own = true, .state = ADDRESS_UNCONFIRMED, .time = call->caller.now };
	Addresses addresses;
	const Address *pending;
	int r;

	snprintf(address.text, sizeof(address.text), "%s", (const char *)userdata);
	addresses_read(account, call->worker->config, &addresses);
	pending = confirm_pending(&addresses);
	r = pending ? address_remove(changes, pending) : 0;
	for (size_t i = 0; r == 0 && i < addresses.n; i++)
		if (&addresses.list[i] != pending &&
		    ascii_equal(addresses.list[i].text, address.text))
			return ENROLL_E_KNOWN;
	if (r == 0)
		r = address_add(changes, &address);
	if (entry_has(account->entry, "pwresetToken"))
		changes_clear(changes, CHANGE_REPLACE, "pwresetToken");
	account_put_event(call, account, "address", "", "", changes);
	return r;
}

METHOD(method_enroll_mail)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	MailParameters p = { 0 };
	char address[MAIL_ADDRESS_MAX + 1];
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, enroll_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!address_acceptable(p.address))
		return serve_invalid(serve, "address");
	snprintf(address, sizeof(address), "%s", p.address);
	r = own_open(&call, p.user, p.current, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	r = account_modify(&call, &account, build_enroll, address);
	/* It is on file already: nothing was changed, and nobody is told that something was. */
	if (r != 0 && r != ENROLL_E_KNOWN)
		return fail_directory(&call, r);
	serve_reply(serve);
	return serve_send(serve);
}

typedef struct Confirming {
	const char *address, *code;
	bool right;
} Confirming;

static const Address *pending_for(const Addresses *addresses, const char *text, int64_t now,
				  Confirmation *ret)
{
	const Address *pending = confirm_pending(addresses);

	if (!pending || !ascii_equal(pending->text, text) || now >= pending->time ||
	    !confirm_parse(pending->detail, ret) || ret->tries == 0)
		return NULL;
	return pending;
}

/* Takes a try before anything is compared. */
static int build_charge(Call *call, const Account *account, Changes *changes, void *userdata)
{
	Confirming *confirming = userdata;
	Confirmation confirmation;
	Addresses addresses;
	const Address *pending;
	Address charged;

	addresses_read(account, call->worker->config, &addresses);
	pending = pending_for(&addresses, confirming->address, call->caller.now, &confirmation);
	if (!pending)
		return CODE_E_REFUSED;
	confirming->right =
		confirm_matches(call, account, pending, &confirmation, confirming->code);
	charged = *pending;
	confirmation.tries--;
	confirm_format(&confirmation, charged.detail);
	return address_replace(changes, pending, &charged);
}

/* The new one counts in a day; until then those that it replaces do. */
static int build_confirmed(Call *call, const Account *account, Changes *changes, void *userdata)
{
	const Confirming *confirming = userdata;
	int64_t then = call->caller.now + ADDRESS_WAIT;
	Addresses addresses;
	int r = 0;

	addresses_read(account, call->worker->config, &addresses);
	for (size_t i = 0; r == 0 && i < addresses.n; i++) {
		const Address *old = &addresses.list[i];
		Address new = *old;

		if (!old->own)
			continue;
		new.detail[0] = '\0';
		new.time = then;
		if (old->state == ADDRESS_UNCONFIRMED &&
		    ascii_equal(old->text, confirming->address))
			new.state = ADDRESS_WAITING;
		else if (old->state == ADDRESS_VALID || old->state == ADDRESS_WAITING)
			new.state = ADDRESS_ENDING;
		else
			continue;
		r = address_replace(changes, old, &new);
	}
	account_put_event(call, account, "confirmed", "", "", changes);
	return r;
}

static int confirm(Call *call, Account *account, Confirming *confirming)
{
	int r = account_charge(call, account, build_charge, confirming);

	if (r == 0)
		r = confirming->right ? account_reload(call, account) : CODE_E_REFUSED;
	if (r == 0)
		r = account_modify(call, account, build_confirmed, confirming);
	return r;
}

METHOD(method_confirm_mail)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	char code[CODE_SYMBOLS + 1];
	Confirming confirming = { .code = code };
	MailParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, confirm_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	confirming.address = p.address;
	if (!call_via(&call, "ctl") && !p.user)
		return serve_invalid(serve, "user");
	r = call_via(&call, "ctl") ? account_find_own(&call, &account)
				   : account_find(&call, p.user, &account);
	if (code_parse(p.code, code) < 0)
		memset(code, '0', CODE_SYMBOLS + 1);
	code[CODE_SYMBOLS] = '\0';
	if (r == 0)
		r = confirm(&call, &account, &confirming);
	else if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
		r = CODE_E_REFUSED;
	memory_wipe(code, sizeof(code));
	if (r == CODE_E_REFUSED && !account.entry && (r = decoy_charge(&call)) == 0)
		r = CODE_E_REFUSED;
	if (r == CODE_E_REFUSED)
		return fail_refused(&call);
	if (r != 0)
		return fail_directory(&call, r);
	serve_reply(serve);
	return serve_send(serve);
}
