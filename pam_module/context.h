/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one call of an entry point carries through the module. There are no globals: greeters call
 * PAM from threads.
 */
#pragma once

#include <security/pam_modules.h>

#include "args.h"
#include "text.h"

typedef struct Context {
	pam_handle_t *pamh;
	Args args;
	const char *user;    /* PAM_USER, owned by libpam */
	const char *service; /* PAM_SERVICE, owned by libpam, never NULL */
	Language language;
	bool silent; /* PAM_SILENT: prompts, but no messages */
} Context;

/*
 * Reads the arguments, PAM_SERVICE and the language; the user is left to the caller, who may have
 * to ask for it. -EINVAL, logged, when an argument is not understood: then nothing of args may be
 * used.
 */
int context_init(Context *ctx, pam_handle_t *pamh, int flags, int argc, const char **argv);
