/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PAM module for the tests that stands below the real one and does what pam_unix does with
 * PAM_AUTHTOK: take it, or ask for it. It tells the Talk behind the conversation what it saw.
 */

#include <stdio.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "macros.h"
#include "talk.h"

static Talk *talk_get(pam_handle_t *pamh)
{
	const void *conv = NULL;

	if (pam_get_item(pamh, PAM_CONV, &conv) != PAM_SUCCESS || !conv)
		return NULL;
	return ((const struct pam_conv *)conv)->appdata_ptr;
}

static void item_copy(pam_handle_t *pamh, int item, char *out, bool *set)
{
	const void *value = NULL;

	*set = pam_get_item(pamh, item, &value) == PAM_SUCCESS && value;
	snprintf(out, AUTHTOK_SIZE, "%s", *set ? (const char *)value : "");
}

PUBLIC int pam_sm_authenticate(pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
			       UNUSED const char **argv)
{
	Talk *talk = talk_get(pamh);
	const char *authtok = NULL;
	int r;

	if (!talk)
		return PAM_SYSTEM_ERR;
	if (talk->below)
		return talk->below(pamh);
	talk->probed = true;
	if (!talk->quiet)
		item_copy(pamh, PAM_AUTHTOK, talk->authtok, &talk->authtok_set);
	r = pam_get_authtok(pamh, PAM_AUTHTOK, &authtok, NULL);
	if (r != PAM_SUCCESS)
		return r;
	return talk->password && strcmp(authtok, talk->password) == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
}

PUBLIC int pam_sm_setcred(UNUSED pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
			  UNUSED const char **argv)
{
	return PAM_SUCCESS;
}

PUBLIC int pam_sm_acct_mgmt(UNUSED pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
			    UNUSED const char **argv)
{
	return PAM_SUCCESS;
}

PUBLIC int pam_sm_open_session(UNUSED pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
			       UNUSED const char **argv)
{
	return PAM_SUCCESS;
}

PUBLIC int pam_sm_close_session(UNUSED pam_handle_t *pamh, UNUSED int flags, UNUSED int argc,
				UNUSED const char **argv)
{
	return PAM_SUCCESS;
}

/* prelim=ask: asks for the current password in the first pass, as pam_unix does. */
PUBLIC int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	Talk *talk = talk_get(pamh);
	const char *old = NULL;
	bool set;

	if (!talk)
		return PAM_SYSTEM_ERR;
	if (talk->below)
		return talk->below(pamh);
	if (flags & PAM_PRELIM_CHECK) {
		if (argc > 0 && strcmp(argv[0], "prelim=ask") == 0)
			return pam_get_authtok(pamh, PAM_OLDAUTHTOK, &old, "Probe current: ");
		return argc > 0 && strcmp(argv[0], "prelim=success") == 0 ? PAM_SUCCESS
									  : talk->probe_chauthtok;
	}
	talk->probed = true;
	item_copy(pamh, PAM_AUTHTOK, talk->authtok, &talk->authtok_set);
	item_copy(pamh, PAM_OLDAUTHTOK, talk->oldauthtok, &set);
	return talk->probe_chauthtok;
}
