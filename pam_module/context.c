/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The start of every entry point. */

#include <syslog.h>

#include <security/pam_ext.h>

#include "context.h"

int context_init(Context *ctx, pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *service = NULL;
	const char *bad = NULL;
	int r;

	*ctx = (Context){ .pamh = pamh, .silent = flags & PAM_SILENT };
	r = args_parse(&ctx->args, argc, argv, &bad);
	if (r < 0) {
		pam_syslog(pamh, LOG_ERR, "argument not understood, see pam_pwreset(8): %s", bad);
		return r;
	}
	if (pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || !service)
		service = "";
	ctx->service = service;
	ctx->language = language_of_program();
	return 0;
}
