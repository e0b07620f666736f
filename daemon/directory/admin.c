/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staff verbs: who may, sending links, revoking. */
#include "admin.h"

#include <string.h>

#include "address.h"
#include "event.h"
#include "methods.h"
#include "stored.h"

#define USERS_MAX 500U
#define ATTEMPTS_MAX 6U
#define BATCH_MAX 64U

const char *admin_refusal(Call *call, Verb verb, const Account *account)
{
	bool oneself = call->caller.uid > 0 && call->caller.uid == account->uid_number;

	return roles_refusal(verb, call->caller.roles, account, oneself);
}

int admin_open(Call *call, Verb verb, const char *user, Account *ret)
{
	const char *reason = NULL;
	int r;

	if (!roles_have(verb, call->caller.roles)) {
		r = serve_fail(call->serve, VARLINK_E_PERMISSION_DENIED);
		return r < 0 ? r : 1;
	}
	r = account_find(call, user, ret);
	if (r == ACCOUNT_E_NONE)
		reason = "no-such-user";
	else if (r == ACCOUNT_E_AMBIGUOUS)
		reason = "ambiguous";
	else if (r == 0)
		reason = admin_refusal(call, verb, ret);
	if (r == 0 && !reason)
		return 0;
	r = reason ? fail_not_allowed(call, reason) : fail_directory(call, r);
	return r < 0 ? r : 1;
}

typedef struct AdminParameters {
	const JsonNode *caller;
	const JsonNode *users;
	const char *user, *batch;
} AdminParameters;

static const VarlinkField send_link_fields[] = {
	CALLER_FIELD,
	{ "users", JSON_ARRAY, offsetof(AdminParameters, users), true, USERS_MAX },
	FIELD_STRING(AdminParameters, batch, false, BATCH_MAX),
	{ 0 },
};

static const VarlinkField revoke_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(AdminParameters, user, true, USER_NAME_MAX),
	{ 0 },
};

/* "ok", or a reason of NotAllowed. found: what accounts_find() said. */
static const char *link_status(Call *call, const Account *account, int found)
{
	Addresses addresses;
	const char *reason;

	if (found == ACCOUNT_E_NONE)
		return "no-such-user";
	if (found == ACCOUNT_E_AMBIGUOUS)
		return "ambiguous";
	reason = admin_refusal(call, VERB_SEND_LINK, account);
	if (reason)
		return reason;
	if (!account_may_recover(account, true))
		return account_state_reason(account->state);
	addresses_read(account, call->worker->config, &addresses);
	for (size_t i = 0; i < addresses.n; i++)
		if (address_counts(&addresses.list[i], call->caller.now))
			return "ok";
	return "no-address";
}

typedef struct Statuses {
	const char *user[USERS_MAX]; /* as asked for */
	const char *status[USERS_MAX];
	char *name[USERS_MAX]; /* the login name where that is not what was typed, else NULL */
	size_t n;
} Statuses;

static void statuses_deinit(Statuses *statuses)
{
	for (size_t i = 0; i < statuses->n; i++)
		free(statuses->name[i]);
}

/* Those of [from, from + n). 0, or what the directory or memory had to say. */
static int statuses_find(Call *call, Statuses *statuses, size_t from, size_t n)
{
	Account accounts[ACCOUNTS_MAX];
	int results[ACCOUNTS_MAX];
	int r = accounts_find(call, statuses->user + from, n, accounts, results);

	if (r != 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const char *user = statuses->user[from + i], *status;

		status = link_status(call, &accounts[i], results[i]);
		statuses->status[from + i] = status;
		if (strcmp(status, "ok") == 0 && strcmp(accounts[i].name, user) != 0) {
			statuses->name[from + i] = strdup(accounts[i].name);
			if (!statuses->name[from + i])
				r = -ENOMEM;
		}
		account_deinit(&accounts[i]);
	}
	return r;
}

/* False: they are more than fits into a message. */
static bool statuses_write(const Statuses *statuses, JsonWriter *w)
{
	json_open(w, "results", '[');
	for (size_t i = 0; i < statuses->n; i++) {
		json_open(w, NULL, '{');
		json_put_string(w, "user", statuses->user[i]);
		json_put_string(w, "status", statuses->status[i]);
		if (statuses->name[i])
			json_put_string(w, "account", statuses->name[i]);
		json_close(w, '}');
	}
	json_close(w, ']');
	return !w->buf->overflow;
}

METHOD(method_admin_send_link)
{
	CLEANUP(statuses_deinit) Statuses statuses = { 0 };
	AdminParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, send_link_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!roles_have(VERB_SEND_LINK, call.caller.roles))
		return serve_fail(serve, VARLINK_E_PERMISSION_DENIED);
	JSON_FOREACH(it, p.users) {
		if (it->type != JSON_STRING)
			return serve_invalid(serve, "users");
		statuses.user[statuses.n++] = it->string;
	}
	for (size_t i = 0; r == 0 && i < statuses.n; i += ACCOUNTS_MAX)
		r = statuses_find(&call, &statuses, i,
				  statuses.n - i < ACCOUNTS_MAX ? statuses.n - i : ACCOUNTS_MAX);
	if (r != 0)
		return fail_directory(&call, r);
	/* Nobody's link is on its way yet: the broker spools what it reads in the reply. */
	if (!statuses_write(&statuses, serve_reply(serve)))
		return serve_invalid(serve, "users");
	return serve_send(serve);
}

static int revoke_all(Call *call, Account *account)
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		Event event = { .what = "revoked", .time = call->caller.now };
		int r;

		stored_add_class(&changes, account);
		if (entry_has(account->entry, "pwresetToken"))
			changes_clear(&changes, CHANGE_REPLACE, "pwresetToken");
		snprintf(event.operation, sizeof(event.operation), "%s", call->caller.operation);
		snprintf(event.by, sizeof(event.by), "%lld", (long long)call->caller.uid);
		/*
		 * Even when nothing is open: requests that wait in the spool are older than this,
		 * and die.
		 */
		event_put(&changes, account->entry, &event);
		r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (!call_lost(call, r) && !call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r == ACCOUNT_E_NONE ? 0 : r;
	}
	return -EBUSY;
}

METHOD(method_admin_revoke)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AdminParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, revoke_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_REVOKE, p.user, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	r = revoke_all(&call, &account);
	if (r != 0)
		return fail_directory(&call, r);
	serve_reply(serve);
	return serve_send(serve);
}
