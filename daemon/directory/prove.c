/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binding as a person. The directory counts failures; we stop before its limit is reached. */
#include "prove.h"

#include "server_policy.h"

#define INTERVAL_ASSUMED 300 /* seconds; a policy that never forgets failures is tried again after these too */

/* Failures that still count, and when the oldest of them is forgotten. */
static int64_t failures_count(const Entry *entry, const Lockout *lockout, int64_t now, int64_t *ret_oldest)
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

int password_prove(Call *call, const Account *account, const Secret *password, int64_t *ret_seconds)
{
	Directory *directory = call->worker->directory;
	int64_t oldest, now = call->caller.now;
	Lockout lockout;
	int r;

	*ret_seconds = 0;
	r = server_policy_lockout(call, account, &lockout);
	if (r != 0)
		return r;
	if (lockout.max_failure > 0 &&
	    failures_count(account->entry, &lockout, now, &oldest) >= lockout.max_failure - 1) {
		*ret_seconds = lockout.interval > 0 ? oldest + lockout.interval - now : INTERVAL_ASSUMED;
		if (*ret_seconds < 1)
			*ret_seconds = 1;
		return PROVE_E_LATER;
	}
	r = directory_check_password(directory, account->dn, password);
	if (r == DIRECTORY_E_CREDENTIALS)
		/* The server compares before it looks at the age: "expired" is said of the right password only. */
		return directory_policy(directory) == DIRECTORY_POLICY_EXPIRED ? 0 : PROVE_E_WRONG;
	/* An account that may not bind (inappropriateAuthentication, unwillingToPerform …) has proved nothing. */
	return r > 0 ? PROVE_E_WRONG : r;
}
