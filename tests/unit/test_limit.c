/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The buckets: how many calls go through, who pays for whom, and what a flood can make us forget.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "limit.h"
#include "quiet.h"
#include "siphash.h"

#define NOW INT64_C(1800000000000000)
#define SECOND INT64_C(1000000)

typedef struct Fixture {
	char path[64];
	int dir_fd;
	Limits *limits;
} Fixture;

static const LimitRates usual = {
	.per_source = 30, .per_name = 20, .total = 3000, .host_guesses = 10
};

static int setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/test-limit-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dir_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(limits_new(&f->limits, f->dir_fd, &usual), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	Fixture *f = *state;

	limits_free(f->limits);
	unlinkat(f->dir_fd, "limits", 0);
	close(f->dir_fd);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

static unsigned ask(Fixture *f, const char *source, const char *name, int64_t now)
{
	return limits_charge(f->limits, &(const LimitSubject){ .source = source, .name = name },
			     LIMIT_CALL, now);
}

/* How many of n calls at one instant go through. */
static unsigned burst(Fixture *f, const char *source, const char *name, unsigned n, int64_t now)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += ask(f, source, name, now) == 0;
	return passed;
}

static void test_siphash_is_siphash(void **state UNUSED)
{
	static const uint64_t expected[] = { 0x726fdb47dd0e0e31, 0x74f839c593dc67fd,
					     0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
					     0xcf2794e0277187b7, 0x18765564cd99a68d,
					     0xcbc9466e58fee3ce, 0xab0200f58b01d137 };
	uint8_t key[SIPHASH_KEY_SIZE], bytes[15];

	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(siphash(key, bytes, i), expected[i]);
	assert_int_equal(siphash(key, bytes, 15), 0xa129ca6149be45e5);
}

static void test_a_source_has_a_minutes_worth(void **state)
{
	Fixture *f = *state;

	assert_int_equal(burst(f, "192.0.2.1", NULL, 100, NOW), 30);
	assert_int_equal(ask(f, "192.0.2.1", NULL, NOW), 2);
	assert_int_equal(burst(f, "192.0.2.1", NULL, 100, NOW + 2 * SECOND), 1);
	assert_int_equal(burst(f, "192.0.2.1", NULL, 100, NOW + 32 * SECOND), 15);
	assert_int_equal(burst(f, "192.0.2.2", NULL, 100, NOW), 30);
	/* A long rest gives no more than a full bucket. */
	assert_int_equal(burst(f, "192.0.2.1", NULL, 100, NOW + 3600 * SECOND), 30);
}

static void test_a_stranger_has_half_of_a_name(void **state)
{
	Fixture *f = *state;

	assert_int_equal(burst(f, "192.0.2.66", "victim", 1000, NOW), 10);
	assert_int_equal(burst(f, "192.0.2.1", "victim", 10, NOW), 10);
	assert_int_equal(burst(f, "192.0.2.2", "victim", 10, NOW), 0);
	/* At full tilt for ten minutes he leaves the other half to be refilled. */
	for (unsigned s = 0; s < 600; s++)
		burst(f, "192.0.2.66", "victim", 5, NOW + (60 + s) * SECOND);
	assert_true(burst(f, "192.0.2.1", "victim", 10, NOW + 660 * SECOND) >= 9);
}

static void test_refused_names_cost_the_source_alone(void **state)
{
	Fixture *f = *state;

	for (unsigned i = 0; i < 4; i++) {
		char source[32];

		snprintf(source, sizeof(source), "198.51.100.%u", i);
		burst(f, source, "victim", 20, NOW);
	}
	/* The name is drained; a fresh source pays for its tries all the same. */
	assert_int_equal(burst(f, "192.0.2.9", "victim", 30, NOW), 0);
	assert_int_equal(burst(f, "192.0.2.9", "other", 10, NOW), 0);
}

static void test_fines_and_debt(void **state)
{
	Fixture *f = *state;
	const LimitSubject s = { .source = "192.0.2.1" };

	assert_int_equal(ask(f, "192.0.2.1", NULL, NOW), 0);
	limits_fine(f->limits, &s, 290, NOW);
	assert_int_not_equal(ask(f, "192.0.2.1", NULL, NOW), 0);
	for (unsigned i = 0; i < 1000; i++)
		limits_fine(f->limits, &s, 1000, NOW);
	assert_true(ask(f, "192.0.2.1", NULL, NOW) <= 63);
	assert_int_equal(ask(f, "192.0.2.1", NULL, NOW + 63 * SECOND), 0);
}

static void test_weight_total_and_free_calls(void **state)
{
	Fixture *f = *state;
	const LimitSubject heavy = { .source = "web", .weight = 10 }, nobody = { 0 };
	const LimitRates low = { .per_source = 30, .per_name = 20, .total = 40 };
	unsigned passed = 0;

	for (unsigned i = 0; i < 1000; i++)
		passed += limits_charge(f->limits, &heavy, LIMIT_CALL, NOW) == 0;
	assert_int_equal(passed, 300);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(limits_charge(f->limits, &heavy, 0, NOW), 0);
	limits_set_rates(f->limits, &low);
	passed = 0;
	for (unsigned i = 0; i < 1000; i++)
		passed += limits_charge(f->limits, &nobody, LIMIT_CALL, NOW + 120 * SECOND) == 0;
	assert_int_equal(passed, 40);
}

static void test_names_are_compared_as_the_directory_does(void **state)
{
	Fixture *f = *state;

	assert_int_equal(burst(f, "192.0.2.1", "Alice", 5, NOW), 5);
	assert_int_equal(burst(f, "192.0.2.1", " aLICE ", 10, NOW), 5);
	assert_int_equal(burst(f, "2001:db8::1", NULL, 20, NOW), 20);
	assert_int_equal(burst(f, "2001:0db8:0:0:ffff::2", NULL, 20, NOW), 10);
	assert_int_equal(burst(f, "2001:db8:0:1::1", NULL, 20, NOW), 20);
	assert_int_equal(burst(f, "::ffff:198.51.100.1", NULL, 20, NOW), 20);
	assert_int_equal(burst(f, "198.51.100.1", NULL, 20, NOW), 10);
}

static void test_a_flood_does_not_make_us_forget(void **state)
{
	Fixture *f = *state;
	char source[32], name[32];

	assert_int_equal(burst(f, "192.0.2.1", "mine", 40, NOW), 10);
	burst(f, "192.0.2.1", NULL, 40, NOW);
	/* Ten times the table, one call each, as a botnet could. */
	for (unsigned i = 0; i < 160000; i++) {
		snprintf(source, sizeof(source), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		snprintf(name, sizeof(name), "name%u", i);
		limits_charge(f->limits, &(const LimitSubject){ .source = source, .name = name }, 1,
			      NOW);
	}
	assert_int_equal(burst(f, "192.0.2.1", NULL, 40, NOW), 0);
}

static void test_kept_over_a_restart(void **state)
{
	Fixture *f = *state;

	burst(f, "192.0.2.1", NULL, 40, NOW);
	assert_int_equal(limits_save(f->limits, NOW), 0);
	f->limits = limits_free(f->limits);
	assert_int_equal(limits_new(&f->limits, f->dir_fd, &usual), 0);
	assert_int_equal(burst(f, "192.0.2.1", NULL, 40, NOW), 0);
	assert_int_equal(burst(f, "192.0.2.2", NULL, 40, NOW), 30);
}

static void test_a_damaged_file_starts_anew(void **state)
{
	Fixture *f = *state;
	char bytes[4096];
	ssize_t len;
	int fd;

	burst(f, "192.0.2.1", NULL, 40, NOW);
	assert_int_equal(limits_save(f->limits, NOW), 0);
	fd = openat(f->dir_fd, "limits", O_RDWR | O_CLOEXEC);
	len = read(fd, bytes, sizeof(bytes));
	assert_true(len > 60);
	quiet(true);
	for (ssize_t at = 0; at < len; at++) {
		Limits *other = NULL;
		char flipped = (char)(bytes[at] ^ 1);

		assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
		assert_int_equal(limits_new(&other, f->dir_fd, &usual), 0);
		limits_free(other);
		assert_int_equal(pwrite(fd, &bytes[at], 1, at), 1);
	}
	for (ssize_t cut = len; cut-- > 0;) {
		Limits *other = NULL;

		assert_int_equal(ftruncate(fd, cut), 0);
		assert_int_equal(limits_new(&other, f->dir_fd, &usual), 0);
		assert_int_equal(limits_charge(other,
					       &(const LimitSubject){ .source = "192.0.2.1" },
					       LIMIT_CALL, NOW),
				 0);
		limits_free(other);
	}
	quiet(false);
	close(fd);
}

static unsigned guesses_until_cut(Fixture *f, const char *host, unsigned cost, int64_t now)
{
	for (unsigned n = 1; n <= 1000; n++)
		if (limits_host_wrong(f->limits, host, cost, now))
			return n;
	return 0;
}

static void test_a_host_that_guesses_is_cut_off_for_an_hour(void **state)
{
	Fixture *f = *state;

	assert_int_equal(limits_host_cut(f->limits, "web1", NOW), 0);
	assert_int_equal(guesses_until_cut(f, "web1", LIMIT_CALL, NOW), 11);
	assert_int_equal(limits_host_cut(f->limits, "web1", NOW), 3600);
	assert_int_equal(limits_host_cut(f->limits, "WEB1", NOW), 3600);
	assert_int_equal(limits_host_cut(f->limits, "web2", NOW), 0);
	/* More of them make it no longer, and when it is over there is no second hour's credit. */
	assert_false(limits_host_wrong(f->limits, "web1", LIMIT_CALL, NOW + SECOND));
	assert_int_equal(limits_host_cut(f->limits, "web1", NOW + 3599 * SECOND), 1);
	assert_int_equal(limits_host_cut(f->limits, "web1", NOW + 3600 * SECOND), 0);
	assert_int_equal(guesses_until_cut(f, "web1", LIMIT_CALL, NOW + 3601 * SECOND), 1);
}

static void test_an_honest_hosts_record_fades(void **state)
{
	Fixture *f = *state;

	for (unsigned i = 0; i < 100; i++)
		assert_false(
			limits_host_wrong(f->limits, "web1", LIMIT_CALL, NOW + i * 400 * SECOND));
	assert_int_equal(limits_host_guesses(f->limits, "web1", NOW + 99 * 400 * SECOND), 1);
	assert_int_equal(limits_host_guesses(f->limits, "web1", NOW + 200 * 400 * SECOND), 0);
	assert_int_equal(guesses_until_cut(f, "web2", LIMIT_CALL / 10, NOW), 101);
}

static void test_staff_cut_off_and_lift(void **state)
{
	Fixture *f = *state;

	limits_host_set(f->limits, "web1", 86400, NOW);
	assert_int_equal(limits_host_cut(f->limits, "web1", NOW), 86400);
	limits_free(f->limits);
	assert_int_equal(limits_new(&f->limits, f->dir_fd, &usual), 0);
	assert_int_equal(limits_host_cut(f->limits, "web1", NOW), 0);
	limits_host_set(f->limits, "web1", 86400, NOW);
	assert_int_equal(limits_save(f->limits, NOW), 0);
	limits_free(f->limits);
	assert_int_equal(limits_new(&f->limits, f->dir_fd, &usual), 0);
	assert_int_equal(limits_host_cut(f->limits, "web1", NOW), 86400);
	limits_host_set(f->limits, "web1", 0, NOW);
	assert_int_equal(limits_host_cut(f->limits, "web1", NOW), 0);
	assert_int_equal(limits_host_guesses(f->limits, "web1", NOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_is_siphash),
		cmocka_unit_test_setup_teardown(test_a_source_has_a_minutes_worth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_stranger_has_half_of_a_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_refused_names_cost_the_source_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_fines_and_debt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_weight_total_and_free_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_are_compared_as_the_directory_does,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_flood_does_not_make_us_forget, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_kept_over_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_damaged_file_starts_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_host_that_guesses_is_cut_off_for_an_hour,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_honest_hosts_record_fades, setup, teardown),
		cmocka_unit_test_setup_teardown(test_staff_cut_off_and_lift, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
