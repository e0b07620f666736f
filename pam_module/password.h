/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pam_sm_chauthtok: writing the directory's password through the daemon, or judging one for the
 * modules below.
 */
#pragma once

#include "context.h"

/* Both return PAM codes; anything unexpected is an error, never PAM_IGNORE. */
int password_prelim(const Context *ctx, int flags);
int password_update(const Context *ctx, int flags);
