/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A spool and its runs in a folder of their own. */
#pragma once

#include "unit.h"

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

typedef struct Waiter {
	SpoolWaiter waiter;
	Fixture *fixture;
} Waiter;

int spool_setup(void **state);
int spool_teardown(void **state);
/* What the files say now, read anew. */
void spool_reopen(Fixture *f);

Request spool_draft(unsigned n); /* its strings are good until the next one */
Request *spool_put(Fixture *f, unsigned n);
/* Waits for the commit as a call does; 0 or negative errno. */
int spool_commit(Fixture *f);
void spool_waiter_done(SpoolWaiter *waiter, int r); /* counts in told */

/* A file of the folder; 0 bytes where there is none. */
size_t spool_read(const Fixture *f, const char *name, char ret[static FILE_MAX]);
void spool_write(const Fixture *f, const char *name, const char *bytes, size_t len);
