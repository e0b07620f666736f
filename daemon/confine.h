/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process of --listen may still do, where no unit says it: files by Landlock, system calls
 * by seccomp. Entered after the change of user and before execve(); it holds for ever, for the
 * program and for whatever that starts.
 */
#pragma once

#include <stdbool.h>

#define CONFINE_PATHS_MAX 16

typedef struct Confine {
	const char *root;                     /* see --root */
	const char *program;                  /* the one file that may be executed */
	const char *reads[CONFINE_PATHS_MAX]; /* files and folders beyond the system's own; ends
						 with NULL */
	const char *writes; /* the one folder to make and remove files in; NULL: none */
	bool network;       /* connections by IPv4 and IPv6 */
	bool serves;        /* accepts connections */
	bool listens;       /* makes sockets to connect to: the mailer, for libesmtp */
} Confine;

/* Whether this kernel confines files: 0 or negative errno. System calls it always does. */
int confine_files_supported(void);

/* Both; 0 or negative errno. Where files cannot be confined, system calls alone are.
 * PR_SET_NO_NEW_PRIVS must be set. */
int confine_enter(const Confine *confine);

/* Its two halves. */
int confine_files(const Confine *confine);
int confine_calls(const Confine *confine);
