/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two passes. The first proves the current password and leaves a record; the second refuses to act
 * without it, because in stacks with jumps libpam calls it for modules that the first pass had
 * skipped.
 */

#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#include "choose.h"
#include "conv.h"
#include "password.h"
#include "record.h"

#define PASSWD_FILE "/etc/passwd"

/*
 * Root is asked for no current password; but a login that forces a change runs as root as well, and
 * is.
 */
static bool old_is_skipped(int flags)
{
	return getuid() == 0 && !(flags & PAM_CHANGE_EXPIRED_AUTHTOK);
}

/* The password was set by a recovery in this very transaction: it is as new as can be. */
static bool is_fresh(const Context *ctx, int flags)
{
	return (flags & PAM_CHANGE_EXPIRED_AUTHTOK) && record_holds(ctx, RECORD_RECOVERED);
}

/* Every answer of the daemon becomes a PAM code here, and what is not listed is a failure. */
static int password_end(const Context *ctx, Outcome outcome, int flags)
{
	switch (outcome) {
	case OUTCOME_OK:
		return PAM_SUCCESS;
	case OUTCOME_NO_SUCH_USER:
		return PAM_USER_UNKNOWN;
	case OUTCOME_WRONG_PASSWORD:
		conv_error(ctx, TEXT_WRONG_CURRENT);
		return PAM_AUTH_ERR;
	case OUTCOME_NOT_ALLOWED:
		conv_error(ctx, old_is_skipped(flags) ? TEXT_NOT_ALLOWED_ROOT : TEXT_NOT_ALLOWED);
		return PAM_PERM_DENIED;
	case OUTCOME_TRY_LATER:
		conv_error(ctx, TEXT_TRY_LATER);
		return PAM_AUTHTOK_ERR;
	case OUTCOME_UNCERTAIN:
		conv_error(ctx, TEXT_UNCERTAIN);
		return PAM_AUTHTOK_ERR;
	case OUTCOME_CANCELLED:
	case OUTCOME_PASSWORD_REFUSED:
		conv_error(ctx, TEXT_NOTHING_CHANGED);
		return PAM_AUTHTOK_ERR;
	case OUTCOME_TRIES:
		conv_error(ctx, TEXT_TOO_MANY_TRIES);
		return PAM_AUTHTOK_ERR;
	case OUTCOME_ENDED:
		return PAM_AUTHTOK_ERR;
	default:
		conv_error(ctx, TEXT_PASSWORD_UNAVAILABLE);
		return PAM_AUTHINFO_UNAVAIL;
	}
}

/*
 * A module above may have asked already. A wrong one is forgotten, so that no module below tries
 * it.
 */
static int current_verify(const Context *ctx, int flags)
{
	AUTO_SECRET Secret current = SECRET_NULL;
	const char *text = NULL;
	Outcome outcome;
	int r;

	r = pam_get_authtok(ctx->pamh, PAM_OLDAUTHTOK, &text,
			    text_get(TEXT_CURRENT, ctx->language));
	if (r != PAM_SUCCESS)
		return r;
	if (!text)
		return PAM_AUTHTOK_RECOVERY_ERR;
	if (secret_set(&current, text, strlen(text)) < 0)
		outcome = OUTCOME_WRONG_PASSWORD;
	else
		outcome = call_verify(ctx, &current);
	if (outcome != OUTCOME_OK)
		pam_set_item(ctx->pamh, PAM_OLDAUTHTOK, NULL);
	return password_end(ctx, outcome, flags);
}

/* Accounts of this host are other modules' business, and are so while the daemon is away. */
static int account_check(const Context *ctx, int flags)
{
	if (pam_modutil_check_user_in_passwd(ctx->pamh, ctx->user, PASSWD_FILE) == PAM_SUCCESS)
		return PAM_USER_UNKNOWN;
	return password_end(ctx, call_exists(ctx), flags);
}

static int prelim_policy(const Context *ctx)
{
	record_clear(ctx, RECORD_PRELIM_POLICY);
	return record_set(ctx, RECORD_PRELIM_POLICY) < 0 ? PAM_BUF_ERR : PAM_SUCCESS;
}

static int prelim_directory(const Context *ctx, int flags)
{
	int r = PAM_SUCCESS;

	record_clear(ctx, RECORD_PRELIM_DIRECTORY);
	record_clear(ctx, RECORD_ELSEWHERE);
	if (!is_fresh(ctx, flags)) {
		r = account_check(ctx, flags);
		if (r == PAM_USER_UNKNOWN)
			return record_set(ctx, RECORD_ELSEWHERE) < 0 ? PAM_BUF_ERR : r;
		if (r == PAM_SUCCESS && !old_is_skipped(flags))
			r = current_verify(ctx, flags);
	}
	if (r == PAM_SUCCESS && record_set(ctx, RECORD_PRELIM_DIRECTORY) < 0)
		r = PAM_BUF_ERR;
	return r;
}

int password_prelim(const Context *ctx, int flags)
{
	return ctx->args.policy_only ? prelim_policy(ctx) : prelim_directory(ctx, flags);
}

static int old_get(const Context *ctx, Secret *old)
{
	const void *text = NULL;

	if (pam_get_item(ctx->pamh, PAM_OLDAUTHTOK, &text) != PAM_SUCCESS || !text)
		return -ENOENT;
	return secret_set(old, text, strlen(text));
}

static Outcome change_submit(const Context *ctx, const Secret *password, Reasons *reasons,
			     void *userdata)
{
	const Secret *old = userdata;

	return old ? call_change(ctx, old, password, reasons)
		   : call_set_by_root(ctx, password, reasons);
}

/*
 * The verdict alone. Like everywhere, root may do as he pleases (a host must stay manageable while
 * the daemon is away) unless enforce_for_root says otherwise; he is told all the same.
 */
static Outcome check_submit(const Context *ctx, const Secret *password, Reasons *reasons,
			    void *userdata)
{
	const bool *bound = userdata;
	const struct passwd *pw = pam_modutil_getpwnam(ctx->pamh, ctx->user);
	AUTO_SECRET Secret old = SECRET_NULL;
	Outcome outcome;

	if (old_get(ctx, &old) < 0)
		secret_wipe(&old);
	outcome = call_check(ctx, password, &old, pw ? pw->pw_gecos : NULL, reasons);
	if (outcome == OUTCOME_OK || *bound)
		return outcome;
	if (outcome == OUTCOME_PASSWORD_REFUSED)
		conv_errors(ctx, reasons->texts, reasons->n);
	else
		conv_error(ctx, TEXT_UNCHECKED);
	return OUTCOME_OK;
}

/*
 * The new password: what a module above asked for, which cannot be asked for again, or the person's
 * choice.
 */
static Outcome new_get(const Context *ctx, ChooseSubmit submit, void *userdata, Secret *password)
{
	const void *text = NULL;
	Reasons reasons = { 0 };
	Outcome outcome;

	if (pam_get_item(ctx->pamh, PAM_AUTHTOK, &text) != PAM_SUCCESS || !text)
		return ctx->args.use_authtok ? OUTCOME_UNAVAILABLE
					     : choose_password(ctx, submit, userdata, password);
	if (*(const char *)text == '\0')
		return OUTCOME_CANCELLED;
	if (secret_set(password, text, strlen(text)) < 0) {
		reasons = (Reasons){ .n = 1, .texts = { TEXT_TOO_LONG } };
		outcome = OUTCOME_PASSWORD_REFUSED;
	} else {
		outcome = submit(ctx, password, &reasons, userdata);
	}
	if (outcome == OUTCOME_PASSWORD_REFUSED)
		conv_errors(ctx, reasons.texts, reasons.n);
	return outcome;
}

/* A record is good for one second pass. */
static bool record_take(const Context *ctx, const char *name)
{
	bool held = record_holds(ctx, name);

	record_clear(ctx, name);
	return held;
}

static int update_policy(const Context *ctx, int flags, Secret *password)
{
	bool bound = ctx->args.enforce_for_root || !old_is_skipped(flags);

	if (!record_take(ctx, RECORD_PRELIM_POLICY))
		return PAM_AUTHTOK_ERR;
	return password_end(ctx, new_get(ctx, check_submit, &bound, password), flags);
}

static int update_directory(const Context *ctx, int flags, Secret *password)
{
	AUTO_SECRET Secret old = SECRET_NULL;
	int r;

	if (record_take(ctx, RECORD_ELSEWHERE))
		return PAM_USER_UNKNOWN;
	if (!record_take(ctx, RECORD_PRELIM_DIRECTORY))
		return PAM_AUTHTOK_ERR;
	if (is_fresh(ctx, flags))
		return PAM_SUCCESS;
	if (old_is_skipped(flags))
		return password_end(ctx, new_get(ctx, change_submit, NULL, password), flags);
	if (old_get(ctx, &old) < 0)
		return PAM_AUTHTOK_RECOVERY_ERR;
	r = password_end(ctx, new_get(ctx, change_submit, &old, password), flags);
	/* passwd says so itself; a login that forced the change does not. */
	if (r == PAM_SUCCESS && (flags & PAM_CHANGE_EXPIRED_AUTHTOK))
		conv_info(ctx, TEXT_CHANGED);
	return r;
}

int password_update(const Context *ctx, int flags)
{
	AUTO_SECRET Secret password = SECRET_NULL;
	int r;

	r = ctx->args.policy_only ? update_policy(ctx, flags, &password)
				  : update_directory(ctx, flags, &password);
	/* For the modules below: to write it, or to unlock a keyring with it. */
	if (r == PAM_SUCCESS && password.len > 0 &&
	    pam_set_item(ctx->pamh, PAM_AUTHTOK, password.bytes) != PAM_SUCCESS)
		r = PAM_BUF_ERR;
	/* What was not accepted may not be written by a module that is called all the same. */
	if (r != PAM_SUCCESS && r != PAM_USER_UNKNOWN)
		pam_set_item(ctx->pamh, PAM_AUTHTOK, NULL);
	return r;
}
