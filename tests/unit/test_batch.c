/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The notes of runs: who has been sent to, for a day, and how many are kept. */

#include "spool_fixture.h"

static void test_a_run_is_remembered_for_a_day(void **state)
{
	Fixture *f = *state;
	int64_t now = NOW_MS / 1000;

	assert_int_equal(batch_add(f->batch, "1000", "march", "alice", now), 0);
	assert_int_equal(batch_add(f->batch, "1000", "march", "alice", now), 1);
	assert_int_equal(batch_add(f->batch, "1001", "march", "alice", now), 0);
	assert_int_equal(batch_add(f->batch, "1000", "april", "alice", now), 0);
	assert_int_equal(batch_commit(f->batch), 0);
	assert_int_equal(batch_add(f->batch, "1000", "march", "bob", now), 0);
	batch_revert(f->batch);
	spool_reopen(f);
	assert_int_equal(batch_add(f->batch, "1000", "march", "alice", now), 1);
	assert_int_equal(batch_add(f->batch, "1000", "march", "bob", now), 0);
	batch_revert(f->batch);
	batch_tidy(f->batch, now + BATCH_KEEP_S - 1);
	assert_int_equal(batch_add(f->batch, "1000", "march", "alice", now), 1);
	batch_tidy(f->batch, now + BATCH_KEEP_S);
	assert_int_equal(batch_add(f->batch, "1000", "march", "alice", now), 0);
}

static void test_runs_are_bounded(void **state)
{
	Fixture *f = *state;
	char user[32];

	for (unsigned i = 0; i < BATCH_MAX + 1000; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		assert_int_equal(batch_add(f->batch, "1000", "all", user, NOW_MS / 1000), 0);
		if (i % 5000 == 0)
			assert_int_equal(batch_commit(f->batch), 0);
	}
	assert_int_equal(batch_commit(f->batch), 0);
	/* The oldest made room; the newest are all remembered, over a restart as well. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 1000; i < BATCH_MAX + 1000; i++) {
			snprintf(user, sizeof(user), "u%u", i);
			assert_int_equal(batch_add(f->batch, "1000", "all", user, NOW_MS / 1000),
					 1);
		}
		spool_reopen(f);
	}
	assert_int_equal(batch_add(f->batch, "1000", "all", "u0", NOW_MS / 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_run_is_remembered_for_a_day, spool_setup,
						spool_teardown),
		cmocka_unit_test_setup_teardown(test_runs_are_bounded, spool_setup, spool_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
