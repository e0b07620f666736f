/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spool on a file cut, torn and damaged at every byte: what was whole is there, what was not
 * costs itself alone. The model is the file's own lines, counted independently of the code under
 * test.
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "spool_fixture.h"

/* Whole lines of an operation in the first len bytes. */
static size_t lines_of(const char *text, size_t len, const char *operation)
{
	size_t n = 0;

	for (const char *p = text, *end;
	     p < text + len && (end = memchr(p, '\n', (size_t)(text + len - p))); p = end + 1)
		n += memmem(p, (size_t)(end - p), operation, strlen(operation)) != NULL;
	return n;
}

/* Added, tried, put off and done in turns, so that the file has every kind of record. */
static void file_fill(Fixture *f)
{
	for (unsigned i = 0; i < 12; i++) {
		Request *q;

		spool_put(f, i);
		assert_int_equal(spool_commit(f), 0);
		if (i % 3 == 0)
			continue;
		q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS);
		assert_non_null(q);
		assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
		assert_int_equal(spool_commit(f), 0);
		if (i % 3 == 1)
			spool_later(f->spool, q, NOW_MS + 1000, i % 2);
		else
			spool_done(f->spool, q);
		assert_int_equal(spool_commit(f), 0);
	}
}

static void test_torn_at_every_byte(void **state)
{
	Fixture *f = *state;
	AUTO_FREE char *text = malloc(FILE_MAX);
	size_t len;

	file_fill(f);
	len = spool_read(f, "spool", text);
	assert_true(len > 1000);
	for (size_t cut = 0; cut <= len; cut++) {
		size_t expected = lines_of(text, cut, "\"op\":\"add\"") -
				  lines_of(text, cut, "\"op\":\"done\"");

		f->spool = spool_free(f->spool);
		spool_write(f, "spool", text, cut);
		spool_reopen(f);
		assert_int_equal(spool_count(f->spool), expected);
		/* What is added now must not be glued to what was torn. */
		if (cut % 7 == 0) {
			spool_put(f, 1000);
			assert_int_equal(spool_commit(f), 0);
			spool_reopen(f);
			assert_int_equal(spool_count(f->spool), expected + 1);
		}
	}
}

static void test_any_byte_damaged(void **state)
{
	Fixture *f = *state;
	AUTO_FREE char *text = malloc(FILE_MAX);
	size_t len, all;

	for (unsigned i = 0; i < 8; i++)
		spool_put(f, i);
	assert_int_equal(spool_commit(f), 0);
	len = spool_read(f, "spool", text);
	all = spool_count(f->spool);
	for (size_t at = 0; at < len; at++) {
		char was = text[at];
		size_t lost = was == '\n' && at + 1 < len ? 2 : 1;

		f->spool = spool_free(f->spool);
		text[at] = (char)(was ^ 0x11);
		spool_write(f, "spool", text, len);
		text[at] = was;
		spool_reopen(f);
		assert_int_equal(spool_count(f->spool), all - lost);
	}
}

static void test_garbage_is_survived(void **state)
{
	Fixture *f = *state;
	AUTO_FREE char *junk = malloc(FILE_MAX);
	unsigned seed = 1;

	for (unsigned round = 0; round < 50; round++) {
		size_t len = 1 + (size_t)rand_r(&seed) % 200000;

		for (size_t i = 0; i < len; i++)
			junk[i] = rand_r(&seed) % 50 == 0 ? '\n' : (char)rand_r(&seed);
		f->spool = spool_free(f->spool);
		spool_write(f, "spool", junk, len);
		spool_reopen(f);
		assert_int_equal(spool_count(f->spool), 0);
	}
}

static void test_rewritten_when_mostly_dead_and_removed_when_empty(void **state)
{
	Fixture *f = *state;
	struct stat st;

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 500; i++)
			spool_put(f, round * 500 + i);
		assert_int_equal(spool_commit(f), 0);
		for (unsigned i = 0; i < (round < 19 ? 500 : 490); i++)
			spool_done(f->spool, spool_take(f->spool, SPOOL_PERSONS, NOW_MS));
		assert_int_equal(spool_commit(f), 0);
	}
	assert_int_equal(fstatat(f->dir_fd, "spool", &st, 0), 0);
	assert_true(st.st_size > 2 * 1024 * 1024);
	spool_tidy(f->spool);
	assert_int_equal(fstatat(f->dir_fd, "spool", &st, 0), 0);
	assert_true(st.st_size < 8192);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(faccessat(f->dir_fd, "spool.new", F_OK, 0), 0);
	spool_reopen(f);
	assert_int_equal(spool_count(f->spool), 10);
	for (unsigned i = 0; i < 10; i++)
		spool_done(f->spool, spool_take(f->spool, SPOOL_PERSONS, NOW_MS));
	assert_int_equal(spool_commit(f), 0);
	spool_tidy(f->spool);
	assert_int_not_equal(faccessat(f->dir_fd, "spool", F_OK, 0), 0);
}

static void test_a_rewrite_keeps_what_is_in_hand(void **state)
{
	Fixture *f = *state;
	AUTO_FREE char *text = malloc(FILE_MAX);
	size_t len;
	Request *q;

	spool_put(f, 1);
	spool_put(f, 2);
	assert_int_equal(spool_commit(f), 0);
	len = spool_read(f, "spool", text);
	f->spool = spool_free(f->spool);
	memcpy(text + len, "damage\n", 7);
	spool_write(f, "spool", text, len + 7);
	spool_reopen(f);
	q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS);
	assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
	assert_int_equal(spool_commit(f), 0);
	spool_tidy(f->spool);
	spool_reopen(f);
	assert_int_equal(spool_count(f->spool), 2);
}

static void test_a_full_disk_refuses_and_leaves_nothing(void **state)
{
	struct rlimit was, little;
	Fixture *f = *state;
	AUTO_FREE char *before = malloc(FILE_MAX), *after = malloc(FILE_MAX);
	size_t len;

	signal(SIGXFSZ, SIG_IGN);
	spool_put(f, 1);
	assert_int_equal(spool_commit(f), 0);
	len = spool_read(f, "spool", before);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	little = was;
	for (size_t room = 0; room < 300; room += 37) {
		little.rlim_cur = len + room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
		spool_put(f, 2);
		spool_put(f, 3);
		assert_true(spool_commit(f) < 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(spool_count(f->spool), 1);
		assert_int_equal(spool_read(f, "spool", after), len);
		assert_memory_equal(before, after, len);
	}
	spool_put(f, 4);
	assert_int_equal(spool_commit(f), 0);
	spool_reopen(f);
	assert_int_equal(spool_count(f->spool), 2);
}

static void test_one_commit_for_all_of_a_turn(void **state)
{
	Fixture *f = *state;
	Waiter waiters[50];
	AUTO_FREE char *text = malloc(FILE_MAX);

	for (unsigned i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = (Waiter){ .waiter = { .done = spool_waiter_done }, .fixture = f };
		spool_put(f, i);
		spool_wait(f->spool, &waiters[i].waiter);
	}
	assert_int_equal(f->told, 0);
	assert_int_equal(spool_read(f, "spool", text), 0);
	assert_true(sd_event_run(f->event, 1000000) >= 0);
	assert_int_equal(f->told, ARRAY_SIZE(waiters));
	assert_int_equal(f->result, 0);
	assert_int_equal(lines_of(text, spool_read(f, "spool", text), "\"op\":\"add\""),
			 ARRAY_SIZE(waiters));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_torn_at_every_byte, spool_setup,
						spool_teardown),
		cmocka_unit_test_setup_teardown(test_any_byte_damaged, spool_setup, spool_teardown),
		cmocka_unit_test_setup_teardown(test_garbage_is_survived, spool_setup,
						spool_teardown),
		cmocka_unit_test_setup_teardown(
			test_rewritten_when_mostly_dead_and_removed_when_empty, spool_setup,
			spool_teardown),
		cmocka_unit_test_setup_teardown(test_a_rewrite_keeps_what_is_in_hand, spool_setup,
						spool_teardown),
		cmocka_unit_test_setup_teardown(test_a_full_disk_refuses_and_leaves_nothing,
						spool_setup, spool_teardown),
		cmocka_unit_test_setup_teardown(test_one_commit_for_all_of_a_turn, spool_setup,
						spool_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
