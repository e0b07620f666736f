/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form reader: what a browser sends is read exactly, everything else is refused. */
#include <string.h>

#include "form.h"
#include "unit.h"

static const FormField fields[] = {
	{ "user", 16, false }, { "password", 32, false }, { "kind", 4, true }, {}
};
static const FormField no_fields[] = { {} };

static int parse(Form *form, char *memory, size_t size, const char *body, size_t len)
{
	assert_true(len < size);
	memcpy(memory, body, len);
	memory[len] = 'X'; /* form_parse() may write here, and may not read */
	return form_parse(form, memory, len, fields);
}

static void test_values(void **state UNUSED)
{
	static const struct {
		const char *body, *user, *password, *kind;
	} cases[] = {
		{ "user=carol&password=secret", "carol", "secret", NULL },
		{ "password=a&kind=link&user=b", "b", "a", "link" },
		{ "user=&password=", "", "", NULL },
		{ "user=a+b&password=%2B%26%3D%25", "a b", "+&=%", NULL },
		{ "user=%C3%A4%c3%b6&password=a=b", "\xc3\xa4\xc3\xb6", "a=b", NULL },
		{ "%75ser=x&pass%77ord=y", "x", "y", NULL },
		{ "user=0123456789abcdef&password=%0A", "0123456789abcdef", "\n", NULL },
	};
	char memory[256];
	Form form;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			parse(&form, memory, sizeof(memory), cases[i].body, strlen(cases[i].body)),
			0);
		assert_string_equal(form.values[0], cases[i].user);
		assert_string_equal(form.values[1], cases[i].password);
		if (cases[i].kind)
			assert_string_equal(form.values[2], cases[i].kind);
		else
			assert_null(form.values[2]);
	}
}

static void test_refused(void **state UNUSED)
{
	static const struct {
		const char *body;
		int error;
	} cases[] = {
		{ "", FORM_E_MISSING },
		{ "user=a", FORM_E_MISSING },
		{ "user=a&password=b&user=c", FORM_E_REPEATED },
		{ "user=a&password=b&user=a", FORM_E_REPEATED },
		{ "user=a&password=b&%75ser=c", FORM_E_REPEATED },
		{ "user[]=a&password=b", FORM_E_UNKNOWN },
		{ "user%5B0%5D=a&password=b", FORM_E_UNKNOWN },
		{ "User=a&password=b", FORM_E_UNKNOWN },
		{ "user=a&password=b&extra=", FORM_E_UNKNOWN },
		{ "user=a&password=b&=", FORM_E_UNKNOWN },
		{ "user=0123456789abcdefg&password=b", FORM_E_TOO_LONG },
		{ "user=a&password=b&", FORM_E_SYNTAX },
		{ "&user=a&password=b", FORM_E_SYNTAX },
		{ "user=a&&password=b", FORM_E_SYNTAX },
		{ "user&password=b", FORM_E_SYNTAX },
		{ "user=%", FORM_E_SYNTAX },
		{ "user=%4", FORM_E_SYNTAX },
		{ "user=%4g&password=b", FORM_E_SYNTAX },
		{ "user=%&password=41", FORM_E_SYNTAX },
		{ "user=a%00b&password=c", FORM_E_SYNTAX },
		{ "user=%ff&password=c", FORM_E_SYNTAX },
		{ "user=%c3&password=c", FORM_E_SYNTAX },
		{ "user=%ed%a0%80&password=c", FORM_E_SYNTAX },
		{ "user=%c0%af&password=c", FORM_E_SYNTAX },
		{ "user=\xff&password=c", FORM_E_SYNTAX },
		{ "us%00er=a&password=c", FORM_E_SYNTAX },
	};
	char memory[256];
	Form form;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = parse(&form, memory, sizeof(memory), cases[i].body, strlen(cases[i].body));

		if (r != cases[i].error)
			print_error("%s: %d, not %d\n", cases[i].body, r, cases[i].error);
		assert_int_equal(r, cases[i].error);
		for (size_t j = 0; j < FORM_FIELDS_MAX; j++)
			assert_null(form.values[j]);
	}
	/* A NUL byte itself, in the middle. */
	assert_int_equal(parse(&form, memory, sizeof(memory), "user=a\0b&password=c", 19),
			 FORM_E_SYNTAX);
}

static void test_form_without_fields(void **state UNUSED)
{
	char body[] = "a=b";
	Form form;

	assert_int_equal(form_parse(&form, body, 0, no_fields), 0);
	assert_int_equal(form_parse(&form, body, 3, no_fields), FORM_E_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_form_without_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
