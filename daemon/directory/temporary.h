/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Temporary passwords: to be changed at the next login, and at an end after which they no longer
 * work. By ppolicy's pwdReset and pwdEndTime, else by shadowLastChange=0 and shadowExpire, whose
 * earlier value is kept in the event and restored.
 */
#pragma once

#include "account.h"

/* Whether the password is a temporary one of ours, and when it ends. */
bool temporary_end(const Entry *entry, int64_t *ret);
/*
 * Whether the directory can have it changed and end it for this account: by a policy with
 * pwdMustChange, or by the shadow map. False as well when the policy cannot be read.
 */
bool temporary_possible(Call *call, const Account *account);
/*
 * Within a password write: expires > 0 sets the marks of a temporary password; 0 takes away those
 * of an earlier one and puts back what they replaced.
 */
void temporary_put(Call *call, const Account *account, int64_t expires, Changes *changes);
