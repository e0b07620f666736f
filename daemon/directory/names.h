/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking through all people in the order of their names, a bounded number at a time. The directory
 * has no such order, so the first part of a walk reads the names of all, and the worker keeps them
 * for the parts that follow: names alone, each of which is looked up again when its turn has come.
 */
#pragma once

#include "account.h"

#define NAMES_MAX 1000U
/* after that a walk reads them anew: who came since is in it */
#define NAMES_KEEP_MS (10 * 60 * 1000)

typedef struct Names { /* a part of what the worker keeps */
	char *const *list;
	size_t n;
	bool more; /* there are further ones */
} Names;

/*
 * The names behind after ("" at the start). filter: in addition to people-filter=, or NULL.
 * -EINVAL: it is no filter. DIRECTORY_E_SIZE_LIMIT: the server stopped the search, and who is
 * missing is not known.
 */
int names_walk(Call *call, const char *filter, const char *after, Names *ret);
Roll *roll_free(Roll *roll);
/*
 * A page of a reply: "users", those whom pick() takes, and "next" when the names, the reply's room
 * or the call's time went only so far. 0, or what the directory said.
 */
typedef bool (*NamesPick)(Call *call, const Account *account, void *userdata);
int names_write(Call *call, const Names *names, NamesPick pick, void *userdata, JsonWriter *w);
/* The answer when names_walk() failed otherwise. */
int names_fail(Call *call, int r);
