/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests in the spool: what comes back, when they are due, how often they were tried, how many
 * there may be.
 */

#include "spool_fixture.h"

static void test_everything_comes_back(void **state)
{
	Fixture *f = *state;
	Request q = spool_draft(7), *back;

	q.kind = REQUEST_MAIL_CHANGED;
	q.ticket = "ticket";
	q.requester = "1000";
	q.roles = 2 | 8;
	q.origin.service = "sshd";
	q.origin.terminal = "ssh";
	assert_int_equal(spool_add(f->spool, &q, NULL), 0);
	assert_int_equal(spool_commit(f), 0);
	spool_reopen(f);
	back = spool_take(f->spool, SPOOL_STAFF, NOW_MS);
	assert_non_null(back);
	assert_string_equal(back->id, q.id);
	assert_int_equal(back->kind, q.kind);
	assert_string_equal(back->user, q.user);
	assert_string_equal(back->ticket, "ticket");
	assert_string_equal(back->requester, "1000");
	assert_string_equal(back->language, "de");
	assert_int_equal(back->roles, 2 | 8);
	assert_string_equal(back->origin.service, "sshd");
	assert_string_equal(back->origin.host, "web1");
	assert_string_equal(back->origin.address, "192.0.2.1");
	assert_string_equal(back->origin.terminal, "ssh");
	assert_int_equal(back->created, q.created);
	assert_int_equal(back->expires, q.expires);
	assert_int_equal(back->attempts, 0);
	spool_done(f->spool, back);
	assert_int_equal(spool_count(f->spool), 0);
}

static void test_attempts_count_over_a_crash(void **state)
{
	Fixture *f = *state;
	Request *q;

	spool_put(f, 1);
	assert_int_equal(spool_commit(f), 0);
	for (unsigned i = 1; i <= 3; i++) {
		q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 100000);
		assert_non_null(q);
		assert_int_equal(q->attempts, i - 1);
		assert_int_equal(q->unknown, i - 1);
		assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
		assert_int_equal(spool_commit(f), 0);
		spool_reopen(f); /* as if killed while the mail went out */
	}
	q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 100000);
	assert_int_equal(q->unknown, 3);
	assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
	spool_later(f->spool, q, NOW_MS + 5000, true); /* known not to have been sent */
	assert_int_equal(spool_commit(f), 0);
	spool_reopen(f);
	assert_int_equal(spool_next_due(f->spool, SPOOL_PERSONS), NOW_MS + 5000);
	q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 5000);
	assert_int_equal(q->attempts, 4);
	assert_int_equal(q->unknown, 3);
}

static void test_a_notice_waits_for_its_time(void **state)
{
	Fixture *f = *state;
	Request q = spool_draft(1), *added;

	q.due = NOW_MS + 25000;
	assert_int_equal(spool_add(f->spool, &q, &added), 0);
	assert_int_equal(spool_commit(f), 0);
	assert_null(spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 24999));
	assert_int_equal(spool_next_due(f->spool, SPOOL_PERSONS), NOW_MS + 25000);
	/* A clock that leaps does not take it from the call that holds it. */
	added->held = true;
	assert_null(spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 3600000));
	assert_true(spool_next_due(f->spool, SPOOL_PERSONS) > NOW_MS + 3600000);
	spool_later(f->spool, added, NOW_MS, true);
	assert_ptr_equal(spool_take(f->spool, SPOOL_PERSONS, NOW_MS), added);
}

static void test_order_is_by_time_for_persons_and_staff_apart(void **state)
{
	Fixture *f = *state;

	for (unsigned i = 0; i < 400; i++) {
		Request q = spool_draft(i);

		q.due = NOW_MS + i * 7919 % 400;
		q.requester = i % 4 ? "1000" : NULL;
		assert_int_equal(spool_add(f->spool, &q, NULL), 0);
	}
	assert_int_equal(spool_commit(f), 0);
	for (SpoolWho who = 0; who < _SPOOL_WHO_MAX; who++) {
		int64_t last = 0;
		unsigned seen = 0;

		for (Request *q; (q = spool_take(f->spool, who, NOW_MS + 400));
		     spool_done(f->spool, q), seen++) {
			assert_true(q->due >= last);
			assert_int_equal(q->requester != NULL, who == SPOOL_STAFF);
			last = q->due;
		}
		assert_int_equal(seen, who == SPOOL_STAFF ? 300 : 100);
	}
}

static void test_bounds(void **state)
{
	Fixture *f = *state;
	Request q = spool_draft(0);

	spool_set_max(f->spool, 2);
	spool_put(f, 1);
	spool_put(f, 2);
	assert_int_equal(spool_add(f->spool, &q, NULL), -ENOBUFS);
	assert_false(spool_has_room(f->spool, 1));
	spool_set_max(f->spool, 10);
	q.user = "not \xff UTF-8";
	assert_int_equal(spool_add(f->spool, &q, NULL), -EMSGSIZE);
	assert_int_equal(spool_commit(f), 0);
	assert_int_equal(spool_count(f->spool), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everything_comes_back, spool_setup,
						spool_teardown),
		cmocka_unit_test_setup_teardown(test_attempts_count_over_a_crash, spool_setup,
						spool_teardown),
		cmocka_unit_test_setup_teardown(test_a_notice_waits_for_its_time, spool_setup,
						spool_teardown),
		cmocka_unit_test_setup_teardown(test_order_is_by_time_for_persons_and_staff_apart,
						spool_setup, spool_teardown),
		cmocka_unit_test_setup_teardown(test_bounds, spool_setup, spool_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
