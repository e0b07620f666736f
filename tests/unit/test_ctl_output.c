/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pwresetctl prints: text that does a terminal no harm, JSON, tables, times, progress. */

#include <locale.h>
#include <string.h>

#include "output.h"
#include "progress.h"
#include "unit.h"
#include "when.h"

static void expect_clean(const char *text, const char *expected)
{
	AUTO_FREE char *clean = text_clean(text);

	assert_non_null(clean);
	assert_string_equal(clean, expected);
}

static void test_text_clean(void **state UNUSED)
{
	expect_clean("", "");
	expect_clean("J\xc3\xb6rg M\xc3\xbcller", "J\xc3\xb6rg M\xc3\xbcller");
	expect_clean("\x1b]0;title\x07\x1b[31mred", "?]0;title??[31mred");
	expect_clean("a\nb\tc\rd\x7f", "a?b?c?d?");
	expect_clean("\xc2\x9b"
		     "31m",
		     "?31m");
	expect_clean("a\xe2\x80\xae"
		     "b\xe2\x81\xa6",
		     "a?b?");
	expect_clean("\xff\xc3[", "??[");
	expect_clean("\xed\xa0\x80", "???");
}

static void test_text_width(void **state UNUSED)
{
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("J\xc3\xb6rg"), 4);
	assert_int_equal(text_width("USER\xe2\x80\xa6"), 5);
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		print_message("C.UTF-8 is not installed: wide characters not tried\n");
		return;
	}
	assert_int_equal(text_width("\xe4\xb8\xad\xe6\x96\x87"), 4);
	setlocale(LC_CTYPE, "C");
}

/* What f has got, as a string. */
static char *take(FILE *f, char *ret, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(ret, 1, size - 1, f);
	ret[n] = '\0';
	fclose(f);
	return ret;
}

static void expect_json(const char *text, OutputMode mode, const char *expected)
{
	char copy[512], got[1024];
	JsonNode nodes[64];
	Json json = { .nodes = nodes, .n_nodes_max = ARRAY_SIZE(nodes) };
	FILE *f = tmpfile();

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(json_parse(&json, copy, strlen(copy)), 0);
	assert_non_null(f);
	json_print(f, nodes, mode);
	assert_string_equal(take(f, got, sizeof(got)), expected);
}

static void test_json(void **state UNUSED)
{
	static const char text[] = "{\"a\":[1,true,null,[],{}],\"b\":{\"c\":\"x\\n\\\"\"}}";

	expect_json(text, OUTPUT_SHORT, "{\"a\":[1,true,null,[],{}],\"b\":{\"c\":\"x\\n\\\"\"}}\n");
	expect_json(
		text, OUTPUT_PRETTY,
		"{\n  \"a\": [\n    1,\n    true,\n    null,\n    [],\n    {}\n  ],\n  \"b\": {\n    \"c\": \"x\\n\\\"\"\n  }\n}\n");
	expect_json("\"\\u001b[31m\\u009b31m\\u00e9\"", OUTPUT_SHORT,
		    "\"\\u001b[31m\\u009b31m\xc3\xa9\"\n");
	expect_json("[]", OUTPUT_PRETTY, "[]\n");
}

static void test_table(void **state UNUSED)
{
	static const char *const headers[] = { "USER", "RESULT", "N" };
	CLEANUP(table_freep) Table *table = table_new(headers, ARRAY_SIZE(headers));
	char got[512];
	FILE *f = tmpfile();

	assert_non_null(table);
	assert_int_equal(table_rows(table), 0);
	table_add(table, "carol");
	table_add(table, "ok");
	table_add(table, "1");
	table_add(table, "j\xc3\xb6rg");
	table_add(table, NULL);
	table_add(table, "");
	table_add(table, "eve\x1b[2J");
	table_add(table, "a longer one");
	table_add(table, "3");
	assert_int_equal(table_rows(table), 3);
	table_print(table, f, true);
	assert_string_equal(take(f, got, sizeof(got)), "USER     RESULT        N\n"
						       "carol    ok            1\n"
						       "j\xc3\xb6rg     -             -\n"
						       "eve?[2J  a longer one  3\n");
	f = tmpfile();
	table_print(table, f, false);
	assert_int_equal(strncmp(take(f, got, sizeof(got)), "carol  ", 7), 0);
	assert_null(table_new(headers, 0));
}

static void test_large_table(void **state UNUSED)
{
	static const char *const headers[] = { "N" };
	CLEANUP(table_freep) Table *table = table_new(headers, 1);

	for (unsigned i = 0; i < 10000; i++)
		table_add(table, "x");
	assert_int_equal(table_rows(table), 10000);
}

static void test_spans(void **state UNUSED)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = { { -5, "0 s" },          { 0, "0 s" },        { 119, "119 s" },
		      { 120, "2 min" },       { 7199, "119 min" }, { 7260, "2 h 1 min" },
		      { 3 * 86400, "3 days" } };
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		span_format(cases[i].seconds, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void test_progress(void **state UNUSED)
{
	Progress progress = { .done = 2500, .total = 10000, .failed = 3, .started = 1000 };
	char text[160];

	progress_format(&progress, 11000, text, sizeof(text));
	assert_string_equal(text, "2500/10000 (25%), 250 a second, 30 s left, 3 refused");
	progress.total = 0;
	progress_format(&progress, 11000, text, sizeof(text));
	assert_string_equal(text, "2500, 250 a second, 3 refused");
	/* At the very beginning nothing is divided by. */
	progress = (Progress){ .total = 10, .started = 1000 };
	progress_format(&progress, 1000, text, sizeof(text));
	assert_string_equal(text, "0/10 (0%), 0 a second, 0 refused");
}

static void test_when(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "now", 1795290302 },
		{ "today", 1795219200 },
		{ "yesterday", 1795132800 },
		{ "-30s", 1795290272 },
		{ "-2h", 1795283102 },
		{ "-30min", 1795288502 },
		{ "-7d", 1794685502 },
		{ "2026-11-21", 1795219200 },
		{ "2026-11-21 08:00", 1795248000 },
		{ "2026-11-21T08:00:30", 1795248030 },
		{ "2024-02-29", 1709164800 },
	};
	/* clang-format off */
	static const char *const bad[] = {
		"", "-", "-2", "-h", "-2w", "2h", "2026", "2026-11", "2026-13-01", "2026-02-30",
			"2026-00-10", "2026-11-21 24:00", "2026-11-21 08",
		"2026-11-21 08:60", "2026-11-21x", "tomorrow", "2026-11-21 08:00:00:00",
			"2026-11-21 ", "999999-01-01", "-999999d",
	};
	/* clang-format on */
	int64_t value;

	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(when_parse(good[i].text, 1795290302, &value), 0);
		if (value != good[i].value)
			fail_msg("%s: %lld", good[i].text, (long long)value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (when_parse(bad[i], 1795290302, &value) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_clean), cmocka_unit_test(test_text_width),
			cmocka_unit_test(test_json),
		cmocka_unit_test(test_table), cmocka_unit_test(test_large_table),
			cmocka_unit_test(test_spans),
		cmocka_unit_test(test_progress),   cmocka_unit_test(test_when),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
