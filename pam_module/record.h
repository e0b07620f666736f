/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one entry point leaves for a later one of the same transaction, bound to the user that it
 * was done for.
 */
#pragma once

#include "context.h"

/*
 * The first pass of chauthtok: it went well (in each of the two modes), or the account is not ours.
 */
#define RECORD_PRELIM_DIRECTORY "pwreset-prelim-directory"
#define RECORD_PRELIM_POLICY "pwreset-prelim-policy"
#define RECORD_ELSEWHERE "pwreset-elsewhere"
#define RECORD_RECOVERED "pwreset-recovered" /* the password was set a moment ago */

/* -ENOMEM when it could not be kept: then act as if it had not happened. */
int record_set(const Context *ctx, const char *name);
void record_clear(const Context *ctx, const char *name);
/* Whether it was set, for the user of ctx. */
bool record_holds(const Context *ctx, const char *name);
