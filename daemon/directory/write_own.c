/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The password of a privileged account, changed by who knows it. The service may not write there,
 * so it is done with the person's own rights, as ldappasswd would; and without our attributes, for
 * nothing else is open to such an account.
 */
#include <syslog.h>

#include "hash.h"
#include "write.h"

#define DAY 86400

static int modify(Call *call, const Account *account, const Secret *current, const Secret *hash,
		  bool shadow)
{
	AUTO_CHANGES Changes changes = { 0 };

	if (hash)
		changes_add(&changes, CHANGE_REPLACE, "userPassword", hash->bytes);
	if (shadow)
		changes_printf(&changes, CHANGE_REPLACE, "shadowLastChange", "%lld",
			       (long long)(call->caller.now / DAY));
	return directory_modify_own(call->worker->directory, account->dn, current, &changes);
}

/*
 * The directory's policy may want to see the password, which in a hash it cannot, or the old one
 * with it.
 */
static bool wants_to_see(const Call *call, int r)
{
	return r == DIRECTORY_E_CONSTRAINT ||
	       (r == DIRECTORY_E_ACCESS &&
		directory_policy(call->worker->directory) == DIRECTORY_POLICY_SUPPLY_OLD);
}

static int write_once(Call *call, const Account *account, const Secret *current,
		      const Secret *password, const Secret *hash)
{
	bool shadow = account_has_class(account, "shadowAccount");
	int r = modify(call, account, current, hash, shadow);

	if (wants_to_see(call, r)) {
		r = directory_passwd_own(call->worker->directory, account->dn, current, password);
		if (r == 0 && shadow)
			/*
			 * Not everywhere a person may write this; the password is changed all the
			 * same.
			 */
			(void)modify(call, account, password, NULL, true);
	} else if (r == DIRECTORY_E_ACCESS && shadow) {
		r = modify(call, account, current, hash, false);
	}
	return r;
}

/*
 * There is no marker in the entry, but the new password binds if it was written. That the old one
 * does says nothing: the server may still carry the write out.
 */
static WriteResult result_lost(Call *call, const Account *account, const Secret *password)
{
	return directory_check_password(call->worker->directory, account->dn, password) == 0
		       ? WRITE_DONE
		       : WRITE_UNKNOWN;
}

WriteResult password_write_own(Call *call, const Account *account, const Secret *current,
			       const Secret *password)
{
	AUTO_SECRET Secret hash = SECRET_NULL;
	int r;

	if (hash_make(call->worker->config, password, &hash) < 0)
		return WRITE_UNAVAILABLE;
	r = write_once(call, account, current, password, &hash);
	switch (r) {
	case 0:
		return WRITE_DONE;
	case -ECONNREFUSED:
		return WRITE_UNAVAILABLE;
	case -ECONNRESET:
	case -ETIMEDOUT:
		return result_lost(call, account, password);
	case DIRECTORY_E_CONSTRAINT:
		return WRITE_POLICY;
	default:
		journal_note(call, LOG_ERR, "write-forbidden", account->name,
			     directory_error(call->worker->directory));
		return r < 0 ? WRITE_UNAVAILABLE : WRITE_FORBIDDEN;
	}
}
