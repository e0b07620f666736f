/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Header fields: which requests are served, whose they are, and from where. */
#include <string.h>

#include "head.h"
#include "unit.h"

#define BODY_MAX 16384

typedef struct Pair {
	const char *name, *value;
} Pair;

static Head head_of(const Pair *pairs)
{
	Head head = {};

	for (; pairs->name; pairs++)
		head_add(&head, pairs->name, strlen(pairs->name), pairs->value,
			 strlen(pairs->value));
	return head;
}

#define HEAD(...) head_of((const Pair[]){ __VA_ARGS__, {} })
#define FORM                                                                                       \
	{ "Host", "a" },                                                                           \
	{                                                                                          \
		"Content-Type", "application/x-www-form-urlencoded"                                \
	}

static void test_sound(void **state UNUSED)
{
	Head head = HEAD({ "Host", "id.example.org" });

	assert_int_equal(head_check(&head, false, BODY_MAX), 0);
	head = HEAD(FORM, { "Content-Length", "16384" });
	assert_int_equal(head_check(&head, true, BODY_MAX), 0);
	head = HEAD({ "hOsT", "a" },
		    { "content-TYPE", "Application/X-WWW-Form-UrlEncoded ; charset=utf-8" },
		    { "content-length", "0" }, { "Expect", "100-Continue" });
	assert_int_equal(head_check(&head, true, BODY_MAX), 0);
	head = HEAD({ "Host", "a" }, { "Content-Length", "0" });
	assert_int_equal(head_check(&head, false, BODY_MAX), 0);
}

static void test_refused(void **state UNUSED)
{
	const struct {
		Head head;
		bool post;
		unsigned status;
	} cases[] = {
		{ HEAD({ "X", "y" }), false, 400 },
		{ HEAD({ "Host", "a" }, { "Host", "a" }), false, 400 },
		{ HEAD({ "Host", "a, b" }), false, 400 },
		{ HEAD({ "Host", "" }), false, 400 },
		{ HEAD({ "Host", "a" }, { "Content-Length", "5" }), false, 400 },
		{ HEAD({ "Host", "a" }, { "Transfer-Encoding", "chunked" }), false, 400 },
		{ HEAD(FORM, { "Content-Length", "3" }, { "Transfer-Encoding", "identity" }), true,
		  400 },
		{ HEAD(FORM, { "Content-Length", "3" }, { "Content-Length", "3" }), true, 400 },
		{ HEAD(FORM, { "Content-Length", "3, 3" }), true, 400 },
		{ HEAD(FORM, { "Content-Length", "+3" }), true, 400 },
		{ HEAD(FORM, { "Content-Length", "-3" }), true, 400 },
		{ HEAD(FORM, { "Content-Length", "0x3" }), true, 400 },
		{ HEAD(FORM, { "Content-Length", "" }), true, 400 },
		{ HEAD(FORM, { "Content-Length", "99999999999999999999" }), true, 400 },
		{ HEAD(FORM, { "Content-Length ", "3" }), true, 400 },
		{ HEAD({ "Host", "a" }, { " Folded", "x" }), false, 400 },
		{ HEAD({ "Host", "a" }, { "", "x" }), false, 400 },
		{ HEAD({ "Host", "a" }, { "Na:me", "x" }), false, 400 },
		{ HEAD({ "Host", "a" }, { "X", "a\rb" }), false, 400 },
		{ HEAD({ "Host", "a" }, { "X", "a\x7f" }), false, 400 },
		{ HEAD(FORM), true, 411 },
		{ HEAD(FORM, { "Content-Length", "16385" }), true, 413 },
		{ HEAD({ "Host", "a" }, { "Content-Length", "3" }), true, 415 },
		{ HEAD({ "Host", "a" }, { "Content-Length", "3" },
		       { "Content-Type", "text/plain" }),
		  true, 415 },
		{ HEAD({ "Host", "a" }, { "Content-Length", "3" },
		       { "Content-Type", "application/json" }),
		  true, 415 },
		{ HEAD(FORM, { "Content-Type", "text/plain" }, { "Content-Length", "3" }), true,
		  400 },
		{ HEAD({ "Host", "a" }, { "Expect", "more" }), false, 417 },
		{ HEAD({ "Host", "a" }, { "Origin", "x" }, { "Origin", "x" }), false, 400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned status = head_check(&cases[i].head, cases[i].post, BODY_MAX);

		if (status != cases[i].status)
			print_error("case %zu: %u, not %u\n", i, status, cases[i].status);
		assert_int_equal(status, cases[i].status);
	}
}

static void test_too_many_fields(void **state UNUSED)
{
	Head head = HEAD({ "Host", "a" });

	for (int i = 1; i < HEAD_FIELDS_MAX; i++)
		head_add(&head, "X", 1, "y", 1);
	assert_int_equal(head_check(&head, false, BODY_MAX), 0);
	head_add(&head, "X", 1, "y", 1);
	assert_int_equal(head_check(&head, false, BODY_MAX), 400);
}

static void test_foreign(void **state UNUSED)
{
	static const char origin[] = "https://id.example.org";
	char longer[HEAD_ORIGIN_MAX + 2];
	const struct {
		Head head;
		bool foreign;
	} cases[] = {
		{ HEAD({ "Host", "a" }), false },
		{ HEAD({ "Origin", "https://id.example.org" }), false },
		{ HEAD({ "Origin", "null" }), false },
		{ HEAD({ "Origin", "null" }, { "Sec-Fetch-Site", "same-origin" }), false },
		{ HEAD({ "Sec-Fetch-Site", "none" }), false },
		{ HEAD({ "Origin", "null" }, { "Sec-Fetch-Site", "cross-site" }), true },
		{ HEAD({ "Origin", "https://id.example.org" }, { "Sec-Fetch-Site", "same-site" }),
		  true },
		{ HEAD({ "Sec-Fetch-Site", "unheard-of" }), true },
		{ HEAD({ "Origin", "http://id.example.org" }), true },
		{ HEAD({ "Origin", "https://id.example.org.evil.example" }), true },
		{ HEAD({ "Origin", "https://id.example.org:444" }), true },
		{ HEAD({ "Origin", "https://evil.example" }, { "Sec-Fetch-Site", "same-origin" }),
		  true },
		{ HEAD({ "Origin", "" }), true },
	};
	Head head = {};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(head_foreign(&cases[i].head, origin), cases[i].foreign);
	memset(longer, 'x', sizeof(longer));
	head_add(&head, "Origin", 6, longer, sizeof(longer));
	assert_true(head_foreign(&head, origin));
}

static void test_forwarded(void **state UNUSED)
{
	static const struct {
		const char *first, *second, *address;
	} cases[] = {
		{ "192.0.2.1", NULL, "192.0.2.1" },
		{ "203.0.113.9, 192.0.2.1", NULL, "192.0.2.1" },
		{ "203.0.113.9,192.0.2.1 ", NULL, "192.0.2.1" },
		{ "192.0.2.1", "198.51.100.7", "198.51.100.7" },
		{ "2001:DB8:0::1", NULL, "2001:db8::1" },
		{ "192.0.2.1, unknown", NULL, "" },
		{ "192.0.2.1,", NULL, "" },
		{ "192.0.2.1:4711", NULL, "" },
		{ "192.0.2.1", "", "" },
		{ "192.0.2.1; drop", NULL, "" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL,
		  "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Head head = {};

		head_add(&head, "X-Forwarded-For", 15, cases[i].first, strlen(cases[i].first));
		if (cases[i].second)
			head_add(&head, "x-forwarded-for", 15, cases[i].second,
				 strlen(cases[i].second));
		assert_string_equal(head.forwarded, cases[i].address);
	}
}

static void test_language_is_cut(void **state UNUSED)
{
	char text[ACCEPT_LANGUAGE_MAX * 2];
	Head head = {};

	memset(text, 'a', sizeof(text));
	head_add(&head, "Accept-Language", 15, text, sizeof(text));
	assert_int_equal(strlen(head.language), ACCEPT_LANGUAGE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),           cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many_fields), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_forwarded),       cmocka_unit_test(test_language_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
