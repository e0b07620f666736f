/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preparing and judging answers. */
#include "answer.h"

#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define TOKEN_MAX 256U

/*
 * libunistring writes into memory of ours or into memory of its own; only the former is wiped, so
 * only that is taken.
 */
static int keep(uint8_t *result, const uint8_t *ours, size_t len)
{
	if (result == ours)
		return 0;
	if (result)
		memory_wipe(result, len);
	free(result);
	return -EBADMSG;
}

static void collapse(const uint8_t *text, size_t len, Answer *ret)
{
	size_t at = 0, out = 0;
	bool space = false;
	ucs4_t c;

	while (at < len) {
		int n = u8_mbtouc(&c, text + at, len - at);

		if (uc_is_property_white_space(c)) {
			space = out > 0;
		} else {
			if (space)
				ret->text[out++] = ' ';
			space = false;
			memcpy(ret->text + out, text + at, (size_t)n);
			out += (size_t)n;
		}
		at += (size_t)n;
	}
	ret->text[out] = '\0';
}

int answer_prepare(const char *typed, Answer *ret)
{
	uint8_t normal[ANSWER_PREPARED], folded[ANSWER_PREPARED], *result;
	size_t len = strlen(typed), n_normal = sizeof(normal), n_folded = sizeof(folded);
	int r;

	if (len > ANSWER_MAX || !utf8_valid(typed, len))
		return -EBADMSG;
	result = u8_normalize(UNINORM_NFKC, (const uint8_t *)typed, len, normal, &n_normal);
	r = keep(result, normal, n_normal);
	if (r == 0) {
		result = u8_casefold(normal, n_normal, NULL, UNINORM_NFKC, folded, &n_folded);
		r = keep(result, folded, n_folded);
	}
	if (r == 0 && n_folded >= sizeof(ret->text))
		r = -EBADMSG;
	if (r == 0)
		collapse(folded, n_folded, ret);
	memory_wipe(normal, sizeof(normal));
	memory_wipe(folded, sizeof(folded));
	return r;
}

/* The next run of letters, digits and marks of *text; false at the end. */
static bool token_next(const char **text, char ret[static TOKEN_MAX])
{
	const uint8_t *p = (const uint8_t *)*text;
	size_t out = 0;
	ucs4_t c;
	int n;

	while ((n = u8_strmbtouc(&c, p)) > 0) {
		bool part = uc_is_property_alphabetic(c) ||
			    uc_is_general_category(c, UC_CATEGORY_Nd) ||
			    uc_is_general_category(c, UC_CATEGORY_M);

		if (!part && out > 0)
			break;
		if (part && out + (size_t)n < TOKEN_MAX) {
			memcpy(ret + out, p, (size_t)n);
			out += (size_t)n;
		}
		p += n;
	}
	*text = (const char *)p;
	ret[out] = '\0';
	return out > 0;
}

static bool has_token(const char *text, const char *token)
{
	char one[TOKEN_MAX];

	while (token_next(&text, one))
		if (strcmp(one, token) == 0)
			return true;
	return false;
}

/* Whether all words of the answer stand in the prepared text. */
static bool made_of(const char *answer, const char *text)
{
	char token[TOKEN_MAX];
	bool any = false;

	while (token_next(&answer, token)) {
		any = true;
		if (!has_token(text, token))
			return false;
	}
	return any;
}

static bool is_personal(const Account *account, const Config *config, const char *answer)
{
	const char *names[ACCOUNT_PERSONAL_N];
	char all[2 * ANSWER_PREPARED];
	Buf buf = BUF(all);
	Answer prepared;

	account_personal(config, names);
	/*
	 * All in one text, so that "given name, family name" is found in whatever attributes they
	 * stand.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const Attribute *attribute = entry_attribute(account->entry, names[i]);

		for (size_t j = 0; attribute && j < attribute->n; j++)
			if (answer_prepare(attribute->values[j].bytes, &prepared) == 0) {
				buf_puts(&buf, prepared.text);
				buf_puts(&buf, " ");
			}
	}
	return made_of(answer, all);
}

/* In any of the languages: the question may have been read in another one. */
static bool is_in_question(const Worker *worker, const char *id, const char *answer)
{
	static const char *const languages[] = { "en", "es", "de", "fr" };

	for (size_t i = 0; i < ARRAY_SIZE(languages); i++) {
		CLEANUP(question_list_freep) QuestionList *list = NULL;
		const Question *question;
		Answer text;

		if (question_list_load(&list, worker, languages[i]) < 0)
			return true;
		question = question_find(list, id);
		if (question && answer_prepare(question->text, &text) == 0 &&
		    made_of(answer, text.text))
			return true;
	}
	return false;
}

static bool is_one_symbol(const char *answer)
{
	const uint8_t *p = (const uint8_t *)answer;
	ucs4_t first, c;
	int n = u8_strmbtouc(&first, p);

	while (n > 0) {
		p += n;
		n = u8_strmbtouc(&c, p);
		if (n > 0 && c != first)
			return false;
	}
	return true;
}

const char *answer_refusal(const Call *call, const Account *account, const char *question_id,
			   const Answer *answers, size_t i)
{
	const char *text = answers[i].text;
	const char *tokens = text;
	char token[TOKEN_MAX];

	if (!*text || !token_next(&tokens, token))
		return "empty";
	if (u8_mbsnlen((const uint8_t *)text, strlen(text)) < ANSWER_MIN)
		return "too-short";
	for (size_t j = 0; j < i; j++)
		if (strcmp(answers[j].text, text) == 0)
			return "duplicate";
	if (is_personal(account, call->worker->config, text))
		return "personal";
	if (is_in_question(call->worker, question_id, text))
		return "in-question";
	if (is_one_symbol(text) || question_answer_is_common(call->worker, text))
		return "common";
	return NULL;
}
