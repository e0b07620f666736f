/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading policies of the directory and what they mean for one entry. */
#include "server_policy.h"

#define DAY 86400
#define POLICIES_MAX 64U
#define MAX_FAILURE_ASSUMED 3 /* where the policy cannot be read */
#define INTERVAL_ASSUMED 300

static const char *const attributes[] = {
	"pwdLockout", "pwdMaxFailure", "pwdFailureCountInterval",
	"pwdMaxAge",  "pwdMustChange", NULL,
};

static Lockout lockout_of(const Entry *policy)
{
	Lockout lockout = { 0 };

	if (!entry_flag(policy, "pwdLockout") ||
	    !entry_integer(policy, "pwdMaxFailure", &lockout.max_failure) ||
	    lockout.max_failure < 0)
		lockout.max_failure = 0;
	if (!entry_integer(policy, "pwdFailureCountInterval", &lockout.interval) ||
	    lockout.interval < 0)
		lockout.interval = 0;
	return lockout;
}

static Lockout stricter(Lockout a, Lockout b)
{
	if (a.max_failure == 0)
		return b;
	if (b.max_failure == 0)
		return a;
	return (Lockout){
		.max_failure = a.max_failure < b.max_failure ? a.max_failure : b.max_failure,
		.interval = a.interval == 0 || b.interval == 0 ? 0
			    : a.interval > b.interval          ? a.interval
							       : b.interval,
	};
}

/* One entry: its own policy. Several: all that can be seen. None: none can. */
static int policies_read(Call *call, const Entry *entry, EntryList *ret)
{
	const char *own = entry_text(entry, "pwdPolicySubentry");
	Directory *directory = call->worker->directory;
	DirectoryQuery query = {
		.base = own ? own : directory_server(directory)->suffix,
		.scope = own ? DIRECTORY_BASE : DIRECTORY_SUBTREE,
		.filter = "(objectClass=pwdPolicy)",
		.attributes = attributes,
		.limit = POLICIES_MAX,
	};
	int r = directory_search(directory, &query, ret);

	return r == DIRECTORY_E_NO_SUCH_OBJECT || r == DIRECTORY_E_SIZE_LIMIT ||
			       r == DIRECTORY_E_ACCESS
		       ? 0
		       : r;
}

int server_policy_lockout(Call *call, const Account *account, Lockout *ret)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };
	Lockout lockout = { 0 };
	int r = policies_read(call, account->entry, &list);

	if (r != 0)
		return r;
	for (size_t i = 0; i < list.n; i++)
		lockout = stricter(lockout, lockout_of(list.entries[i]));
	if (list.n == 0)
		lockout = (Lockout){ .max_failure = MAX_FAILURE_ASSUMED,
				     .interval = INTERVAL_ASSUMED };
	*ret = lockout;
	return 0;
}

bool password_changed(const Entry *entry, int64_t *ret)
{
	int64_t days;

	if (entry_time(entry, "pwdChangedTime", ret) || entry_time(entry, "pwdUpdateTime", ret))
		return true;
	if (!entry_integer(entry, "shadowLastChange", &days) || days <= 0)
		return false;
	*ret = days * DAY;
	return true;
}

bool password_expires(Call *call, const Entry *entry, int64_t *ret)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };
	int64_t last, max, changed;

	if (entry_time(entry, "passwordExpirationTime", ret))
		return true;
	if (entry_integer(entry, "shadowLastChange", &last) &&
	    entry_integer(entry, "shadowMax", &max) && last > 0 && max >= 0 && max < 99999) {
		*ret = (last + max) * DAY;
		return true;
	}
	if (!entry_time(entry, "pwdChangedTime", &changed) ||
	    policies_read(call, entry, &list) != 0 || list.n != 1)
		return false;
	if (!entry_integer(list.entries[0], "pwdMaxAge", &max) || max <= 0)
		return false;
	*ret = changed + max;
	return true;
}

bool server_policy_must_change(Call *call, const Account *account)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };

	if (policies_read(call, account->entry, &list) != 0)
		return false;
	for (size_t i = 0; i < list.n; i++)
		if (!entry_flag(list.entries[i], "pwdMustChange"))
			return false;
	return list.n > 0;
}

bool password_must_change(const Entry *entry)
{
	int64_t last;

	return entry_flag(entry, "pwdReset") ||
	       (entry_integer(entry, "shadowLastChange", &last) && last == 0);
}
