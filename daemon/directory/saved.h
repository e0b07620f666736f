/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saved recovery codes: ten of 80 bits, shown once, each good once. Values of pwresetSavedCode are
 * KEY.MAC.
 */
#pragma once

#include "account.h"

#define SAVED_CODES 10U
#define SAVED_SYMBOLS 16U
#define SAVED_TEXT (SAVED_SYMBOLS + 3U) /* XXXX-XXXX-XXXX-XXXX */
#define SAVED_VALUE_MAX (PEPPER_ID_MAX + MAC_TEXT + 2U)

/* A new code as text, and the value to store. */
void saved_make(const Call *call, const Account *account, char ret_text[static SAVED_TEXT + 1],
		char ret_value[static SAVED_VALUE_MAX]);
/*
 * The stored value of what was typed, by each pepper key that is here; returns their number, 0 for
 * what is no code.
 */
size_t saved_values(const Call *call, const Account *account, const char *typed,
		    char ret[static PEPPER_KEYS_MAX][SAVED_VALUE_MAX]);
