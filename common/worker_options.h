/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line that the workers of pwresetd have in common: systemd gives them none. */
#pragma once

#include "macros.h"

typedef struct WorkerOptions {
	const char *root; /* "" or a folder that stands for / (tests) */
	bool check;       /* only to look whether everything is there */
} WorkerOptions;

/*
 * what: what --check looks at. 0: go on; else the exit status plus one, and everything has been
 * said.
 */
int worker_options_parse(WorkerOptions *ret, int argc, char **argv, const char *program,
			 const char *what);
