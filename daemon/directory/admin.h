/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all staff verbs share: finding the account and asking the matrix. */
#pragma once

#include "roles.h"

/*
 * 0: the account, and the caller may. 1: an error has been answered. Negative: end the connection.
 */
int admin_open(Call *call, Verb verb, const char *user, Account *ret);
/* The reason for which the caller may not, or NULL. */
const char *admin_refusal(Call *call, Verb verb, const Account *account);
