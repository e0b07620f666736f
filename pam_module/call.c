/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's methods, one function each. */

#include <string.h>

#include "call.h"
#include "exchange.h"
#include "validate.h"

#define RECOVERY "org.pwreset.Recovery."
#define PASSWORD "org.pwreset.Password."
#define ACCOUNT "org.pwreset.Account."
#define NUDGE_TIMEOUT_MS 1000 /* nobody waits for advice */

/* A success without the grant that it promises is none. */
static Outcome grant_read(const Exchange *e, Secret *grant)
{
	const char *text = json_get_string(e->reply.parameters, "grant");

	if (!text || !*text || secret_set(grant, text, strlen(text)) < 0)
		return OUTCOME_UNAVAILABLE;
	return OUTCOME_OK;
}

Outcome call_request_code(const Context *ctx)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, RECOVERY "RequestCode", false, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	/*
	 * A program that knows no language runs in English: that is no wish of the person for the
	 * mail.
	 */
	if (ctx->language != LANGUAGE_EN)
		exchange_put_language(&e);
	exchange_put_origin(&e, true);
	return exchange_finish(&e, NULL);
}

static Outcome code_verify(const Context *ctx, const char *method, const Secret *code,
			   Secret *grant)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, method, false, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	exchange_put_text(&e, "code", code);
	exchange_put_origin(&e, true);
	outcome = exchange_finish(&e, NULL);
	return outcome == OUTCOME_OK ? grant_read(&e, grant) : outcome;
}

Outcome call_verify_code(const Context *ctx, const Secret *code, Secret *grant)
{
	return code_verify(ctx, RECOVERY "VerifyCode", code, grant);
}

Outcome call_verify_saved_code(const Context *ctx, const Secret *code, Secret *grant)
{
	return code_verify(ctx, RECOVERY "VerifySavedCode", code, grant);
}

static Outcome questions_read(const JsonNode *parameters, Questions *questions)
{
	const JsonNode *list = json_get(parameters, "questions");

	if (!list || list->type != JSON_ARRAY || list->n == 0 || list->n > QUESTIONS_MAX)
		return OUTCOME_UNAVAILABLE;
	*questions = (Questions){ .needs_code = json_get_bool(parameters, "needsCode", true) };
	JSON_FOREACH(it, list) {
		const char *text = json_get_string(it, "text");

		if (!text || !*text || !text_valid(text, QUESTION_TEXT_MAX))
			return OUTCOME_UNAVAILABLE;
		memcpy(questions->texts[questions->n++], text, strlen(text) + 1);
	}
	return OUTCOME_OK;
}

Outcome call_get_questions(const Context *ctx, Questions *questions)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, RECOVERY "GetQuestions", false, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	exchange_put_language(&e);
	exchange_put_origin(&e, true);
	outcome = exchange_finish(&e, NULL);
	return outcome == OUTCOME_OK ? questions_read(e.reply.parameters, questions) : outcome;
}

Outcome call_answer_questions(const Context *ctx, const Questions *questions, const Secret *answers,
			      const Secret *code, Secret *grant)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, RECOVERY "AnswerQuestions", false, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	json_open(e.w, "answers", '[');
	for (size_t i = 0; i < questions->n; i++)
		exchange_put_text(&e, NULL, &answers[i]);
	json_close(e.w, ']');
	if (questions->needs_code)
		exchange_put_text(&e, "code", code);
	exchange_put_origin(&e, true);
	outcome = exchange_finish(&e, NULL);
	return outcome == OUTCOME_OK ? grant_read(&e, grant) : outcome;
}

Outcome call_set_password(const Context *ctx, const Secret *grant, const Secret *password,
			  Reasons *reasons)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, RECOVERY "SetPassword", true, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	json_put_string(e.w, "ticket", grant->bytes);
	exchange_put_password(&e, "password", password);
	exchange_put_origin(&e, true);
	return exchange_finish(&e, reasons);
}

Outcome call_exists(const Context *ctx)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;
	const JsonNode *exists;

	outcome = exchange_open(&e, ctx, PASSWORD "Exists", false, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = exchange_finish(&e, NULL);
	if (outcome != OUTCOME_OK)
		return outcome;
	exists = json_get(e.reply.parameters, "exists");
	if (!exists || exists->type != JSON_BOOL)
		return OUTCOME_UNAVAILABLE;
	return exists->boolean ? OUTCOME_OK : OUTCOME_NO_SUCH_USER;
}

Outcome call_verify(const Context *ctx, const Secret *current)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, PASSWORD "Verify", false, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	exchange_put_password(&e, "password", current);
	exchange_put_origin(&e, false);
	return exchange_finish(&e, NULL);
}

Outcome call_change(const Context *ctx, const Secret *current, const Secret *password,
		    Reasons *reasons)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, PASSWORD "Change", true, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	exchange_put_password(&e, "current", current);
	exchange_put_password(&e, "password", password);
	exchange_put_origin(&e, false);
	return exchange_finish(&e, reasons);
}

Outcome call_set_by_root(const Context *ctx, const Secret *password, Reasons *reasons)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	Outcome outcome;

	outcome = exchange_open(&e, ctx, PASSWORD "SetByRoot", true, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	exchange_put_password(&e, "password", password);
	exchange_put_origin(&e, false);
	return exchange_finish(&e, reasons);
}

Outcome call_check(const Context *ctx, const Secret *password, const Secret *old, const char *word,
		   Reasons *reasons)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	const JsonNode *accepted;
	Outcome outcome;

	outcome = exchange_open(&e, ctx, PASSWORD "Check", false, ctx->args.timeout_ms);
	if (outcome != OUTCOME_OK)
		return outcome;
	exchange_put_password(&e, "password", password);
	if (old->len > 0)
		exchange_put_password(&e, "old", old);
	if (word && *word && text_valid(word, QUESTION_TEXT_MAX)) {
		json_open(e.w, "words", '[');
		json_put_string(e.w, NULL, word);
		json_close(e.w, ']');
	}
	outcome = exchange_finish(&e, NULL);
	if (outcome != OUTCOME_OK)
		return outcome;
	accepted = json_get(e.reply.parameters, "accepted");
	if (!accepted || accepted->type != JSON_BOOL)
		return OUTCOME_UNAVAILABLE;
	if (accepted->boolean)
		return OUTCOME_OK;
	exchange_read_reasons(&e, reasons);
	return OUTCOME_PASSWORD_REFUSED;
}

Outcome call_lacks_recovery(const Context *ctx)
{
	AUTO_EXCHANGE Exchange e = { 0 };
	int64_t questions = -1, codes = -1;
	const JsonNode *addresses;
	Outcome outcome;

	outcome = exchange_open(&e, ctx, ACCOUNT "Status", false, NUDGE_TIMEOUT_MS);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = exchange_finish(&e, NULL);
	if (outcome != OUTCOME_OK)
		return outcome;
	addresses = json_get(e.reply.parameters, "addresses");
	if (!addresses || addresses->type != JSON_ARRAY ||
	    !json_get_integer(e.reply.parameters, "questions", &questions) ||
	    !json_get_integer(e.reply.parameters, "savedCodes", &codes))
		return OUTCOME_UNAVAILABLE;
	return addresses->n == 0 && questions == 0 && codes == 0 ? OUTCOME_OK : OUTCOME_REFUSED;
}
