/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The requests that wait, in memory and in the file "spool". What is added in one turn of the event
 * loop is written and synced once, at its end, and only then are those told who wait for it. A
 * request leaves by spool_done() alone.
 *
 * A notice is a request that is not due yet: it is told of something that may or may not happen.
 */
#pragma once

#include <systemd/sd-event.h>

#include "batch.h"
#include "ledger.h"
#include "request.h"

#define SPOOL_MEMORY_MAX (64 * 1024 * 1024) /* bytes of all requests together */

typedef struct Spool Spool;

/*
 * Embedded in whoever waits; must stay where it is until done is called, once, never from within
 * spool_wait().
 */
typedef struct SpoolWaiter {
	struct SpoolWaiter *next;
	/*
	 * r: 0, or negative errno, and then none of the requests added in this turn exist any more
	 */
	void (*done)(struct SpoolWaiter *waiter, int r);
} SpoolWaiter;

typedef struct SpoolOptions {
	int dir_fd;                      /* the state folder, borrowed */
	sd_event *event;                 /* borrowed */
	size_t max;                      /* requests at most */
	Batch *batch;                    /* is committed with the spool; borrowed */
	int64_t now_ms;                  /* for what was under way when the last process died */
	void (*changed)(void *userdata); /* something may have become due */
	void *userdata;
} SpoolOptions;

int spool_new(Spool **ret, const SpoolOptions *options);
Spool *spool_free(Spool *spool); /* commits what can be committed */
DEFINE_CLEANUP(Spool *, spool_free)
void spool_set_max(Spool *spool, size_t max);

/*
 * Takes a copy. -ENOBUFS: too many wait; -EMSGSIZE: not UTF-8 or too long; -ENOMEM. Nothing is
 * certain before spool_wait().
 */
int spool_add(Spool *spool, const Request *request, Request **ret);
void spool_wait(Spool *spool, SpoolWaiter *waiter);
/* Commits now and tells those who wait: before they are freed at the end. */
void spool_settle(Spool *spool);

/* By staff (a requester), or by persons: of the two neither stands in the other's way. */
typedef enum SpoolWho { SPOOL_PERSONS, SPOOL_STAFF, _SPOOL_WHO_MAX } SpoolWho;
/*
 * The next of theirs that is due and not held: the caller's until spool_later() or spool_done().
 * NULL: none.
 */
Request *spool_take(Spool *spool, SpoolWho who, int64_t now_ms);
/* When spool_take() may have one; INT64_MAX: never, as things are. */
int64_t spool_next_due(const Spool *spool, SpoolWho who);

/*
 * Counts an attempt, as one of unknown outcome for now: to be on the disk (spool_wait()) before
 * anything is sent.
 */
int spool_try(Spool *spool, Request *request, int64_t now_ms);
/*
 * Gives a taken request back, or changes when a waiting one is due, and lets go of it. known: the
 * last attempt sent nothing.
 */
void spool_later(Spool *spool, Request *request, int64_t due_ms, bool known);
/* Ends a taken or waiting request and frees it. */
void spool_done(Spool *spool, Request *request);

size_t spool_count(const Spool *spool);
/* True when that many more would be taken. */
bool spool_has_room(const Spool *spool, size_t n);
/* when the oldest was created, seconds since the epoch; 0: none */
int64_t spool_oldest(const Spool *spool);

/*
 * To be called now and then: removes the file when nothing waits, else rewrites it when that is
 * worth it.
 */
void spool_tidy(Spool *spool);
