/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening one's own account, and changing it. */
#include "own.h"

#include <string.h>

#include "event.h"
#include "prove.h"
#include "stored.h"

#define ATTEMPTS_MAX 6U

/* 0; 1: answered. Whose account it is. */
static int own_find(Call *call, const char *user, Account *ret)
{
	bool ctl = call_via(call, "ctl");
	int r;

	if (!ctl && !user) {
		r = serve_invalid(call->serve, "user");
		return r < 0 ? r : 1;
	}
	r = ctl ? account_find_own(call, ret) : account_find(call, user, ret);
	/*
	 * The notice is written to whom this name finds: an address may be somebody else's too by
	 * then, or nobody's any more.
	 */
	if (r == 0 && ctl && user && !ascii_equal(ret->name, user))
		r = serve_fail(call->serve, VARLINK_E_PERMISSION_DENIED);
	else if (r == 0)
		return 0;
	else if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
		r = ctl ? fail_not_allowed(call, "no-such-user") : fail_wrong_password(call);
	else
		r = fail_directory(call, r);
	return r < 0 ? r : 1;
}

int own_open(Call *call, const char *user, const char *current, Account *ret)
{
	AUTO_SECRET Secret secret = SECRET_NULL;
	const char *reason;
	int64_t seconds = 0;
	int r;

	r = own_find(call, user, ret);
	if (r != 0)
		return r;
	if (!current && !call_via(call, "ctl"))
		r = fail_wrong_password(call);
	else if (current && (r = secret_from_base64(&secret, current)) < 0)
		r = r == -EBADMSG ? serve_invalid(call->serve, "current")
				  : fail_wrong_password(call);
	else if (current && (r = password_prove(call, ret, &secret, &seconds)) != 0)
		r = prove_fail(call, r, seconds);
	else if (current &&
		 (reason = ret->privileged ? "privileged" : account_state_reason(ret->state)))
		/* No way back in for accounts that may not use one. */
		r = fail_not_allowed(call, reason);
	else
		return 0;
	return r < 0 ? r : 1;
}

int account_modify(Call *call, Account *account, OwnBuild build, void *userdata)
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		Event event;
		int r;

		stored_add_class(&changes, account);
		r = build(call, account, &changes, userdata);
		if (r != 0)
			return r;
		r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (!call_lost(call, r) && !call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r;
		/* The reply was lost, but it was done. */
		if (event_find_operation(account->entry, call->caller.operation, &event))
			return 0;
	}
	return -EBUSY;
}

int account_charge(Call *call, Account *account, OwnBuild build, void *userdata)
{
	int r = account_modify(call, account, build, userdata);

	call->unsure = false;
	return r;
}

void account_put_event(Call *call, const Account *account, const char *what, const char *ref,
		       const char *by, Changes *changes)
{
	Event event = { .time = call->caller.now };

	snprintf(event.what, sizeof(event.what), "%s", what);
	snprintf(event.operation, sizeof(event.operation), "%s", call->caller.operation);
	snprintf(event.ref, sizeof(event.ref), "%s", ref);
	snprintf(event.by, sizeof(event.by), "%s", by);
	event_put(changes, account->entry, &event);
}

void caller_author(const Call *call, char *ret, size_t size)
{
	snprintf(ret, size, "%lld", (long long)call->caller.uid);
}
