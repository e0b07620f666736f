/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person does with the own account: on ctl by uid, on the page by the current password
 * alone.
 */
#pragma once

#include "account.h"

/*
 * 0: the account; 1: answered. current: base64, checked; NULL: not asked for, which only ctl may.
 */
int own_open(Call *call, const char *user, const char *current, Account *ret);
/*
 * One modify with retries: build() puts the changes for the account as it was read last. 0, or what
 * fail_directory() takes. build: 0, or a result that ends it.
 */
typedef int (*OwnBuild)(Call *call, const Account *account, Changes *changes, void *userdata);
int account_modify(Call *call, Account *account, OwnBuild build, void *userdata);
/*
 * The same for a try that is charged: a try that may have been lost is no setting that may have
 * been.
 */
int account_charge(Call *call, Account *account, OwnBuild build, void *userdata);
/* An event of this operation, with by: "" for the person. */
void account_put_event(Call *call, const Account *account, const char *what, const char *ref,
		       const char *by, Changes *changes);
/* pin.c: gives back the tries of its PIN, if it has one. */
void pin_restore(const Account *account, Changes *changes);
/* Who stands in events as the author of a staff verb: the uid. */
void caller_author(const Call *call, char *ret, size_t size);
