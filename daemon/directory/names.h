/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking through all people in the order of their names, a bounded number at a time: each walk
 * keeps the first names behind the last one of the walk before, whatever order the directory gives
 * them in.
 */
#pragma once

#include "account.h"

#define NAMES_MAX 1000U

typedef struct Names {
	const char *after; /* "" at the start */
	char *list[NAMES_MAX];
	size_t n;
	bool more; /* there were further ones */
} Names;

#define AUTO_NAMES CLEANUP(names_deinit)
void names_deinit(Names *names);

/*
 * filter: in addition to people-filter=, or NULL. -EINVAL: it is no filter. DIRECTORY_E_SIZE_LIMIT: the server stopped
 * the search, and who is missing is not known.
 */
int names_walk(Call *call, const char *filter, Names *names);
/*
 * A page of a reply: "users", those whom pick() takes (1; 0: not; negative: it ends), and "next"
 * when the names, the reply's room or the call's time went only so far. 0, or what pick() said.
 */
typedef int (*NamesPick)(Call *call, const char *name, void *userdata);
int names_write(Call *call, const Names *names, NamesPick pick, void *userdata, JsonWriter *w);
/* The answer when names_walk() failed otherwise. */
int names_fail(Call *call, int r);
