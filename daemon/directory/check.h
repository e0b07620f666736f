/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new password of an account against the one policy: with the person's own words and earlier
 * passwords.
 */
#pragma once

#include "history.h"

/*
 * 0: good, and *ret_history is what to store. 1: PasswordRefused (or InvalidParameter) has been
 * answered. Negative errno: nothing has been answered. old: the current password where it is known,
 * or NULL.
 */
int password_check(Call *call, const Account *account, const Secret *password, const Secret *old,
		   History *ret_history);
/* Answers PasswordRefused with one reason that is not the policy engine's. */
int password_refuse(Call *call, const char *reason);
/* The reason behind a refusal by the directory's own policy. */
const char *password_directory_reason(DirectoryPolicy policy);

/*
 * The verdict alone, for Password.Check: account may be NULL. words: an array of strings or NULL.
 */
void password_judge(Call *call, const Account *account, const JsonNode *words,
		    const Secret *password, const Secret *old, PolicyVerdict *ret);
/* "reasons", "hints" and "bits" of a verdict. */
void verdict_write(JsonWriter *w, const PolicyVerdict *verdict);
