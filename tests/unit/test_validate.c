/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names, addresses, languages, hosts and UTF-8: what every door accepts (security cases 8, 18, 19
 * and 37).
 */

#include <locale.h>
#include <string.h>

#include "unit.h"
#include "validate.h"

typedef bool (*Check)(const char *text);

static void expect_all(Check check, bool expected, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (check(texts[i]) != expected)
			fail_msg("%s: \"%s\"", expected ? "refused" : "accepted", texts[i]);
}

#define EXPECT(check, expected, ...)                                                               \
	do {                                                                                       \
		static const char *const _texts[] = { __VA_ARGS__ };                               \
		expect_all(check, expected, _texts, ARRAY_SIZE(_texts));                           \
	} while (0)

/*
 * Counted against the definition: as many sequences of each length as there are scalar values that
 * need it.
 */
static void test_utf8_counts(void **state UNUSED)
{
	size_t n[5] = { 0 };
	char b[4];

	for (uint32_t i = 0; i < 0x1000000; i++) {
		b[0] = (char)(i >> 16);
		b[1] = (char)(i >> 8);
		b[2] = (char)i;
		n[utf8_length(b, 3)]++;
	}
	assert_int_equal(n[1], 128 * 65536);
	assert_int_equal(n[2], 1920 * 256);
	assert_int_equal(n[3], 0x10000 - 0x800 - 2048);
	assert_int_equal(n[4], 0);

	n[4] = 0;
	for (uint32_t i = 0; i < 0x1000000; i++) {
		b[0] = (char)(0xf0 | i >> 20);
		b[1] = (char)(i >> 12);
		b[2] = (char)(i >> 4 & 0xff);
		b[3] = (char)(0x80 | (i & 0xf));
		n[4] += utf8_length(b, 4) == 4;
	}
	/* Of the last byte's 64 values 16 were tried. */
	assert_int_equal(n[4], 0x100000 / 4);
	assert_int_equal(utf8_length("", 0), 0);
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0b", 3));
}

static void test_user_names(void **state UNUSED)
{
	char name[USER_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[USER_NAME_MAX + 1] = '\0';
	assert_false(user_name_valid(name));
	name[USER_NAME_MAX] = '\0';
	assert_true(user_name_valid(name));
	EXPECT(user_name_valid, true, "a", "alice", "EXAMPLE\\alice", "alice@example.com",
	       "j\xc3\xb6rg", "*)(uid=*", " a ", "-rf", "a b");
	EXPECT(user_name_valid, false, "", " ", "\xc2\xa0", "\xe3\x80\x80 ", "a\n", "\x1b[2J",
	       "a\x7f", "a\xc2\x85", "a\xe2\x80\xa8", "a\xe2\x80\xae", "\xff", "a\xc3",
	       "\b\n\r\177INCORRECT");
}

static void test_addresses(void **state UNUSED)
{
	EXPECT(mail_address_valid, true, "a@b", "alice@example.com", "a.b+c@example.com",
	       "o'hara@example.com", "!#$%&'*+-/=?^_`{|}~@e.org",
	       "j\xc3\xb6rg@b\xc3\xbc"
	       "cher.example",
	       "a@1.2.3.4", "x@xn--bcher-kva.example",
	       "123456789012345678901234567890123456789012345678901234567890abcd@x");
	EXPECT(mail_address_valid, false, "", "@", "a", "a@", "@b", "a@@b", "a@b@c", "a b@c",
	       "a@b c", "a\t@b", "a\r\n@b", "a@b\nBcc: x@y", ".a@b", "a.@b", "a..b@c", "a@.b",
	       "a@b.", "a@b..c", "\"a\"@b", "a(x)@b", "<a@b>", "a@[1.2.3.4]", "a,b@c", "a;b@c",
	       "a:b@c", "a\\b@c", "a@b_c", "a@b/c", "a\xc2\xa0@b", "a@\xe2\x80\xa8", "a\xff@b",
	       "a@b\xff", "a\xe2\x80\xae@b", "a@b,c@d",
	       "1234567890123456789012345678901234567890123456789012345678901abcd@x",
	       "a@1234567890123456789012345678901234567890123456789012345678901abc");
}

static void test_address_length(void **state UNUSED)
{
	char address[MAIL_ADDRESS_MAX + 2];

	for (size_t len = MAIL_ADDRESS_MAX; len <= MAIL_ADDRESS_MAX + 1; len++) {
		for (size_t i = 0; i < len; i++)
			address[i] = i == 1 ? '@' : i % 50 == 49 ? '.' : 'a';
		address[len] = '\0';
		assert_int_equal(mail_address_valid(address), len == MAIL_ADDRESS_MAX);
	}
}

static void test_masks(void **state UNUSED)
{
	static const char *const pairs[][2] = {
		{ "alice@example.com", "a***@e***.com" },
		{ "b@localhost", "b***@l***" },
		{ "\xc3\xa9t\xc3\xa9@\xc3\xbc.example", "\xc3\xa9***@\xc3\xbc***.example" },
		{ "not an address", "***" },
		{ "a@b\nc", "***" },
	};
	char mask[MAIL_ADDRESS_MAX + 1], small[4];

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		mail_address_mask(pairs[i][0], mask, sizeof(mask));
		assert_string_equal(mask, pairs[i][1]);
	}
	mail_address_mask("alice@example.com", small, sizeof(small));
	assert_string_equal(small, "");
}

static void test_languages(void **state UNUSED)
{
	EXPECT(language_valid, true, "en", "de", "pt-BR", "zh-Hant-TW", "es-419", "gsw",
	       "de-CH-1996");
	EXPECT(language_valid, false, "", "e", "-", "en-", "-en", "en--US", "en_US", "en.UTF-8",
	       "C.UTF-8", "../en", "en/..", "e1", "en US", "abcdefghi", "en-abcdefghi",
	       "zh-Hant-TW-x-abcd", "d\xc3\xa9");
}

static void test_hosts(void **state UNUSED)
{
	char host[HOST_NAME_MAX_LEN + 2];

	memset(host, 'a', sizeof(host));
	host[HOST_NAME_MAX_LEN + 1] = '\0';
	assert_false(host_valid(host));
	host[HOST_NAME_MAX_LEN] = '\0';
	assert_true(host_valid(host));
	EXPECT(host_valid, true, "a", "host.example.com", "192.0.2.1", "2001:db8::1",
	       "fe80::1%eth0", "::1");
	EXPECT(host_valid, false, "", "-oProxyCommand=x", ".a", "a b", "a\n", "a_b", "a/b", "a;b",
	       "h\xc3\xb6st");
}

static void test_text(void **state UNUSED)
{
	assert_true(text_valid("", 0));
	assert_true(text_valid("abc", 3));
	assert_false(text_valid("abcd", 3));
	assert_true(text_valid("gr\xc3\xbc\xc3\x9f", 10));
	assert_false(text_valid("a\tb", 10));
	assert_false(text_valid("a\r\nb", 10));
	assert_false(text_valid("\xed\xa0\x80", 10));
	assert_false(text_valid("\xe2\x81\xa6", 10));
}

/* In Turkish, I and i are other letters; a locale of the host program may not change a verdict. */
static void test_locale_has_no_influence(void **state UNUSED)
{
	static const char *const locales[] = { "tr_TR.UTF-8", "tr_TR.ISO-8859-9", "C.UTF-8" };

	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		if (!setlocale(LC_ALL, locales[i]))
			print_message("locale %s is not installed, so it was not tried\n",
				      locales[i]);
		assert_true(language_valid("IT"));
		assert_true(host_valid("I.i"));
		assert_false(host_valid("\xdd"));
		assert_false(mail_address_valid("\xfd@x"));
	}
	setlocale(LC_ALL, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_counts),
		cmocka_unit_test(test_user_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_address_length),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_locale_has_no_influence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
