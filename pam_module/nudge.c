/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When to give the advice: to people at a terminal, on one day in so many, and without keeping any
 * state.
 */

#include <string.h>
#include <time.h>

#include "call.h"
#include "conv.h"
#include "nudge.h"

#define DAY_S 86400

/*
 * sshd opens the session before it knows whether a terminal, scp or sftp is wanted, but shows
 * messages only where a shell is started on a terminal. Greeters would flash it, jobs have no
 * reader.
 */
static bool is_terminal(const Context *ctx)
{
	const void *tty = NULL, *display = NULL;
	const char *name;

	pam_get_item(ctx->pamh, PAM_XDISPLAY, &display);
	if (display && *(const char *)display)
		return false;
	if (pam_get_item(ctx->pamh, PAM_TTY, &tty) != PAM_SUCCESS || !tty)
		return false;
	name = tty;
	if (strncmp(name, "/dev/", 5) == 0)
		name += 5;
	return strcmp(name, "ssh") == 0 || strncmp(name, "tty", 3) == 0 ||
	       strncmp(name, "pts/", 4) == 0;
}

/* People differ in the day, so that a site is not told all at once. */
static bool is_the_day(const Context *ctx)
{
	uint64_t n = (uint64_t)time(NULL) / DAY_S;

	for (const char *p = ctx->user; *p; p++)
		n += (unsigned char)*p;
	return n % ctx->args.nudge_days == 0;
}

void nudge_show(const Context *ctx)
{
	if (ctx->args.nudge_days == 0 || ctx->silent || !is_terminal(ctx) || !is_the_day(ctx))
		return;
	if (call_lacks_recovery(ctx) == OUTCOME_OK)
		conv_info(ctx, TEXT_NUDGE);
}
