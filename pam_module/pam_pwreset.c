/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry points. auth never decides a login: it answers PAM_IGNORE (or an error), and what it
 * puts into PAM_AUTHTOK is verified by the modules below. Whatever fails in it leaves the ordinary
 * login as it would be without it.
 */

#include <unistd.h>

#include <security/pam_ext.h>

#include "macros.h"
#include "nudge.h"
#include "password.h"
#include "record.h"
#include "recovery.h"

/* SSSD makes this file where it may ask for second factors or smart cards before any password. */
#define SSSD_PREAUTH "/var/lib/sss/pubconf/pam_preauth_available"

/*
 * Asks as the module below would: the same prompt, and once only, because it is kept for that
 * module. PAM_CONV_ERR when the person gave up; PAM_IGNORE when libpam failed, so that the module
 * below sees it for itself.
 */
static int authtok_ask(const Context *ctx, bool *empty)
{
	const char *text = NULL;
	int r;

	r = pam_get_authtok(ctx->pamh, PAM_AUTHTOK, &text, NULL);
	if (r == PAM_SUCCESS && text) {
		*empty = *text == '\0';
		return PAM_SUCCESS;
	}
	return r == PAM_AUTHTOK_ERR ? PAM_CONV_ERR : PAM_IGNORE;
}

/*
 * PAM_CONV_ERR when the person gave up at the password itself: with conv_err=die nobody below asks
 * a second time. An empty reply after that is the password, for there are accounts that have an
 * empty one.
 */
static int auth_run(const Context *ctx)
{
	bool empty = false;
	int r;

	r = authtok_ask(ctx, &empty);
	if (r != PAM_SUCCESS)
		return r;
	if (!empty)
		return PAM_IGNORE;
	switch (recovery_run(ctx)) {
	case RECOVERY_DONE:
		return ctx->args.faillock ? PAM_AUTHTOK_RECOVERY_ERR : PAM_IGNORE;
	case RECOVERY_AGAIN:
		pam_set_item(ctx->pamh, PAM_AUTHTOK, NULL);
		r = authtok_ask(ctx, &empty);
		return r == PAM_SUCCESS ? PAM_IGNORE : r;
	case RECOVERY_OVER:
		return PAM_IGNORE;
	}
	return PAM_IGNORE;
}

PUBLIC int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *authtok = NULL;
	Context ctx;
	int r;

	if (context_init(&ctx, pamh, flags, argc, argv) < 0)
		return PAM_IGNORE;
	if (!args_has_service(&ctx.args, ctx.service))
		return PAM_IGNORE;
	if (!ctx.args.sssd_ask && access(SSSD_PREAUTH, F_OK) == 0)
		return PAM_IGNORE;
	/*
	 * Somebody has asked for the password already: an empty one would not be the person's call
	 * for help.
	 */
	if (pam_get_item(pamh, PAM_AUTHTOK, &authtok) != PAM_SUCCESS || authtok)
		return PAM_IGNORE;
	r = pam_get_user(pamh, &ctx.user, NULL);
	if (r != PAM_SUCCESS || !ctx.user)
		return r == PAM_CONV_ERR ? PAM_CONV_ERR : PAM_IGNORE;
	record_clear(&ctx, RECORD_RECOVERED);
	return auth_run(&ctx);
}

PUBLIC int pam_sm_setcred(UNUSED pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
			  UNUSED const char **argv)
{
	return PAM_IGNORE;
}

/* The directory's own attributes force a change, and the directory's own module reads them. */
PUBLIC int pam_sm_acct_mgmt(UNUSED pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
			    UNUSED const char **argv)
{
	return PAM_IGNORE;
}

PUBLIC int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *user = NULL;
	Context ctx;

	if (context_init(&ctx, pamh, flags, argc, argv) < 0)
		return PAM_IGNORE;
	if (pam_get_item(pamh, PAM_USER, &user) != PAM_SUCCESS || !user)
		return PAM_IGNORE;
	ctx.user = user;
	if (args_has_service(&ctx.args, ctx.service))
		nudge_show(&ctx);
	return PAM_IGNORE;
}

PUBLIC int pam_sm_close_session(UNUSED pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
				UNUSED const char **argv)
{
	return PAM_IGNORE;
}

PUBLIC int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	Context ctx;

	/*
	 * No policy is no reason to let any password pass: until the line is mended, none is
	 * changed.
	 */
	if (context_init(&ctx, pamh, flags, argc, argv) < 0)
		return PAM_SERVICE_ERR;
	if (pam_get_user(pamh, &ctx.user, NULL) != PAM_SUCCESS || !ctx.user)
		return PAM_AUTHTOK_ERR;
	if (flags & PAM_PRELIM_CHECK)
		return password_prelim(&ctx, flags);
	if (flags & PAM_UPDATE_AUTHTOK)
		return password_update(&ctx, flags);
	return PAM_AUTHTOK_ERR;
}
