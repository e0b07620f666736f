/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recovery at the prompt: from the empty reply to "Password:" to a new password in PAM_AUTHTOK,
 * or back.
 */
#pragma once

#include "context.h"

/* What the auth entry point has to do next. */
typedef enum Recovery {
	RECOVERY_DONE,  /* PAM_AUTHTOK holds the new password */
	RECOVERY_AGAIN, /* the ordinary way: ask for the password once more */
	RECOVERY_OVER,  /* no further prompt; PAM_AUTHTOK as it was typed */
} Recovery;

Recovery recovery_run(const Context *ctx);
