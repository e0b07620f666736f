/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values that the directory worker reads back: each is given to every reader, and what is accepted
 * is written again as the same text, since it is later deleted by that.
 */

#include "answer.h"
#include "confirm.h"
#include "event.h"
#include "fuzz.h"
#include "stored.h"

static void check_values(const char *text)
{
	char token_text[STORED_TEXT_MAX], event_text[EVENT_VALUE_MAX],
		address_text[ADDRESS_VALUE_MAX];
	Confirmation confirmation;
	StoredToken token;
	Address address;
	Event event;
	int64_t number;
	int r;

	if (stored_parse(text, &token)) {
		stored_format(&token, token_text);
		assert(strcmp(token_text, text) == 0);
	}
	if (event_parse(text, &event)) {
		r = event_format(&event, event_text, sizeof(event_text));
		assert(r == 0 && strcmp(event_text, text) == 0);
	}
	if (address_parse(text, &address)) {
		r = address_format(&address, address_text, sizeof(address_text));
		assert(r == 0 && strcmp(address_text, text) == 0);
	}
	(void)confirm_parse(text, &confirmation);
	(void)generalized_time_parse(text, &number);
	(void)integer_parse(text, &number);
}

static void check_questions(char *text)
{
	Value value = { .len = strlen(text), .bytes = text };
	Attribute attribute = { .name = (char *)(uintptr_t) "pwresetQuestions",
				.values = &value,
				.n = 1 };
	Entry entry = { .attributes = &attribute, .n = 1 };
	char again[QUESTIONS_VALUE_MAX];
	StoredQuestions questions;

	if (!questions_stored_read(&entry, &questions))
		return;
	assert(questions.n > 0 && questions.n <= QUESTIONS_MAX);
	assert(questions_stored_format(&questions, again) == 0);
	assert(questions_tries(&questions, 0) <= questions.left);
}

static void check_answer(const char *text)
{
	Answer answer, again;

	if (answer_prepare(text, &answer) != 0)
		return;
	assert(utf8_valid(answer.text, strlen(answer.text)));
	/* Idempotent, but for what has become longer than what may be typed. */
	if (answer_prepare(answer.text, &again) == 0)
		assert(strcmp(answer.text, again.text) == 0);
}

static void complain_nowhere(const IniPlace *place UNUSED, const char *message UNUSED,
			     void *userdata UNUSED)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), escaped[1024] = "";
	Buf filter = BUF(escaped);
	Pepper pepper;

	check_values(text);
	check_questions(text);
	check_answer(text);
	(void)pepper_parse(&pepper, text, complain_nowhere, NULL);
	filter_escape(&filter, text);
	assert(!strpbrk(escaped, "*()") && strlen(escaped) == filter.len);
	free(text);
	return 0;
}
