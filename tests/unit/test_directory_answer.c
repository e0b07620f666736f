/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to secret questions in the one form in which they are compared (security case 28). */

#include <string.h>

#include "answer.h"
#include "unit.h"

static void test_one_form(void **state UNUSED)
{
	static const struct {
		const char *typed, *prepared;
	} cases[] = {
		{ "Stra\xc3\x9f"
		  "e",
		  "strasse" },
		{ "  Two \t words\n", "two words" },
		{ "\xef\xbc\xb4\xef\xbd\x88\xef\xbd\x85", "the" }, /* full width */
		{ "\xef\xac\x81n", "fin" },                        /* ligature */
		{ "e\xcc\x81", "\xc3\xa9" },                       /* NFD */
		{ "\xc3\x89", "\xc3\xa9" },
		{ "a\xc2\xa0\xe3\x80\x80z", "a z" }, /* other spaces */
		{ "\xce\x9f\xce\x94\xce\x9f\xce\xa3",
		  "\xce\xbf\xce\xb4\xce\xbf\xcf\x83" }, /* final sigma */
		{ "", "" },
		{ " \t ", "" },
	};
	Answer answer;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(answer_prepare(cases[i].typed, &answer), 0);
		assert_string_equal(answer.text, cases[i].prepared);
		/* Preparing what is prepared changes nothing. */
		assert_int_equal(answer_prepare(cases[i].prepared, &answer), 0);
		assert_string_equal(answer.text, cases[i].prepared);
	}
}

static void test_refused(void **state UNUSED)
{
	char longest[ANSWER_MAX + 2];
	Answer answer;

	memset(longest, 'x', sizeof(longest));
	longest[ANSWER_MAX + 1] = '\0';
	assert_int_equal(answer_prepare(longest, &answer), -EBADMSG);
	longest[ANSWER_MAX] = '\0';
	assert_int_equal(answer_prepare(longest, &answer), 0);
	assert_int_equal(answer_prepare("\xff", &answer), -EBADMSG);
	assert_int_equal(answer_prepare("\xc3", &answer), -EBADMSG);
	assert_int_equal(answer_prepare("\xed\xa0\x80", &answer), -EBADMSG);
}

/* One code point becomes eighteen: the most that compatibility does. */
static void test_expansion(void **state UNUSED)
{
	char typed[ANSWER_MAX + 1] = "";
	Answer answer;

	for (size_t n = 0; n + 3 <= ANSWER_MAX; n += 3)
		memcpy(typed + n, "\xef\xb7\xba", 4);
	assert_int_equal(answer_prepare(typed, &answer), 0);
	assert_true(strlen(answer.text) > ANSWER_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_expansion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
