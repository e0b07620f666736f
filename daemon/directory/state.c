/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the attributes of shadow(5), ppolicy, 389-ds and Active Directory say about an account. */
#include "account.h"

#include <string.h>

#include "event.h"

#define DAY 86400
#define LOCKED_FOR_EVER "000001010000Z" /* ppolicy: by an administrator, until lifted */
#define UAC_DISABLED 2                  /* userAccountControl: ACCOUNTDISABLE */

static bool is_expired(const Entry *entry, int64_t now)
{
	int64_t value;
	Event temporary;
	bool ours = event_find_temporary(entry, &temporary);

	/*
	 * The end of a temporary password is the password's, not the account's: an expired password
	 * recovers.
	 */
	if (entry_has(entry, "shadowExpire") && !(ours && temporary.shadow)) {
		if (!entry_integer(entry, "shadowExpire", &value))
			return true;
		if (value >= 0 && now / DAY >= value)
			return true;
	}
	if (entry_has(entry, "pwdEndTime") && !(ours && !temporary.shadow))
		return !entry_time(entry, "pwdEndTime", &value) || now >= value;
	return false;
}

static bool is_disabled(const Entry *entry, int64_t now)
{
	int64_t value;

	if (entry_flag(entry, "nsAccountLock"))
		return true;
	if (entry_integer(entry, "userAccountControl", &value) && (value & UAC_DISABLED))
		return true;
	return entry_has(entry, "pwdStartTime") &&
	       (!entry_time(entry, "pwdStartTime", &value) || now < value);
}

/*
 * Keys besides userPassword, or a userPassword that is none: {SASL} sends the check to Kerberos or
 * elsewhere.
 */
static bool has_foreign_keys(const Entry *entry)
{
	static const char *const classes[] = {
		"krbPrincipal", "krbPrincipalAux", "krb5Principal",
		"krb5KDCEntry", "sambaSamAccount", "ipaNTUserAttrs",
	};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (entry_holds(entry, "objectClass", classes[i]))
			return true;
	return entry_has(entry, "userPassword");
}

/*
 * 389-ds leaves accountUnlockTime behind when a new password lifts the lock: the count of failures
 * tells.
 */
static bool is_locked_389(const Entry *entry, int64_t now)
{
	int64_t unlock, failures;

	if (entry_integer(entry, "passwordRetryCount", &failures) && failures == 0)
		return false;
	return entry_time(entry, "accountUnlockTime", &unlock) && (unlock == 0 || now < unlock);
}

AccountState account_state(const Entry *entry, bool inactive, int64_t now)
{
	const char *locked = entry_text(entry, "pwdAccountLockedTime");

	if (has_foreign_keys(entry))
		return ACCOUNT_FOREIGN_KEYS;
	if (is_disabled(entry, now))
		return ACCOUNT_DISABLED;
	if (locked && strcmp(locked, LOCKED_FOR_EVER) == 0)
		return ACCOUNT_LOCKED_BY_ADMINISTRATOR;
	if (is_expired(entry, now))
		return ACCOUNT_EXPIRED;
	if (inactive)
		return ACCOUNT_NEVER_ACTIVATED;
	if (locked || is_locked_389(entry, now))
		return ACCOUNT_LOCKED;
	return ACCOUNT_ACTIVE;
}

void account_state_fix(const Entry *entry, char *ret, size_t size)
{
	const char *locked = entry_text(entry, "pwdAccountLockedTime");
	const char *expire = entry_text(entry, "shadowExpire"),
		   *end = entry_text(entry, "pwdEndTime");

	snprintf(ret, size, "%d:%d:%.32s:%.32s", locked && strcmp(locked, LOCKED_FOR_EVER) == 0,
		 entry_flag(entry, "nsAccountLock"), expire ? expire : "", end ? end : "");
}

const char *account_state_name(AccountState state)
{
	switch (state) {
	case ACCOUNT_ACTIVE:
		return "active";
	case ACCOUNT_NEVER_ACTIVATED:
		return "never-activated";
	case ACCOUNT_EXPIRED:
		return "expired";
	case ACCOUNT_LOCKED:
		return "locked";
	case ACCOUNT_LOCKED_BY_ADMINISTRATOR:
		return "locked-by-administrator";
	case ACCOUNT_FOREIGN_KEYS:
		return "not-possible-here";
	case ACCOUNT_DISABLED:
		break;
	}
	return "disabled";
}

const char *account_state_reason(AccountState state)
{
	switch (state) {
	case ACCOUNT_ACTIVE:
	case ACCOUNT_LOCKED:
		return NULL;
	case ACCOUNT_NEVER_ACTIVATED:
		return "never-activated";
	case ACCOUNT_EXPIRED:
		return "expired";
	case ACCOUNT_LOCKED_BY_ADMINISTRATOR:
		return "locked";
	case ACCOUNT_FOREIGN_KEYS:
		return "not-possible-here";
	case ACCOUNT_DISABLED:
		break;
	}
	return "disabled";
}

bool account_may_recover(const Account *account, bool staff)
{
	/*
	 * Who may act on privileged accounts was checked when staff asked; by themselves they never
	 * recover.
	 */
	if (account->privileged != 0 && !staff)
		return false;
	switch (account->state) {
	case ACCOUNT_ACTIVE:
	case ACCOUNT_LOCKED:
		return true;
	case ACCOUNT_NEVER_ACTIVATED:
		return staff;
	case ACCOUNT_EXPIRED:
	case ACCOUNT_DISABLED:
	case ACCOUNT_LOCKED_BY_ADMINISTRATOR:
	case ACCOUNT_FOREIGN_KEYS:
		break;
	}
	return false;
}
