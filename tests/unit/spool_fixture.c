/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>

#include "quiet.h"
#include "spool_fixture.h"

void spool_reopen(Fixture *f)
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

int spool_setup(void **state)
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

int spool_teardown(void **state)
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

void spool_waiter_done(SpoolWaiter *waiter, int r)
{
	Fixture *f = ((Waiter *)(void *)waiter)->fixture;

	f->told++;
	f->result = r;
}

/* Waits for the commit as a call does. */
int spool_commit(Fixture *f)
{
	Waiter w = { .waiter = { .done = spool_waiter_done }, .fixture = f };
	unsigned before = f->told;

	spool_wait(f->spool, &w.waiter);
	while (f->told == before)
		assert_true(sd_event_run(f->event, 1000000) >= 0);
	return f->result;
}

Request spool_draft(unsigned n)
{
	static char user[32], id[TOKEN_ID_TEXT + 1];
	Request q = { .kind = REQUEST_CODE,
		      .user = user,
		      .language = "de",
		      .created = NOW_MS / 1000,
		      .expires = NOW_MS / 1000 + 1800,
		      .due = NOW_MS };

	snprintf(user, sizeof(user), "user\"%u\\ \xc3\xa4", n);
	snprintf(id, sizeof(id), "%022u", n);
	memcpy(q.id, id, sizeof(q.id));
	q.origin.host = "web1";
	q.origin.address = "192.0.2.1";
	return q;
}

Request *spool_put(Fixture *f, unsigned n)
{
	Request q = spool_draft(n), *added;

	assert_int_equal(spool_add(f->spool, &q, &added), 0);
	return added;
}

size_t spool_read(const Fixture *f, const char *name, char ret[static FILE_MAX])
{
	AUTO_CLOSE int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, ret, FILE_MAX);
	assert_true(n >= 0);
	return (size_t)n;
}

void spool_write(const Fixture *f, const char *name, const char *bytes, size_t len)
{
	AUTO_CLOSE int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}
