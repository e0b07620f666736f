/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checking a current password by a bind, without ever letting that lock the account. */
#pragma once

#include "account.h"

enum {
	_PROVE_E_SUCCESS,
	PROVE_E_WRONG = 0x5001,
	PROVE_E_LATER, /* *ret_seconds: one more failure would be too near to a lock */
};

/*
 * The entry may be read again. 0, PROVE_E_*, or a result of directory_*(). An expired password that
 * is right counts as right.
 */
int password_prove(Call *call, Account *account, const Secret *password, int64_t *ret_seconds);
/* Answers what password_prove() gave. */
int prove_fail(Call *call, int r, int64_t seconds);
