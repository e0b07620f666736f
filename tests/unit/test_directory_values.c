/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the directory worker reads back out of entries: one spelling of each value, and nothing that
 * is nearly one.
 */

#include <string.h>

#include "address.h"
#include "confirm.h"
#include "event.h"
#include "questions_stored.h"
#include "stored.h"
#include "unit.h"

#define ID "ABCDEFGHIJKLMNOPQRSTUQ"
#define MAC "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void test_token_round_trip(void **state UNUSED)
{
	static const char *const good[] = {
		"link:" ID ":s.k1.-." MAC ":1795294264:1",
		"code:" ID ":s.k-2_x.7K." MAC ":1795294264:5",
		"grant:" ID ":a.k1.-." MAC ":0:0",
	};
	char again[STORED_TEXT_MAX];
	StoredToken token;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(stored_parse(good[i], &token));
		stored_format(&token, again);
		assert_string_equal(again, good[i]);
	}
	assert_true(token.staff);
	assert_int_equal(token.kind, TOKEN_GRANT);
}

static void test_token_refused(void **state UNUSED)
{
	static const char *const bad[] = {
		"",
		":::::",
		"link",
		"Link:" ID ":s.k1.-." MAC ":1795294264:1",
		"pin:" ID ":s.k1.-." MAC ":1795294264:1",
		"link:" ID "A:s.k1.-." MAC ":1795294264:1",
		"link:short:s.k1.-." MAC ":1795294264:1",
		"link:" ID ":x.k1.-." MAC ":1795294264:1",
		"link:" ID ":s.k1." MAC ":1795294264:1",
		"link:" ID ":s.k1.ABC." MAC ":1795294264:1",
		"link:" ID ":s.01234567890123456.-." MAC ":1795294264:1",
		"link:" ID ":s.k1.-.AAAA:1795294264:1",
		"link:" ID ":s.k1.-." MAC "=:1795294264:1",
		"link:" ID ":s.k1.-." MAC ":01795294264:1",
		"link:" ID ":s.k1.-." MAC ":1795294264:-1",
		"link:" ID ":s.k1.-." MAC ":1795294264:101",
		"link:" ID ":s.k1.-." MAC ":1795294264:1 ",
		"link:" ID ":s.k1.-." MAC ":1795294264:1:",
		"link:" ID ":s.k1.-." MAC ":99999999999999999999:1",
		" link:" ID ":s.k1.-." MAC ":1795294264:1",
	};
	StoredToken token;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(stored_parse(bad[i], &token));
}

static void test_event(void **state UNUSED)
{
	Event event = { .what = "set", .time = 7, .operation = ID, .ref = "x" };
	char text[EVENT_VALUE_MAX];

	/* What staff are called can neither end the field nor leave ASCII. */
	snprintf(event.by, sizeof(event.by), "a:b \xc3\xa9\n");
	assert_int_equal(event_format(&event, text, sizeof(text)), 0);
	assert_string_equal(text, "set:7:" ID ":x:a_b____");
	assert_true(event_parse(text, &event));
	assert_string_equal(event.by, "a_b____");
	assert_true(event_parse("temporary:1:" ID ":shadow.none:", &event));
	assert_true(event.shadow);
	assert_false(event_parse("set:07:" ID ":x:", &event));
	assert_false(event_parse("set:7:" ID ":x", &event));
	assert_false(event_parse("set:7:" ID ":x:b:c", &event));
	assert_false(event_parse("set:7:" ID ID ":x:", &event));
	assert_false(event_parse("", &event));
}

static Entry entry_of(Attribute *attribute, Value *values, size_t n)
{
	*attribute =
		(Attribute){ .name = (char *)(uintptr_t) "pwresetEvent", .values = values, .n = n };
	return (Entry){ .attributes = attribute, .n = 1 };
}

static void test_event_pruning(void **state UNUSED)
{
	Value values[EVENTS_MAX + 3];
	char texts[EVENTS_MAX + 3][64];
	AUTO_CHANGES Changes changes = { 0 };
	Event event = { .what = "changed", .time = 999, .operation = ID };
	Attribute attribute;
	Entry entry;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		/* The first is what undoes a temporary password: the oldest, and kept. */
		snprintf(texts[i], sizeof(texts[i]),
			 i == 0 ? "temporary:%zu:::" : "changed:%zu:::", i);
		values[i] = (Value){ .len = strlen(texts[i]), .bytes = texts[i] };
	}
	entry = entry_of(&attribute, values, ARRAY_SIZE(values));
	event_put(&changes, &entry, &event);
	assert_int_equal(changes.error, 0);
	assert_int_equal(changes.n, 2);
	assert_int_equal(changes.list[0].op, CHANGE_DELETE);
	assert_int_equal(changes.list[0].n, 3);
	assert_string_equal(changes.list[0].values[0].bytes, "changed:1:::");
	assert_string_equal(changes.list[0].values[2].bytes, "changed:3:::");
	assert_int_equal(changes.list[1].op, CHANGE_ADD);
}

static void test_event_last_kill(void **state UNUSED)
{
	char texts[][64] = { "changed:5::one:", "revoked:9::two:", "questions:99:::",
			     "mailed:100::1:", "nonsense" };
	Value values[ARRAY_SIZE(texts)];
	Attribute attribute;
	Entry entry;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = (Value){ .len = strlen(texts[i]), .bytes = texts[i] };
	entry = entry_of(&attribute, values, ARRAY_SIZE(values));
	assert_int_equal(event_last_kill(&entry, NULL), 9);
	assert_int_equal(event_last_kill(&entry, "two"), 5);
}

static void test_address(void **state UNUSED)
{
	/* clang-format off */
	static const char *const bad[] = {
		"", "valid", "valid:1::", "valid:1::nobody", "valid:01::a@example.com",
			"good:1::a@example.com",
		"valid:1:x:a@b@c", "valid:::a@example.com",
	};
	/* clang-format on */
	char again[ADDRESS_VALUE_MAX];
	Address address;

	assert_true(address_parse("waiting:1795294264:k1.x.5:a.b@example.com", &address));
	assert_int_equal(address.state, ADDRESS_WAITING);
	assert_false(address_counts(&address, 1795294263));
	assert_true(address_counts(&address, 1795294264));
	assert_int_equal(address_format(&address, again, sizeof(again)), 0);
	assert_string_equal(again, "waiting:1795294264:k1.x.5:a.b@example.com");
	assert_true(address_parse("once:10::a@example.com", &address));
	assert_true(address_counts(&address, 9));
	assert_false(address_counts(&address, 10));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(address_parse(bad[i], &address));
	assert_true(address_acceptable("a@example.com"));
	assert_false(address_acceptable("m\xc4\xb1ke@example.com"));
}

static void test_confirmation(void **state UNUSED)
{
	char again[ADDRESS_DETAIL_MAX];
	Confirmation confirmation;

	assert_true(confirm_parse("k1." MAC ".5", &confirmation));
	confirm_format(&confirmation, again);
	assert_string_equal(again, "k1." MAC ".5");
	assert_false(confirm_parse("", &confirmation));
	assert_false(confirm_parse("k1." MAC ".5x", &confirmation));
	assert_false(confirm_parse("k1.AAAA.5", &confirmation));
	assert_false(confirm_parse("." MAC ".5", &confirmation));
}

static void test_questions(void **state UNUSED)
{
	static char text[] = "1:k1:first-pet,street,hero:1:AAAAAAAAAAAAAAAAAAAAAA:" MAC ":3:100:17";
	Value value = { .len = sizeof(text) - 1, .bytes = text };
	Attribute attribute = { .name = (char *)(uintptr_t) "pwresetQuestions",
				.values = &value,
				.n = 1 };
	Entry entry = { .attributes = &attribute, .n = 1 };
	char again[QUESTIONS_VALUE_MAX];
	StoredQuestions questions;

	assert_true(questions_stored_read(&entry, &questions));
	assert_int_equal(questions.n, 3);
	assert_string_equal(questions.ids[2], "hero");
	assert_int_equal(questions_stored_format(&questions, again), 0);
	assert_string_equal(again, text);
	assert_int_equal(questions_tries(&questions, 100 * 86400), 3);
	assert_int_equal(questions_tries(&questions, 99 * 86400), 3);
	assert_int_equal(questions_tries(&questions, 101 * 86400), QUESTIONS_DAILY);
	text[0] = '2';
	assert_false(questions_stored_read(&entry, &questions));
}

static void test_times(void **state UNUSED)
{
	/* clang-format off */
	static const char *const bad[] = {
		"", "20261121194100", "20261121194100+0100", "000001010000Z", "20261321194100Z",
			"20261121194100.Z",
		"2026112119410Z", "20261121194100ZZ", "x0261121194100Z", "20261121254100Z",
	};
	/* clang-format on */
	char text[GENERALIZED_TIME_SIZE];
	int64_t time;

	assert_true(generalized_time_parse("20261121194100Z", &time));
	assert_int_equal(time, 1795290060);
	assert_true(generalized_time_parse("20261121194100.123456Z", &time));
	assert_int_equal(time, 1795290060);
	generalized_time_format(time, text);
	assert_string_equal(text, "20261121194100Z");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(generalized_time_parse(bad[i], &time));
}

static void test_integers(void **state UNUSED)
{
	int64_t value;

	assert_true(integer_parse("-1", &value));
	assert_int_equal(value, -1);
	assert_true(integer_parse("999999999999999999", &value));
	assert_false(integer_parse("1000000000000000000", &value));
	assert_false(integer_parse("", &value));
	assert_false(integer_parse("-", &value));
	assert_false(integer_parse("+1", &value));
	assert_false(integer_parse(" 1", &value));
	assert_false(integer_parse("1 ", &value));
	assert_false(integer_parse("0x1", &value));
}

static void test_ascii_equal(void **state UNUSED)
{
	assert_true(ascii_equal("Mike@EXAMPLE.com", "mike@example.COM"));
	assert_false(ascii_equal("mike", "mik"));
	assert_false(ascii_equal("mik", "mike"));
	/* Dotless i, Kelvin sign, long s. */
	assert_false(ascii_equal("m\xc4\xb1ke", "mike"));
	assert_false(ascii_equal("\xe2\x84\xaa", "k"));
	assert_false(ascii_equal("\xc5\xbf", "s"));
	assert_false(ascii_equal("\xc3\xa9", "\xc3\x89"));
}

static void test_filter_escape(void **state UNUSED)
{
	char text[256];
	Buf buf = BUF(text);

	filter_escape(&buf, "*)(uid=*\\\x01\x7f\xc3\xa9 a");
	assert_string_equal(text, "\\2a\\29\\28uid=\\2a\\5c\\01\\7f\\c3\\a9 a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_round_trip),
		cmocka_unit_test(test_token_refused),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_event_pruning),
		cmocka_unit_test(test_event_last_kill),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_confirmation),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_ascii_equal),
		cmocka_unit_test(test_filter_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
