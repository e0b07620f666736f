/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame of the dialogue: offer, ways, new password, and what each end means for the login. */

#include <syslog.h>

#include <security/pam_ext.h>

#include "choose.h"
#include "conv.h"
#include "record.h"
#include "recovery.h"
#include "ways.h"

static Outcome grant_submit(const Context *ctx, const Secret *password, Reasons *reasons,
			    void *userdata)
{
	return call_set_password(ctx, userdata, password, reasons);
}

/* The modules below verify it: this one never says that somebody may come in. */
static Recovery recovery_hand_over(const Context *ctx, const Secret *password)
{
	if (pam_set_item(ctx->pamh, PAM_AUTHTOK, password->bytes) != PAM_SUCCESS)
		return RECOVERY_OVER;
	return RECOVERY_DONE;
}

static Recovery recovery_end(const Context *ctx, Outcome outcome, const Secret *password)
{
	switch (outcome) {
	case OUTCOME_OK:
		conv_info(ctx, TEXT_CHANGED);
		pam_syslog(ctx->pamh, LOG_NOTICE, "password recovered for %s", ctx->user);
		record_set(ctx, RECORD_RECOVERED);
		return recovery_hand_over(ctx, password);
	case OUTCOME_UNCERTAIN:
		/* The modules below find out which one it is. */
		conv_error(ctx, TEXT_UNCERTAIN);
		return recovery_hand_over(ctx, password);
	case OUTCOME_CANCELLED:
		conv_info(ctx, TEXT_NOTHING_CHANGED);
		return RECOVERY_AGAIN;
	case OUTCOME_ENDED:
		return RECOVERY_OVER;
	case OUTCOME_REFUSED:
		/* After the code was right only its time can have run out. */
		conv_error(ctx, TEXT_TOO_LATE);
		return RECOVERY_OVER;
	case OUTCOME_TRIES:
		conv_error(ctx, TEXT_TOO_MANY_TRIES);
		return RECOVERY_OVER;
	case OUTCOME_TRY_LATER:
		conv_error(ctx, TEXT_TRY_LATER);
		return RECOVERY_OVER;
	default:
		conv_error(ctx, TEXT_RECOVERY_UNAVAILABLE);
		return RECOVERY_AGAIN;
	}
}

Recovery recovery_run(const Context *ctx)
{
	AUTO_SECRET Secret grant = SECRET_NULL;
	AUTO_SECRET Secret password = SECRET_NULL;
	Outcome outcome;

	switch (conv_choose(ctx, TEXT_OFFER)) {
	case REPLY_TEXT:
		break;
	case REPLY_EMPTY:
		return RECOVERY_AGAIN;
	default:
		return RECOVERY_OVER;
	}
	outcome = ways_walk(ctx, &grant);
	if (outcome == OUTCOME_OK)
		outcome = choose_password(ctx, grant_submit, &grant, &password);
	return recovery_end(ctx, outcome, &password);
}
