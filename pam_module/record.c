/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records as PAM data; the value is the user's name, since PAM_USER may change between two calls.
 */

#include <string.h>

#include "record.h"

static void record_free(UNUSED pam_handle_t *pamh, void *data, UNUSED int status)
{
	free(data);
}

int record_set(const Context *ctx, const char *name)
{
	AUTO_FREE char *user = strdup(ctx->user);

	if (!user || pam_set_data(ctx->pamh, name, user, record_free) != PAM_SUCCESS)
		return -ENOMEM;
	STEAL(user);
	return 0;
}

void record_clear(const Context *ctx, const char *name)
{
	const void *data;

	if (pam_get_data(ctx->pamh, name, &data) == PAM_SUCCESS)
		pam_set_data(ctx->pamh, name, NULL, NULL);
}

bool record_holds(const Context *ctx, const char *name)
{
	const void *user = NULL;

	return pam_get_data(ctx->pamh, name, &user) == PAM_SUCCESS && user &&
	       strcmp(user, ctx->user) == 0;
}
