/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between finding one person (account.c) and several at once (account_list.c). */
#pragma once

#include "account.h"

/* What one question about several entries has told of this one. */
typedef struct AccountKnown {
	bool inactive;
	bool groupless; /* else it is asked for its groups alone */
} AccountKnown;

/*
 * Those of [directory] people-filter= that fulfil the condition, a filter in parentheses.
 * names_only: without their attributes.
 */
int people_search(Call *call, const char *condition, bool names_only, unsigned limit,
		  EntryList *ret);
/* Takes the entry, also when it fails. known: NULL when nothing is. */
int account_fill(Call *call, Entry *entry, const AccountKnown *known, Account *ret);
