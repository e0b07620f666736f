/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links, grants and codes as text: one spelling each, nothing that is nearly one (security cases 7
 * and 8).
 */

#include <string.h>

#include "token.h"
#include "unit.h"

static Ticket example(char type)
{
	Ticket ticket = { .selector_len = 17 };

	ticket.selector[0] = type;
	for (unsigned i = 1; i < 17; i++)
		ticket.selector[i] = (char)(type == 'u' ? i * 16 : 'a' + i);
	for (unsigned i = 0; i < TOKEN_ID_SIZE; i++)
		ticket.id[i] = (uint8_t)(i * 7);
	for (unsigned i = 0; i < TOKEN_SECRET_SIZE; i++)
		ticket.secret[i] = (uint8_t)(255 - i);
	return ticket;
}

static void test_ticket_round_trip(void **state UNUSED)
{
	static const char types[] = { 'u', 'n' };

	for (size_t i = 0; i < sizeof(types); i++) {
		Ticket ticket = example(types[i]), again;
		char text[TICKET_TEXT_MAX + 1];

		assert_int_equal(ticket_format(&ticket, text, sizeof(text)), 0);
		assert_int_equal(ticket_parse(&again, text), 0);
		assert_memory_equal(&again, &ticket, sizeof(ticket));
	}
}

static void test_ticket_longest(void **state UNUSED)
{
	Ticket ticket = example('n'), again;
	char text[TICKET_TEXT_MAX + 1];

	ticket.selector_len = TOKEN_SELECTOR_MAX;
	memset(ticket.selector + 1, 'x', TOKEN_SELECTOR_MAX - 1);
	assert_int_equal(ticket_format(&ticket, text, sizeof(text)), 0);
	assert_int_equal(ticket_parse(&again, text), 0);
	assert_memory_equal(&again, &ticket, sizeof(ticket));
	assert_int_equal(ticket_format(&ticket, text, 100), -ENOBUFS);
}

static void test_ticket_every_change_counts(void **state UNUSED)
{
	static const char *const tails[] = { "A", "AA", "AAAA", "=", "==", "\n", " ", "." };
	Ticket ticket = example('u'), again = { .selector_len = 99 };
	char text[TICKET_TEXT_MAX + 2], changed[TICKET_TEXT_MAX + 2];
	size_t len;

	assert_int_equal(ticket_format(&ticket, text, sizeof(text)), 0);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		memcpy(changed, text, len + 1);
		changed[i] = '\0';
		assert_int_equal(ticket_parse(&again, changed), -EBADMSG);
		memcpy(changed, text, len + 1);
		memmove(changed + i, changed + i + 1, len - i);
		assert_int_equal(ticket_parse(&again, changed), -EBADMSG);
	}
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(changed, sizeof(changed), "%s%s", text, tails[i]);
		assert_int_equal(ticket_parse(&again, changed), -EBADMSG);
	}
	memset(changed, 'A', sizeof(changed) - 1);
	changed[sizeof(changed) - 1] = '\0';
	assert_int_equal(ticket_parse(&again, changed), -EBADMSG);
	assert_int_equal(ticket_parse(&again, ""), -EBADMSG);
	assert_int_equal(again.selector_len, 99);
}

static int parse_bytes(const uint8_t *bytes, size_t len)
{
	char text[TICKET_TEXT_MAX + 1];
	Ticket ticket;

	assert_true(base64url_encode(bytes, len, text, sizeof(text)) > 0);
	return ticket_parse(&ticket, text);
}

static void test_ticket_fields(void **state UNUSED)
{
	uint8_t bytes[2 + 17 + 16 + 32] = { TOKEN_VERSION, 17,  'n', 'a', 'b', 'c', 'd',
					    'e',           'f', 'g', 'h', 'i', 'j', 'k',
					    'l',           'm', 'n', 'o', 'p' };

	assert_int_equal(parse_bytes(bytes, sizeof(bytes)), 0);
	bytes[0] = TOKEN_VERSION + 1;
	assert_int_equal(parse_bytes(bytes, sizeof(bytes)), -EBADMSG);
	bytes[0] = TOKEN_VERSION;
	/* A selector length that reaches into id or secret does not make a shorter ticket of it. */
	for (unsigned n = 0; n < 256; n++) {
		bytes[1] = (uint8_t)n;
		assert_int_equal(parse_bytes(bytes, sizeof(bytes)), n == 17 ? 0 : -EBADMSG);
	}
	bytes[1] = 17;
	bytes[2] = 'x';
	assert_int_equal(parse_bytes(bytes, sizeof(bytes)), -EBADMSG);
	bytes[2] = 'n';
	bytes[9] = '\0';
	assert_int_equal(parse_bytes(bytes, sizeof(bytes)), -EBADMSG);
	bytes[9] = '\n';
	assert_int_equal(parse_bytes(bytes, sizeof(bytes)), -EBADMSG);
	bytes[9] = 0xff;
	assert_int_equal(parse_bytes(bytes, sizeof(bytes)), -EBADMSG);
	bytes[2] = 'u';
	assert_int_equal(parse_bytes(bytes, sizeof(bytes)), 0);
}

static void test_ticket_public(void **state UNUSED)
{
	Ticket ticket = example('u'), other = example('u'), public;
	char text[TICKET_TEXT_MAX + 1], text2[TICKET_TEXT_MAX + 1], part[TICKET_TEXT_MAX + 1],
		part2[TICKET_TEXT_MAX + 1];

	memset(other.secret, 1, sizeof(other.secret));
	assert_int_equal(ticket_format(&ticket, text, sizeof(text)), 0);
	assert_int_equal(ticket_format(&other, text2, sizeof(text2)), 0);
	assert_int_equal(ticket_public(text, part, sizeof(part)), 0);
	assert_int_equal(ticket_public(text2, part2, sizeof(part2)), 0);
	assert_string_equal(part, part2);
	assert_int_equal(ticket_public_parse(&public, part), 0);
	assert_int_equal(public.selector_len, ticket.selector_len);
	assert_memory_equal(public.selector, ticket.selector, sizeof(public.selector));
	assert_memory_equal(public.id, ticket.id, sizeof(public.id));
	/* It opens nothing, and a ticket is no public part. */
	assert_int_equal(ticket_parse(&public, part), -EBADMSG);
	assert_int_equal(ticket_public_parse(&public, text), -EBADMSG);
	assert_int_equal(ticket_public("nonsense", part, sizeof(part)), -EBADMSG);
}

static void test_codes(void **state UNUSED)
{
	static const char *const good[] = { "7KQ4M2XD",          "7KQ4-M2XD",  "7kq4-m2xd",
					    " 7 k q 4 m 2 x d ", "7kq4m2xd\n", "--7KQ4M2XD--",
					    "\t7KQ4\r\n-M2XD" };
	/* clang-format off */
	static const char *const bad[] = {
		"", " ", "7KQ4-M2X", "7KQ4-M2XDD", "0KQ4-M2XD", "1KQ4-M2XD", "OKQ4-M2XD",
			"IKQ4-M2XD", "iKQ4-M2XD", "oKQ4-M2XD", "7KQ4_M2XD", "7KQ4\xc2\xa0M2XD",
		"\b\n\r\177INCORRECT",
			"7KQ4-M2XD                                                                ",
	};
	/* clang-format on */
	char code[CODE_SYMBOLS + 1] = "before", text[CODE_SYMBOLS + 2];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (code_parse(bad[i], code) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
	assert_string_equal(code, "before");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(code_parse(good[i], code), 0);
		assert_string_equal(code, "7KQ4M2XD");
	}
	code_format(code, text);
	assert_string_equal(text, "7KQ4-M2XD");
	assert_int_equal(strlen(CODE_ALPHABET), 32);
}

static void test_code_alphabet(void **state UNUSED)
{
	for (unsigned c = 1; c < 256; c++) {
		char text[CODE_SYMBOLS + 1] = "AAAAAAA", code[CODE_SYMBOLS + 1];
		unsigned upper = c >= 'a' && c <= 'z' ? c - 32 : c;

		text[CODE_SYMBOLS - 1] = (char)c;
		assert_int_equal(code_parse(text, code),
				 upper < 128 && strchr(CODE_ALPHABET, (int)upper) ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticket_round_trip),
		cmocka_unit_test(test_ticket_longest),
		cmocka_unit_test(test_ticket_every_change_counts),
		cmocka_unit_test(test_ticket_fields),
		cmocka_unit_test(test_ticket_public),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_code_alphabet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
