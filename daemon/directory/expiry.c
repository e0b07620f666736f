/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passwords that are about to expire: whose, and the mail about it, once for each expiry. */
#include <string.h>

#include "admin.h"
#include "event.h"
#include "methods.h"
#include "mint.h"
#include "names.h"
#include "own.h"
#include "server_policy.h"

#define DAY 86400
#define DAYS_MAX 365

typedef struct ExpiryParameters {
	const JsonNode *caller;
	int64_t days;
	const char *after;
} ExpiryParameters;

static const VarlinkField expiry_fields[] = {
	CALLER_FIELD,
	{ "days", JSON_INTEGER, offsetof(ExpiryParameters, days), true, 0 },
	FIELD_STRING(ExpiryParameters, after, false, USER_NAME_MAX),
	{ 0 },
};

/* Whether this expiry was told of; its time is the event's ref. */
/* operation: a request that may have done so itself, in an attempt before; NULL: none. */
static bool was_reminded(const Entry *entry, int64_t expires, const char *operation)
{
	char ref[EVENT_REF_MAX];
	Event event;

	snprintf(ref, sizeof(ref), "%lld", (long long)expires);
	return event_find_what(entry, "reminded", &event) && strcmp(event.ref, ref) == 0 &&
	       !(operation && strcmp(event.operation, operation) == 0);
}

static bool is_due(Call *call, const Account *account, void *userdata)
{
	const int64_t until = *(const int64_t *)userdata;
	int64_t expires;

	return account_state_reason(account->state) == NULL &&
	       password_expires(call, account->entry, &expires) && expires > call->caller.now &&
	       expires <= until && !was_reminded(account->entry, expires, NULL);
}

METHOD(method_admin_remind_expiry)
{
	ExpiryParameters p = { .after = "" };
	int64_t until;
	Names names;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, expiry_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!roles_have(VERB_SET_PASSWORD, call.caller.roles))
		return serve_fail(serve, VARLINK_E_PERMISSION_DENIED);
	if (p.days < 1 || p.days > DAYS_MAX)
		return serve_invalid(serve, "days");
	r = names_walk(&call, NULL, p.after, &names);
	if (r != 0)
		return names_fail(&call, r);
	until = call.caller.now + p.days * DAY;
	r = names_write(&call, &names, is_due, &until, serve_reply(serve));
	return r != 0 ? fail_directory(&call, r) : serve_send(serve);
}

static int build_reminded(Call *call, const Account *account, Changes *changes, void *userdata)
{
	char text[EVENT_VALUE_MAX];
	Event old;

	if (event_find_what(account->entry, "reminded", &old) &&
	    event_format(&old, text, sizeof(text)) == 0)
		changes_add(changes, CHANGE_DELETE, "pwresetEvent", text);
	account_put_event(call, account, "reminded", userdata, "", changes);
	return 0;
}

int mint_expiry(Call *call, const MintRequest *request, Account *account)
{
	char ref[EVENT_REF_MAX];
	Addresses addresses;
	int64_t expires;
	MailTo to;
	int r;

	if (!password_expires(call, account->entry, &expires) || expires <= call->caller.now ||
	    was_reminded(account->entry, expires, request->id))
		return mint_skip(call, "not-done", 0);
	addresses_read(account, call->worker->config, &addresses);
	mail_to_recovery(call, account, &addresses, &to);
	mail_to_keep(&addresses, &to);
	if (to.n == 0)
		return mint_skip(call, "no-address", 0);
	snprintf(ref, sizeof(ref), "%lld", (long long)expires);
	if (!was_reminded(account->entry, expires, NULL)) {
		r = account_modify(call, account, build_reminded, ref);
		if (r != 0)
			return fail_directory(call, r);
	}
	return mint_mail(call, request, account, &to,
			 &(MailValues){ .minutes = (expires - request->created) / 60 });
}
