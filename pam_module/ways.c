/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each way ends with a grant, or with OUTCOME_CANCELLED (an empty reply), which leads to the next.
 * The order of the prompts depends on empty replies and on the daemon's answers, which are the same
 * for people who do not exist.
 */

#include "buf.h"
#include "conv.h"
#include "ways.h"

/*
 * What a conversation's reply means where text is wanted. Too long is text as well: it is sent as a
 * wrong one.
 */
static Outcome outcome_of_reply(Reply reply)
{
	switch (reply) {
	case REPLY_TEXT:
	case REPLY_TOO_LONG:
		return OUTCOME_OK;
	case REPLY_EMPTY:
		return OUTCOME_CANCELLED;
	case REPLY_END:
		return OUTCOME_ENDED;
	}
	return OUTCOME_ENDED;
}

typedef Outcome (*CodeVerify)(const Context *ctx, const Secret *code, Secret *grant);

static Outcome code_tries(const Context *ctx, TextId first, TextId again, CodeVerify verify,
			  Secret *grant)
{
	for (unsigned i = 0; i < ctx->args.tries; i++) {
		AUTO_SECRET Secret code = SECRET_NULL;
		Outcome outcome;

		/* Seen as it is typed: it is good once, and long enough to be mistyped. */
		outcome = outcome_of_reply(conv_ask(
			ctx, true, text_get(i == 0 ? first : again, ctx->language), &code));
		if (outcome == OUTCOME_OK)
			outcome = verify(ctx, &code, grant);
		if (outcome != OUTCOME_REFUSED)
			return outcome;
	}
	return OUTCOME_TRIES;
}

/* What became of the mailed code in this dialogue. */
typedef enum CodeState { CODE_NONE, CODE_SENT, CODE_LATER, CODE_TOLD } CodeState;

/* Too many requests is no end: a code of an earlier connection is still good. */
static Outcome code_request(const Context *ctx, CodeState *state)
{
	Outcome outcome = call_request_code(ctx);

	if (outcome == OUTCOME_TRY_LATER) {
		*state = CODE_LATER;
		return OUTCOME_OK;
	}
	if (outcome == OUTCOME_OK)
		*state = CODE_SENT;
	return outcome;
}

/*
 * Once, and right before the code is asked for: greeters show a message in the place of the prompt
 * that follows it.
 */
static void code_tell(const Context *ctx, CodeState *state)
{
	if (*state == CODE_LATER)
		conv_error(ctx, TEXT_TRY_LATER);
	else if (*state == CODE_SENT)
		conv_info(ctx, TEXT_MAILED);
	*state = CODE_TOLD;
}

static Outcome way_mail(const Context *ctx, Secret *grant, CodeState *state)
{
	Outcome outcome;

	outcome = outcome_of_reply(conv_choose(ctx, TEXT_OFFER_MAIL));
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = code_request(ctx, state);
	if (outcome != OUTCOME_OK)
		return outcome;
	code_tell(ctx, state);
	return code_tries(ctx, TEXT_CODE, TEXT_CODE_AGAIN, call_verify_code, grant);
}

static void answers_wipe(Secret (*answers)[QUESTIONS_MAX])
{
	memory_wipe(answers, sizeof(*answers));
}

static Outcome answers_ask(const Context *ctx, const Questions *questions, CodeState *state,
			   Secret *grant)
{
	CLEANUP(answers_wipe) Secret answers[QUESTIONS_MAX] = { 0 };
	AUTO_SECRET Secret code = SECRET_NULL;
	Outcome outcome;

	for (size_t i = 0; i < questions->n; i++) {
		char prompt[QUESTION_TEXT_MAX + 2];
		Buf buf;

		buf_init(&buf, prompt, sizeof(prompt));
		buf_puts(&buf, questions->texts[i]);
		text_wrap(prompt);
		buf_putc(&buf, ' ');
		outcome = outcome_of_reply(conv_ask(ctx, false, prompt, &answers[i]));
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	if (questions->needs_code) {
		code_tell(ctx, state);
		outcome = outcome_of_reply(
			conv_ask(ctx, true, text_get(TEXT_CODE, ctx->language), &code));
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	return call_answer_questions(ctx, questions, answers, &code, grant);
}

static Outcome way_questions(const Context *ctx, Secret *grant, CodeState *state)
{
	TextId prompt = TEXT_OFFER_QUESTIONS;
	Questions questions = { 0 };
	Outcome outcome;

	for (unsigned i = 0; i < ctx->args.tries; i++) {
		outcome = outcome_of_reply(conv_choose(ctx, prompt));
		if (outcome != OUTCOME_OK)
			return outcome;
		if (i == 0) {
			outcome = call_get_questions(ctx, &questions);
			/* Off on this site: the next way. */
			if (outcome == OUTCOME_REFUSED)
				return OUTCOME_CANCELLED;
			if (outcome != OUTCOME_OK)
				return outcome;
		}
		if (questions.needs_code && *state == CODE_NONE) {
			outcome = code_request(ctx, state);
			if (outcome != OUTCOME_OK)
				return outcome;
		}
		outcome = answers_ask(ctx, &questions, state, grant);
		if (outcome != OUTCOME_REFUSED)
			return outcome;
		prompt = TEXT_QUESTIONS_AGAIN;
	}
	return OUTCOME_TRIES;
}

Outcome ways_walk(const Context *ctx, Secret *grant)
{
	CodeState state = CODE_NONE;
	Outcome outcome;

	outcome = way_mail(ctx, grant, &state);
	if (outcome == OUTCOME_CANCELLED)
		outcome = way_questions(ctx, grant, &state);
	if (outcome == OUTCOME_CANCELLED)
		outcome = code_tries(ctx, TEXT_SAVED_CODE, TEXT_SAVED_CODE_AGAIN,
				     call_verify_saved_code, grant);
	return outcome;
}
