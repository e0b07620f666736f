/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binding as a person. The directory counts failures; we stop before its limit is reached. */
#include "prove.h"

#include <string.h>

#include "event.h"
#include "server_policy.h"
#include "stored.h"

#define ATTEMPTS_MAX 4U
#define PROOF_LIFE 30 /* seconds after which a check under way counts as dead */
#define STALE_MAX 16U

/* Seconds; a policy that never forgets failures is tried again after these too. */
#define INTERVAL_ASSUMED 300

/* Failures that still count, and when the oldest of them is forgotten. */
static int64_t failures_count(const Entry *entry, const Lockout *lockout, int64_t now,
			      int64_t *ret_oldest)
{
	const Attribute *times = entry_attribute(entry, "pwdFailureTime");
	int64_t n = 0, retries;

	*ret_oldest = now;
	for (size_t i = 0; times && i < times->n; i++) {
		int64_t time;

		if (!generalized_time_parse(times->values[i].bytes, &time))
			time = now;
		if (lockout->interval > 0 && now - time >= lockout->interval)
			continue;
		if (time < *ret_oldest)
			*ret_oldest = time;
		n++;
	}
	if (entry_integer(entry, "passwordRetryCount", &retries) && retries > n)
		n = retries;
	return n;
}

/*
 * Checks under way elsewhere, each of which may become a failure; old ones were left behind by a
 * worker that died.
 */
static int64_t proofs_count(const Entry *entry, const Call *call)
{
	const Attribute *values = entry_attribute(entry, "pwresetEvent");
	int64_t n = 0;

	for (size_t i = 0; values && i < values->n; i++) {
		Event event;

		n += event_parse(values->values[i].bytes, &event) &&
		     strcmp(event.what, EVENT_PROOF) == 0 &&
		     call->caller.now - event.time < PROOF_LIFE &&
		     strcmp(event.operation, call->caller.operation) != 0;
	}
	return n;
}

static void proof_format(const Call *call, char ret[static EVENT_VALUE_MAX])
{
	Event event = { .what = EVENT_PROOF, .time = call->caller.now };

	snprintf(event.operation, sizeof(event.operation), "%s", call->caller.operation);
	(void)event_format(&event, ret, EVENT_VALUE_MAX);
}

static void put_stale(const Call *call, const Entry *entry, Changes *changes)
{
	const Attribute *values = entry_attribute(entry, "pwresetEvent");
	unsigned n = 0;

	for (size_t i = 0; values && i < values->n && n < STALE_MAX; i++) {
		Event event;

		if (!event_parse(values->values[i].bytes, &event) ||
		    strcmp(event.what, EVENT_PROOF) != 0 ||
		    call->caller.now - event.time < PROOF_LIFE)
			continue;
		changes_add(changes, CHANGE_DELETE, "pwresetEvent", values->values[i].bytes);
		n++;
	}
}

static bool place_is_taken(const Entry *entry, const char *text)
{
	const Attribute *values = entry_attribute(entry, "pwresetEvent");

	for (size_t i = 0; values && i < values->n; i++)
		if (strcmp(values->values[i].bytes, text) == 0)
			return true;
	return false;
}

static int place_write(Call *call, Account *account, const char *text)
{
	AUTO_CHANGES Changes changes = { 0 };
	int r;

	stored_add_class(&changes, account);
	put_stale(call, account->entry, &changes);
	changes_add(&changes, CHANGE_ADD, "pwresetEvent", text);
	r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
	/* Whether it is there, the entry tells. */
	return call_raced(call, r) || r == -ECONNRESET ? 0 : r;
}

/*
 * Takes a place among the failures that are left before a lock, so that checks in parallel cannot
 * together go beyond: the place is written first and counted afterwards, with everybody else's.
 */
static int place_take(Call *call, Account *account, const Lockout *lockout, int64_t *ret_seconds)
{
	int64_t oldest, now = call->caller.now;
	char text[EVENT_VALUE_MAX];
	int r;

	proof_format(call, text);
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		int64_t used = failures_count(account->entry, lockout, now, &oldest) +
			       proofs_count(account->entry, call);

		if (used + 1 > lockout->max_failure - 1)
			break;
		if (place_is_taken(account->entry, text))
			return 0;
		r = place_write(call, account, text);
		if (r == 0)
			r = account_reload(call, account);
		if (r != 0)
			return r;
	}
	*ret_seconds = lockout->interval > 0 ? oldest + lockout->interval - now : INTERVAL_ASSUMED;
	if (*ret_seconds < 1)
		*ret_seconds = 1;
	return PROVE_E_LATER;
}

static void place_leave(Call *call, const Account *account)
{
	AUTO_CHANGES Changes changes = { 0 };
	char text[EVENT_VALUE_MAX];

	proof_format(call, text);
	changes_add(&changes, CHANGE_DELETE, "pwresetEvent", text);
	/* What is left behind ends by itself. */
	(void)directory_modify(call->worker->directory, account->dn, &changes, NULL);
}

int password_prove(Call *call, Account *account, const Secret *password, int64_t *ret_seconds)
{
	Directory *directory = call->worker->directory;
	DirectoryPolicy policy;
	Lockout lockout;
	bool placed;
	int r;

	*ret_seconds = 0;
	/*
	 * Nothing is for them here, so strangers shall not even be able to count their failures up.
	 */
	if (account->privileged && (call_via(call, "web") || call_via(call, "relay")))
		return PROVE_E_WRONG;
	r = server_policy_lockout(call, account, &lockout);
	if (r != 0)
		return r;
	/* No place on privileged accounts: we may not write there. */
	placed = lockout.max_failure > 0 && !account->privileged;
	if (placed)
		r = place_take(call, account, &lockout, ret_seconds);
	if (r == PROVE_E_LATER)
		place_leave(call, account);
	if (r != 0)
		return r;
	r = directory_check_password(directory, account->dn, password);
	policy = directory_policy(directory);
	if (placed && r >= 0)
		place_leave(call, account);
	if (r == DIRECTORY_E_CREDENTIALS)
		/*
		 * The server compares before it looks at the age: "expired" is said of the right
		 * password only.
		 */
		return policy == DIRECTORY_POLICY_EXPIRED ? 0 : PROVE_E_WRONG;
	/*
	 * An account that may not bind (inappropriateAuthentication, unwillingToPerform …) has
	 * proved nothing.
	 */
	return r > 0 ? PROVE_E_WRONG : r;
}
