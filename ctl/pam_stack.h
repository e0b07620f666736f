/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One stack of a PAM service with its includes resolved, in the order in which modules are called.
 */
#pragma once

#include "macros.h"

#define PAM_LINES_MAX 128
#define PAM_DEPTH_MAX 8

typedef struct PamLine {
	char file[128];
	unsigned line;
	char control[160];   /* "optional", or "[…]" with single blanks */
	char module[64];     /* without its folder */
	char arguments[512]; /* with single blanks */
} PamLine;

typedef struct PamStack {
	char service[64];
	size_t n;
	PamLine lines[PAM_LINES_MAX];
} PamStack;

/* facility: "auth", "account", "password", "session". -ENOENT when the service has no file. */
int pam_stack_read(PamStack **ret, const char *root, const char *service, const char *facility);
PamStack *pam_stack_free(PamStack *stack);
DEFINE_CLEANUP(PamStack *, pam_stack_free)
#define AUTO_PAM_STACK CLEANUP(pam_stack_freep)

/* Index of the module's line; n when it is not there. */
size_t pam_stack_find(const PamStack *stack, const char *module);
/* Whether an argument is given exactly so. */
bool pam_line_has(const PamLine *line, const char *argument);
