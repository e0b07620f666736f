/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* base64 in both alphabets: the vectors of RFC 4648, and that each value has one text only. */

#include <string.h>

#include "unit.h"
#include "validate.h"

static void test_vectors(void **state UNUSED)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	char text[16], bytes[16];
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const char *plain = pairs[i][0], *coded = pairs[i][1];

		assert_int_equal(base64_encode(plain, strlen(plain), text, sizeof(text)),
				 strlen(coded));
		assert_string_equal(text, coded);
		assert_int_equal(base64_decode(coded, strlen(coded), bytes, sizeof(bytes), &len),
				 0);
		assert_int_equal(len, strlen(plain));
		assert_memory_equal(bytes, plain, len);
	}
	assert_int_equal(base64url_encode("\xfb\xff\xfe", 3, text, sizeof(text)), 4);
	assert_string_equal(text, "-__-");
	assert_int_equal(base64_encode("\xfb\xff\xfe", 3, text, sizeof(text)), 4);
	assert_string_equal(text, "+//+");
}

static void test_round_trips(void **state UNUSED)
{
	unsigned char bytes[256], again[256];
	char text[400];
	size_t len, n;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t i = 0; i <= sizeof(bytes); i++) {
		n = base64_encode(bytes, i, text, sizeof(text));
		assert_int_equal(n + 1, BASE64_SIZE(i));
		assert_int_equal(base64_decode(text, n, again, i, &len), 0);
		assert_int_equal(len, i);
		assert_memory_equal(again, bytes, i);
		if (i > 0) {
			assert_int_equal(base64_decode(text, n, again, i - 1, &len), -E2BIG);
			assert_int_equal(base64_encode(bytes, i, text, n), 0);
			assert_string_equal(text, "");
		}
		n = base64url_encode(bytes, i, text, sizeof(text));
		assert_null(strchr(text, '='));
		assert_int_equal(base64url_decode(text, n, again, sizeof(again), &len), 0);
		assert_int_equal(len, i);
		assert_memory_equal(again, bytes, i);
	}
}

static void test_refused(void **state UNUSED)
{
	/* clang-format off */
	static const char *const texts[] = {
		"Z", "Zg", "Zg=", "Zg===", "====", "=", "Zh==", "Zm9=", "Zm9v=", "Zm9vZg=", "Zm=v",
			"Zg==Zg==", "Zm9v\n", " Zm9v", "Zm9-", "Zm_v", "Zm9v====",
		"Z\xc3\xa9==", "Zg=a",
	};
	/* clang-format on */
	static const char *const url_texts[] = { "Z",     "Zg==", "Zm8=", "Zh",  "Zm9",
						 "Zm9vZ", "Zm+v", "Zm/v", "Zg ", "Z*" };
	unsigned char bytes[16];
	size_t len = 99;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (base64_decode(texts[i], strlen(texts[i]), bytes, sizeof(bytes), &len) !=
		    -EBADMSG)
			fail_msg("accepted: %s", texts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(url_texts); i++)
		if (base64url_decode(url_texts[i], strlen(url_texts[i]), bytes, sizeof(bytes),
				     &len) != -EBADMSG)
			fail_msg("accepted: %s", url_texts[i]);
	assert_int_equal(base64_decode("Zm\0v", 4, bytes, sizeof(bytes), &len), -EBADMSG);
	assert_int_equal(len, 99);
}

/*
 * Of all texts of two and three symbols, exactly as many are accepted as there are values of one
 * and two bytes.
 */
static void test_one_text_a_value(void **state UNUSED)
{
	unsigned char bytes[2];
	size_t n2 = 0, n3 = 0, len;
	char text[3];

	for (unsigned i = 0; i < 0x1000000; i++) {
		text[0] = (char)(i >> 16);
		text[1] = (char)(i >> 8);
		text[2] = (char)i;
		n3 += base64url_decode(text, 3, bytes, sizeof(bytes), &len) == 0;
		if ((i & 0xff) == 0)
			n2 += base64url_decode(text, 2, bytes, sizeof(bytes), &len) == 0;
	}
	assert_int_equal(n2, 256);
	assert_int_equal(n3, 65536);
}

static void test_secret(void **state UNUSED)
{
	unsigned char bytes[SECRET_MAX + 1];
	char text[BASE64_SIZE(SECRET_MAX + 1)];
	AUTO_SECRET Secret secret = SECRET_NULL;

	memset(bytes, 0xff, sizeof(bytes));
	base64_encode(bytes, SECRET_MAX, text, sizeof(text));
	assert_int_equal(secret_from_base64(&secret, text), 0);
	assert_int_equal(secret.len, SECRET_MAX);
	assert_int_equal(strlen(secret.bytes), SECRET_MAX);
	base64_encode(bytes, SECRET_MAX + 1, text, sizeof(text));
	assert_int_equal(secret_from_base64(&secret, text), -E2BIG);
	assert_int_equal(secret.len, 0);
	assert_int_equal(secret_from_base64(&secret, ""), 0);
	assert_int_equal(secret.len, 0);
	assert_int_equal(secret_from_base64(&secret, "Zm9v"), 0);
	assert_string_equal(secret.bytes, "foo");
	/* A NUL inside would hide the rest from libraries that take strings. */
	assert_int_equal(secret_from_base64(&secret, "ZgBv"), -EBADMSG);
	assert_int_equal(secret.len, 0);
	assert_int_equal(secret.bytes[0], 0);
	assert_int_equal(secret_from_base64(&secret, "Zm9"), -EBADMSG);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_round_trips),
			cmocka_unit_test(test_refused),
		cmocka_unit_test(test_one_text_a_value), cmocka_unit_test(test_secret),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
