/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets and the buffers that hold them: limits, wiping, comparison. */

#include <string.h>

#include "buf.h"
#include "secret.h"
#include "unit.h"

static bool all_zero(const void *p, size_t len)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void test_set_and_wipe(void **state UNUSED)
{
	char long_text[SECRET_MAX + 1];
	Secret secret = SECRET_NULL;

	memset(long_text, 'x', sizeof(long_text));
	assert_int_equal(secret_set(&secret, long_text, SECRET_MAX), 0);
	assert_int_equal(secret.len, SECRET_MAX);
	assert_int_equal(strlen(secret.bytes), SECRET_MAX);

	assert_int_equal(secret_set(&secret, long_text, SECRET_MAX + 1), -E2BIG);
	assert_true(all_zero(&secret, sizeof(secret)));

	assert_int_equal(secret_set(&secret, "ab", 2), 0);
	assert_int_equal(secret_set(&secret, NULL, 0), 0);
	assert_true(all_zero(&secret, sizeof(secret)));
	secret_wipe(NULL);
	memory_wipe(NULL, 0);
}

static void scope(const Secret **at)
{
	AUTO_SECRET Secret secret = SECRET_NULL;
	static Secret copy;

	secret_set(&secret, "inside", 6);
	*at = &copy;
	copy = secret;
	secret_wipe(&secret);
	assert_true(all_zero(&secret, sizeof(secret)));
}

static void test_scope(void **state UNUSED)
{
	const Secret *copy;

	scope(&copy);
	assert_string_equal(copy->bytes, "inside");
}

static void test_equal(void **state UNUSED)
{
	unsigned char a[64], b[64];

	memset(a, 0x5a, sizeof(a));
	memset(b, 0x5a, sizeof(b));
	assert_true(memory_equal(a, b, sizeof(a)));
	assert_true(memory_equal(a, b, 0));
	for (size_t i = 0; i < sizeof(a); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			b[i] ^= (unsigned char)(1U << bit);
			assert_false(memory_equal(a, b, sizeof(a)));
			assert_true(memory_equal(a, b, i));
			b[i] ^= (unsigned char)(1U << bit);
		}
}

static void test_buf_overflow_is_sticky(void **state UNUSED)
{
	char memory[8];
	Buf buf;

	buf_init(&buf, memory, sizeof(memory));
	buf_puts(&buf, "1234567");
	assert_false(buf.overflow);
	assert_string_equal(memory, "1234567");
	buf_putc(&buf, '8');
	assert_true(buf.overflow);
	assert_string_equal(memory, "1234567");
	buf_append(&buf, "", 0);
	assert_int_equal(buf.len, 7);

	buf_wipe(&buf);
	assert_false(buf.overflow);
	assert_true(all_zero(memory, sizeof(memory)));
	buf_wipe(NULL);
}

static void test_buf_printf(void **state UNUSED)
{
	char memory[8];
	Buf buf;

	buf_init(&buf, memory, sizeof(memory));
	buf_printf(&buf, "%d-%s", 12, "ab");
	assert_string_equal(memory, "12-ab");
	/* What did not fit leaves no part of itself, and nothing follows it. */
	buf_printf(&buf, "%s", "secret");
	assert_true(buf.overflow);
	assert_string_equal(memory, "12-ab");
	assert_true(all_zero(memory + 5, 3));
	buf_printf(&buf, "x");
	assert_string_equal(memory, "12-ab");

	buf_init(&buf, memory, 0);
	buf_printf(&buf, "x");
	assert_true(buf.overflow);
	buf_init(&buf, memory, 0);
	buf_puts(&buf, "");
	assert_true(buf.overflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_wipe), cmocka_unit_test(test_scope),
		cmocka_unit_test(test_equal),        cmocka_unit_test(test_buf_overflow_is_sticky),
		cmocka_unit_test(test_buf_printf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
