/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replies of SMTP servers, and what is withheld of them before they are told. */

#include "unit.h"

#include <string.h>

#include "reply.h"
#include "trace.h"

static Reply reply;

/* Feeds it in pieces of n bytes. */
static int fed(const char *text, size_t len, size_t n, size_t *ret_used)
{
	size_t done = 0;

	reply_init(&reply);
	while (done < len && !reply.complete) {
		size_t piece = len - done < n ? len - done : n, used = 0;
		int r = reply_feed(&reply, text + done, piece, &used);

		if (r < 0)
			return r;
		done += used;
	}
	*ret_used = done;
	return 0;
}

static void test_good(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *words;
		const char *printed;
	} good[] = {
		{ "250 ok\r\n", 250, "ok", "250 ok" },
		{ "250\r\n", 250, "", "250" },
		{ "250 \r\n", 250, "", "250" },
		{ "354 a\n", 354, "a", "354 a" },
		{ "250-a\r\n250-b\r\n250 c\r\n", 250, "a\nb\nc", "250 a b c" },
		{ "250-\r\n250 c\r\n", 250, "\nc", "250  c" },
		{ "550 a\tb\r\n", 550, "a b", "550 a b" },
		{ "550 \xc3\xa4\r\n", 550, "\xc3\xa4", "550 \xc3\xa4" },
		{ "550 \xe4\r\n", 550, "?", "550 ?" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		for (size_t n = 1; n < 10; n++) {
			char text[64];
			size_t used = 0;
			Buf out;

			assert_int_equal(fed(good[i].text, strlen(good[i].text), n, &used), 0);
			assert_true(reply.complete);
			assert_int_equal(used, strlen(good[i].text));
			assert_int_equal(reply.code, good[i].code);
			assert_string_equal(reply.text, good[i].words);
			buf_init(&out, text, sizeof(text));
			reply_print(&reply, &out);
			assert_string_equal(text, good[i].printed);
		}
}

static void test_stops_at_its_end(void **state)
{
	size_t used;

	(void)state;
	reply_init(&reply);
	assert_int_equal(reply_feed(&reply, "220 a\r\n250 b\r\n", 14, &used), 0);
	assert_int_equal(used, 7);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
#define B(s) { s, sizeof(s) - 1 }
		B("\r\n"),
		B("25\r\n"),
		B("2500 a\r\n"),
		B("250_a\r\n"),
		B("150 a\r\n"),
		B("600 a\r\n"),
		B("a50 a\r\n"),
		B("250 a\0b\r\n"),
		B("250 a\rb\r\n"),
		B("250 \x1b[2J\r\n"),
		B("250 \x7f\r\n"),
		B("\0\r\n"),
		B("250-a\r\n251 b\r\n"),
		B(" 250 a\r\n"),
		B("+50 a\r\n"),
		B("250-a\r\nb\r\n"),
#undef B
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		for (size_t n = 1; n < 8; n++) {
			size_t used;

			assert_int_equal(fed(bad[i].text, bad[i].len, n, &used), -EBADMSG);
		}
}

static void test_limits(void **state)
{
	static char text[512 * 1024];
	size_t used;
	Buf out;

	(void)state;
	memset(text, '2', REPLY_LINE_MAX + 1);
	assert_int_equal(fed(text, REPLY_LINE_MAX, 100, &used), 0);
	assert_int_equal(fed(text, REPLY_LINE_MAX + 1, 100, &used), -EMSGSIZE);
	buf_init(&out, text, sizeof(text));
	for (size_t i = 0; i < REPLY_LINES_MAX; i++)
		buf_puts(&out, "250-a\r\n");
	assert_int_equal(fed(text, out.len, 100, &used), 0);
	buf_puts(&out, "250 a\r\n");
	assert_int_equal(fed(text, out.len, 100, &used), -EMSGSIZE);
	buf_init(&out, text, sizeof(text));
	for (size_t i = 0; i < 5; i++)
		buf_printf(&out, "250-%0900d\r\n", 1);
	assert_int_equal(fed(text, out.len, 100, &used), -EMSGSIZE);
}

static void test_extensions(void **state)
{
	const char *text = "250-AUTH is my name\r\n250-STARTTLSX\r\n250-auth PLAIN "
			   "login\r\n250-SIZE 5\r\n250 8BITMIME\r\n",
		   *rest = NULL;
	size_t used;

	(void)state;
	assert_int_equal(fed(text, strlen(text), 7, &used), 0);
	assert_false(reply_offers(&reply, "STARTTLS", NULL));
	assert_true(reply_offers(&reply, "8BITMIME", NULL));
	assert_true(reply_offers(&reply, "AUTH", &rest));
	assert_true(reply_parameter(rest, "LOGIN"));
	assert_true(reply_parameter(rest, "PLAIN"));
	assert_false(reply_parameter(rest, "PLAI"));
	assert_false(reply_parameter(rest, "SIZE"));
	assert_false(reply_offers(&reply, "is", NULL));
}

static void test_code_alone(void **state)
{
	static const char *const texts[][2] = {
		{ "535 5.7.8 secret\r\n", "535 5.7.8" }, { "535 secret\r\n", "535" },
		{ "535 5.7.8secret\r\n", "535" },        { "535 5.7.\r\n", "535" },
		{ "535 5.7.8\r\n", "535 5.7.8" },        { "535 1234.5.6 x\r\n", "535" }
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[64];
		size_t used;
		Buf out;

		assert_int_equal(fed(texts[i][0], strlen(texts[i][0]), 64, &used), 0);
		buf_init(&out, text, sizeof(text));
		reply_print_code(&reply, &out);
		assert_string_equal(text, texts[i][1]);
	}
}

static void test_secrets_are_withheld(void **state)
{
	static const char *const cases[][2] = {
		{ "all is well", "all is well" },
		{ "code 7KQ4-M2XD here", "code [withheld] here" },
		{ "code 7kq4m2xd!", "code [withheld]" },
		{ "7 K Q 4 M 2 X D", "[withheld] [withheld] [withheld] [withheld] [withheld] "
				     "[withheld] [withheld] [withheld]" },
		{ "part Q4-M2XD", "part [withheld]" },
		{ "too little M2XD", "too little M2XD" },
		{ "url https://example.com/r/AbCdEfGhIjKl.", "url [withheld]" },
		{ "relay example.com says no", "relay example.com says no" },
		{ "EfGhIj", "[withheld]" },
		{ "pass p\303\244ss word", "pass [withheld] [withheld]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Trace trace;

		trace_init(&trace);
		trace_hide(&trace, "7KQ4-M2XD");
		trace_hide(&trace, "https://example.com/r/AbCdEfGhIjKl");
		trace_hide(&trace, "p\303\244ss word");
		trace_hide(&trace, "");
		trace_hide(&trace, NULL);
		trace_ok(&trace, "step", cases[i][0]);
		assert_string_equal(trace.steps[0].text, cases[i][1]);
	}
}

static void test_secret_at_the_edge_of_the_text(void **state)
{
	char text[2 * TRACE_TEXT_MAX];

	(void)state;
	for (size_t at = TRACE_TEXT_MAX - 40; at < TRACE_TEXT_MAX + 10; at++) {
		Trace trace;

		memset(text, 'x', at);
		snprintf(text + at, sizeof(text) - at, " 7KQ4-M2XD and more");
		text[at / 2] = ' ';
		trace_init(&trace);
		trace_hide(&trace, "7KQ4-M2XD");
		trace_ok(&trace, "step", text);
		assert_null(strstr(trace.steps[0].text, "7K"));
	}
}

static void test_trace(void **state)
{
	char text[128];
	Trace trace;
	Buf out;

	(void)state;
	trace_init(&trace);
	assert_null(trace_last(&trace));
	trace_ok(&trace, "a", "1");
	trace_ok(&trace, "b", "2");
	assert_string_equal(trace_last(&trace)->step, "b");
	trace_fail(&trace, "c", CAUSE_TIMEOUT, "3");
	trace_ok(&trace, "d", "4");
	buf_init(&out, text, sizeof(text));
	trace_detail(&trace, &out);
	assert_string_equal(text, "c: 3");
	for (size_t i = 0; i < 2 * TRACE_STEPS_MAX; i++)
		trace_ok(&trace, "e", "5");
	assert_int_equal(trace.n_steps, TRACE_STEPS_MAX);
	assert_null(trace_remedy(CAUSE_NONE));
	for (int cause = CAUSE_NONE + 1; cause < _CAUSE_MAX; cause++)
		assert_true(strlen(trace_remedy((TraceCause)cause)) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_stops_at_its_end),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_code_alone),
		cmocka_unit_test(test_secrets_are_withheld),
		cmocka_unit_test(test_secret_at_the_edge_of_the_text),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
