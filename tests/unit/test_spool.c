/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spool on a file cut, torn and damaged at every byte: what was whole is there, what was not costs itself alone. The
 * model is the file's own lines, counted independently of the code under test.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "spool.h"

#define NOW_MS INT64_C(1800000000000)
#define FILE_MAX (1024 * 1024)

typedef struct Fixture {
	char path[64];
	int dir_fd;
	sd_event *event;
	Batch *batch;
	Spool *spool;
	unsigned told;
	int result;
} Fixture;

/* What is damaged on purpose is also said, thousands of times: not here. */
static void quiet(bool on)
{
	static int was = -1;

	fflush(stderr);
	if (on) {
		was = dup(STDERR_FILENO);
		assert_non_null(freopen("/dev/null", "w", stderr));
	} else {
		assert_true(dup2(was, STDERR_FILENO) >= 0);
		close(was);
	}
}

static void spool_reopen(Fixture *f)
{
	f->spool = spool_free(f->spool);
	f->batch = batch_free(f->batch);
	quiet(true);
	assert_int_equal(batch_new(&f->batch, f->dir_fd, NOW_MS / 1000), 0);
	assert_int_equal(spool_new(&f->spool,
				   &(const SpoolOptions){
					   .dir_fd = f->dir_fd,
					   .event = f->event,
					   .max = 100000,
					   .batch = f->batch,
					   .now_ms = NOW_MS,
				   }),
			 0);
	quiet(false);
}

static int setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/test-spool-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dir_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dir_fd >= 0);
	assert_true(sd_event_new(&f->event) >= 0);
	spool_reopen(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "spool", "spool.new", "batches", "batches.new" };
	Fixture *f = *state;

	spool_free(f->spool);
	batch_free(f->batch);
	sd_event_unref(f->event);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(f->dir_fd, names[i], 0);
	close(f->dir_fd);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

typedef struct Waiter {
	SpoolWaiter waiter;
	Fixture *fixture;
} Waiter;

static void on_done(SpoolWaiter *waiter, int r)
{
	Fixture *f = ((Waiter *)(void *)waiter)->fixture;

	f->told++;
	f->result = r;
}

/* Waits for the commit as a call does. */
static int commit(Fixture *f)
{
	Waiter w = { .waiter = { .done = on_done }, .fixture = f };
	unsigned before = f->told;

	spool_wait(f->spool, &w.waiter);
	while (f->told == before)
		assert_true(sd_event_run(f->event, 1000000) >= 0);
	return f->result;
}

static Request draft(unsigned n)
{
	static char user[32], id[TOKEN_ID_TEXT + 1];
	Request q = { .kind = REQUEST_CODE, .user = user, .language = "de", .created = NOW_MS / 1000,
		      .expires = NOW_MS / 1000 + 1800, .due = NOW_MS };

	snprintf(user, sizeof(user), "user\"%u\\ \xc3\xa4", n);
	snprintf(id, sizeof(id), "%022u", n);
	memcpy(q.id, id, sizeof(q.id));
	q.origin.host = "web1";
	q.origin.address = "192.0.2.1";
	return q;
}

static Request *add(Fixture *f, unsigned n)
{
	Request q = draft(n), *added;

	assert_int_equal(spool_add(f->spool, &q, &added), 0);
	return added;
}

static size_t file_read(const Fixture *f, const char *name, char *ret)
{
	AUTO_CLOSE int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, ret, FILE_MAX);
	assert_true(n >= 0);
	return (size_t)n;
}

static void file_write(const Fixture *f, const char *name, const char *bytes, size_t len)
{
	AUTO_CLOSE int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

/* Whole lines of an operation in the first len bytes. */
static size_t lines_of(const char *text, size_t len, const char *operation)
{
	size_t n = 0;

	for (const char *p = text, *end; p < text + len && (end = memchr(p, '\n', (size_t)(text + len - p))); p = end + 1)
		n += memmem(p, (size_t)(end - p), operation, strlen(operation)) != NULL;
	return n;
}

/* Added, tried, put off and done in turns, so that the file has every kind of record. */
static void file_fill(Fixture *f)
{
	for (unsigned i = 0; i < 12; i++) {
		Request *q;

		add(f, i);
		assert_int_equal(commit(f), 0);
		if (i % 3 == 0)
			continue;
		q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS);
		assert_non_null(q);
		assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
		assert_int_equal(commit(f), 0);
		if (i % 3 == 1)
			spool_later(f->spool, q, NOW_MS + 1000, i % 2);
		else
			spool_done(f->spool, q);
		assert_int_equal(commit(f), 0);
	}
}

static void test_everything_comes_back(void **state)
{
	Fixture *f = *state;
	Request q = draft(7), *back;

	q.kind = REQUEST_MAIL_CHANGED;
	q.ticket = "ticket";
	q.requester = "1000";
	q.roles = 2 | 8;
	q.origin.service = "sshd";
	q.origin.terminal = "ssh";
	assert_int_equal(spool_add(f->spool, &q, NULL), 0);
	assert_int_equal(commit(f), 0);
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

static void test_torn_at_every_byte(void **state)
{
	Fixture *f = *state;
	AUTO_FREE char *text = malloc(FILE_MAX);
	size_t len;

	file_fill(f);
	len = file_read(f, "spool", text);
	assert_true(len > 1000);
	for (size_t cut = 0; cut <= len; cut++) {
		size_t expected = lines_of(text, cut, "\"op\":\"add\"") - lines_of(text, cut, "\"op\":\"done\"");

		f->spool = spool_free(f->spool);
		file_write(f, "spool", text, cut);
		spool_reopen(f);
		assert_int_equal(spool_count(f->spool), expected);
		/* What is added now must not be glued to what was torn. */
		if (cut % 7 == 0) {
			add(f, 1000);
			assert_int_equal(commit(f), 0);
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
		add(f, i);
	assert_int_equal(commit(f), 0);
	len = file_read(f, "spool", text);
	all = spool_count(f->spool);
	for (size_t at = 0; at < len; at++) {
		char was = text[at];
		size_t lost = was == '\n' && at + 1 < len ? 2 : 1;

		f->spool = spool_free(f->spool);
		text[at] = (char)(was ^ 0x11);
		file_write(f, "spool", text, len);
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
		file_write(f, "spool", junk, len);
		spool_reopen(f);
		assert_int_equal(spool_count(f->spool), 0);
	}
}

static void test_attempts_count_over_a_crash(void **state)
{
	Fixture *f = *state;
	Request *q;

	add(f, 1);
	assert_int_equal(commit(f), 0);
	for (unsigned i = 1; i <= 3; i++) {
		q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 100000);
		assert_non_null(q);
		assert_int_equal(q->attempts, i - 1);
		assert_int_equal(q->unknown, i - 1);
		assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
		assert_int_equal(commit(f), 0);
		spool_reopen(f); /* as if killed while the mail went out */
	}
	q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 100000);
	assert_int_equal(q->unknown, 3);
	assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
	spool_later(f->spool, q, NOW_MS + 5000, true); /* known not to have been sent */
	assert_int_equal(commit(f), 0);
	spool_reopen(f);
	assert_int_equal(spool_next_due(f->spool, SPOOL_PERSONS), NOW_MS + 5000);
	q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS + 5000);
	assert_int_equal(q->attempts, 4);
	assert_int_equal(q->unknown, 3);
}

static void test_a_notice_waits_for_its_time(void **state)
{
	Fixture *f = *state;
	Request q = draft(1), *added;

	q.due = NOW_MS + 25000;
	assert_int_equal(spool_add(f->spool, &q, &added), 0);
	assert_int_equal(commit(f), 0);
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
		Request q = draft(i);

		q.due = NOW_MS + i * 7919 % 400;
		q.requester = i % 4 ? "1000" : NULL;
		assert_int_equal(spool_add(f->spool, &q, NULL), 0);
	}
	assert_int_equal(commit(f), 0);
	for (SpoolWho who = 0; who < _SPOOL_WHO_MAX; who++) {
		int64_t last = 0;
		unsigned seen = 0;

		for (Request *q; (q = spool_take(f->spool, who, NOW_MS + 400)); spool_done(f->spool, q), seen++) {
			assert_true(q->due >= last);
			assert_int_equal(q->requester != NULL, who == SPOOL_STAFF);
			last = q->due;
		}
		assert_int_equal(seen, who == SPOOL_STAFF ? 300 : 100);
	}
}

static void test_rewritten_when_mostly_dead_and_removed_when_empty(void **state)
{
	Fixture *f = *state;
	struct stat st;

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 500; i++)
			add(f, round * 500 + i);
		assert_int_equal(commit(f), 0);
		for (unsigned i = 0; i < (round < 19 ? 500 : 490); i++)
			spool_done(f->spool, spool_take(f->spool, SPOOL_PERSONS, NOW_MS));
		assert_int_equal(commit(f), 0);
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
	assert_int_equal(commit(f), 0);
	spool_tidy(f->spool);
	assert_int_not_equal(faccessat(f->dir_fd, "spool", F_OK, 0), 0);
}

static void test_a_rewrite_keeps_what_is_in_hand(void **state)
{
	Fixture *f = *state;
	AUTO_FREE char *text = malloc(FILE_MAX);
	size_t len;
	Request *q;

	add(f, 1);
	add(f, 2);
	assert_int_equal(commit(f), 0);
	len = file_read(f, "spool", text);
	f->spool = spool_free(f->spool);
	memcpy(text + len, "damage\n", 7);
	file_write(f, "spool", text, len + 7);
	spool_reopen(f);
	q = spool_take(f->spool, SPOOL_PERSONS, NOW_MS);
	assert_int_equal(spool_try(f->spool, q, NOW_MS), 0);
	assert_int_equal(commit(f), 0);
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
	add(f, 1);
	assert_int_equal(commit(f), 0);
	len = file_read(f, "spool", before);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	little = was;
	for (size_t room = 0; room < 300; room += 37) {
		little.rlim_cur = len + room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
		add(f, 2);
		add(f, 3);
		assert_true(commit(f) < 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(spool_count(f->spool), 1);
		assert_int_equal(file_read(f, "spool", after), len);
		assert_memory_equal(before, after, len);
	}
	add(f, 4);
	assert_int_equal(commit(f), 0);
	spool_reopen(f);
	assert_int_equal(spool_count(f->spool), 2);
}

static void test_bounds(void **state)
{
	Fixture *f = *state;
	Request q = draft(0);

	spool_set_max(f->spool, 2);
	add(f, 1);
	add(f, 2);
	assert_int_equal(spool_add(f->spool, &q, NULL), -ENOBUFS);
	assert_false(spool_has_room(f->spool, 1));
	spool_set_max(f->spool, 10);
	q.user = "not \xff UTF-8";
	assert_int_equal(spool_add(f->spool, &q, NULL), -EMSGSIZE);
	assert_int_equal(commit(f), 0);
	assert_int_equal(spool_count(f->spool), 2);
}

static void test_one_commit_for_all_of_a_turn(void **state)
{
	Fixture *f = *state;
	Waiter waiters[50];
	AUTO_FREE char *text = malloc(FILE_MAX);

	for (unsigned i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = (Waiter){ .waiter = { .done = on_done }, .fixture = f };
		add(f, i);
		spool_wait(f->spool, &waiters[i].waiter);
	}
	assert_int_equal(f->told, 0);
	assert_int_equal(file_read(f, "spool", text), 0);
	assert_true(sd_event_run(f->event, 1000000) >= 0);
	assert_int_equal(f->told, ARRAY_SIZE(waiters));
	assert_int_equal(f->result, 0);
	assert_int_equal(lines_of(text, file_read(f, "spool", text), "\"op\":\"add\""), ARRAY_SIZE(waiters));
}

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
			assert_int_equal(batch_add(f->batch, "1000", "all", user, NOW_MS / 1000), 1);
		}
		spool_reopen(f);
	}
	assert_int_equal(batch_add(f->batch, "1000", "all", "u0", NOW_MS / 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everything_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_byte_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_is_survived, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attempts_count_over_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_notice_waits_for_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_is_by_time_for_persons_and_staff_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rewritten_when_mostly_dead_and_removed_when_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_rewrite_keeps_what_is_in_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_full_disk_refuses_and_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_commit_for_all_of_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_run_is_remembered_for_a_day, setup, teardown),
		cmocka_unit_test_setup_teardown(test_runs_are_bounded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
