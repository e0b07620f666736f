/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwresetHistory: verifiers of the passwords that were set here. One salt an account, so that one
 * derivation compares with all; under the pepper, so that the list helps nobody who copies the
 * directory.
 */
#pragma once

#include "account.h"

#define HISTORY_KEPT 8U

typedef struct History {
	bool reused;
	char value[192]; /* what to store for this password */
} History;

/* Derives the verifier of password and compares. */
int history_open(Call *call, const Account *account, const Secret *password, History *ret);
/* Adds it, and deletes the oldest above HISTORY_KEPT. */
void history_put(Changes *changes, const Account *account, const History *history);
