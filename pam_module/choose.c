/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop around a new password. What went wrong stands in the next prompt, because messages may
 * be dropped.
 */

#include "choose.h"
#include "conv.h"

static bool secrets_equal(const Secret *a, const Secret *b)
{
	return a->len == b->len && memory_equal(a->bytes, b->bytes, a->len);
}

/*
 * One round of asking: OUTCOME_OK, OUTCOME_WRONG_PASSWORD (the two differ), or one that says why
 * not.
 */
static Outcome password_ask(const Context *ctx, TextId prompt, Secret *password, Reasons *reasons)
{
	AUTO_SECRET Secret again = SECRET_NULL;

	switch (conv_ask(ctx, false, text_get(prompt, ctx->language), password)) {
	case REPLY_TEXT:
		break;
	case REPLY_EMPTY:
		return OUTCOME_CANCELLED;
	case REPLY_TOO_LONG:
		*reasons = (Reasons){ .n = 1, .texts = { TEXT_TOO_LONG } };
		return OUTCOME_PASSWORD_REFUSED;
	case REPLY_END:
		return OUTCOME_ENDED;
	}
	if (conv_ask(ctx, false, text_get(TEXT_RETYPE, ctx->language), &again) == REPLY_END)
		return OUTCOME_ENDED;
	return secrets_equal(password, &again) ? OUTCOME_OK : OUTCOME_WRONG_PASSWORD;
}

/*
 * Why not, and what is wanted now: greeters show the message in the place of the prompt that
 * follows it.
 */
static void reasons_tell(const Context *ctx, const Reasons *reasons, bool again)
{
	TextId texts[REASONS_MAX + 1];
	size_t n = 0;

	for (; n < reasons->n; n++)
		texts[n] = reasons->texts[n];
	if (again)
		texts[n++] = TEXT_ANOTHER;
	conv_errors(ctx, texts, n);
}

Outcome choose_password(const Context *ctx, ChooseSubmit submit, void *userdata, Secret *password)
{
	TextId prompt = TEXT_NEW;

	for (unsigned i = 0; i < ctx->args.tries; i++) {
		Reasons reasons = { 0 };
		Outcome outcome;

		outcome = password_ask(ctx, prompt, password, &reasons);
		if (outcome == OUTCOME_WRONG_PASSWORD) {
			conv_error(ctx, TEXT_MISMATCH);
			prompt = TEXT_NEW_AGAIN_MISMATCH;
			continue;
		}
		if (outcome == OUTCOME_OK)
			outcome = submit(ctx, password, &reasons, userdata);
		if (outcome != OUTCOME_PASSWORD_REFUSED)
			return outcome;
		reasons_tell(ctx, &reasons, i + 1 < ctx->args.tries);
		prompt = TEXT_NEW_AGAIN_REFUSED;
	}
	return OUTCOME_TRIES;
}
