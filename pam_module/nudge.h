/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advice at login, where the site wants it: nothing is set up with which the account could be
 * recovered.
 */
#pragma once

#include "context.h"

/* Says it now and then; never waits long, never fails. */
void nudge_show(const Context *ctx);
