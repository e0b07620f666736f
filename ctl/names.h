/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A long list of user names, for work on many. */
#pragma once

#include "ctl.h"

#define NAMES_MAX 2000000

typedef struct Names {
	char **list;
	size_t n;
	size_t n_max;
} Names;

void names_deinit(Names *names);
#define AUTO_NAMES CLEANUP(names_deinit)

/* Each: 0, or an exit code after a complaint. */
int names_add(Names *names, const char *name);
int names_read_file(Names *names, const char *path); /* "-": stdin */
int names_find(Ctl *ctl, Names *names, const char *filter);
/* Takes out those that stand there a second time; *ret: how many. */
int names_unique(Names *names, size_t *ret);
