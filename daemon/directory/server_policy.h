/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory's own password policy for an entry (ppolicy, shadow, 389-ds): when a password was
 * changed, ends, locks.
 */
#pragma once

#include "account.h"

typedef struct Lockout {
	int64_t max_failure; /* 0: no lockout */
	int64_t interval;    /* seconds; 0: failures are forgotten by a success only */
} Lockout;

/*
 * The entry's own policy; else, since the default's name is not in the entry, the strictest that
 * can be seen.
 */
int server_policy_lockout(Call *call, const Account *account, Lockout *ret);

/*
 * Whether the server itself has a password changed that was reset: every policy that may be meant
 * has pwdMustChange.
 */
bool server_policy_must_change(Call *call, const Account *account);

bool password_changed(const Entry *entry, int64_t *ret);
/* False when it never expires or that cannot be told. */
bool password_expires(Call *call, const Entry *entry, int64_t *ret);
bool password_must_change(const Entry *entry);
