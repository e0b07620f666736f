/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pepper's file, line by line, and digests that cannot be taken for one another. */

#include <string.h>

#include "pepper.h"
#include "unit.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

typedef struct Complaint {
	unsigned line;
	unsigned n;
} Complaint;

static void complain(const IniPlace *place, const char *message, void *userdata)
{
	Complaint *complaint = userdata;

	assert_non_null(message);
	complaint->line = place->line;
	complaint->n++;
}

static void test_good(void **state UNUSED)
{
	Complaint complaint = { 0 };
	Pepper pepper;

	assert_int_equal(
		pepper_parse(&pepper, "new-1:" KEY_B "\nold_0:" KEY_A "\n", complain, &complaint),
		0);
	assert_int_equal(pepper.n, 2);
	assert_string_equal(pepper_current(&pepper)->id, "new-1");
	assert_int_equal(pepper_key(&pepper, "old_0")->bytes[0], 0);
	assert_null(pepper_key(&pepper, "other"));
	assert_int_equal(pepper_parse(&pepper, "k:" KEY_A, complain, &complaint), 0);
	assert_int_equal(complaint.n, 0);
}

static void test_bad(void **state UNUSED)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{ "", 0 },
		{ "\n", 1 },
		{ KEY_A "\n", 1 },
		{ ":" KEY_A "\n", 1 },
		{ "k 1:" KEY_A "\n", 1 },
		{ "k.1:" KEY_A "\n", 1 },
		{ "12345678901234567:" KEY_A "\n", 1 },
		{ "k1:AAAA\n", 1 },
		{ "k1:" KEY_A "AAAA\n", 1 },
		{ "k1:" KEY_A " \n", 1 },
		{ "k1:" KEY_A "\nk1:" KEY_B "\n", 2 },
		{ "k1:" KEY_A "\nk2:" KEY_B "\nk3:" KEY_B "\n", 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Complaint complaint = { 0 };
		Pepper pepper;

		assert_int_equal(pepper_parse(&pepper, cases[i].text, complain, &complaint),
				 -EBADMSG);
		assert_int_equal(complaint.n, 1);
		assert_int_equal(complaint.line, cases[i].line);
	}
}

static void digest(const char *domain, const char *a, const char *b, uint8_t ret[static MAC_SIZE])
{
	const PepperKey key = { .id = "k", .bytes = { 1 } };
	Mac mac;

	mac_init(&mac, &key, domain);
	mac_add_text(&mac, a);
	mac_add_text(&mac, b);
	mac_finish(&mac, ret);
}

static void test_parts_do_not_run_together(void **state UNUSED)
{
	uint8_t one[MAC_SIZE], two[MAC_SIZE];

	digest("d", "ab", "c", one);
	digest("d", "a", "bc", two);
	assert_memory_not_equal(one, two, MAC_SIZE);
	digest("da", "b", "c", two);
	assert_memory_not_equal(one, two, MAC_SIZE);
	digest("d", "abc", "", two);
	assert_memory_not_equal(one, two, MAC_SIZE);
	digest("d", "ab", "c", two);
	assert_memory_equal(one, two, MAC_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_parts_do_not_run_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
