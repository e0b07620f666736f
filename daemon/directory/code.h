/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of checking a mailed code, for VerifyCode and for questions that want a code as well.
 */
#pragma once

#include "stored.h"

#define CODE_E_REFUSED 0x3001

/* code: CODE_SYMBOLS symbols. Takes one try off the live code with that label. */
int code_charge(Call *call, Account *account, const char *code, StoredToken *ret);
bool code_matches(Call *call, const Account *account, const StoredToken *token, const char *code);
/* Gives the try back and makes the grant. */
int code_grant(Call *call, Account *account, const StoredToken *charged,
	       char ret[static TICKET_TEXT_MAX + 1]);
/* Replies with the grant and wipes it. */
int grant_answer(Call *call, char grant[static TICKET_TEXT_MAX + 1]);
