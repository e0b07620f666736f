/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections to worker processes: each connection is one process, started by whoever listens on
 * the socket, and does one call at a time. A pool opens as many as are wanted up to a limit and
 * closes those that are idle. A worker that dies, says nonsense or overruns its deadline costs the
 * call in its hands and nothing else.
 */
#pragma once

#include <systemd/sd-event.h>

#include "varlink.h"

#define POOL_QUEUE_MAX 1024 /* calls that wait for a worker, of each urgency */
#define POOL_CONNECTIONS_MAX 64
#define POOL_IDLE_US (5 * 1000000)
/* of a connection: a worker is not to grow old */
#define POOL_LIFE_US (15 * 60 * UINT64_C(1000000))

typedef struct Pool Pool;
typedef struct Work Work;

typedef struct PoolOptions {
	sd_event *event;      /* borrowed */
	const char *path;     /* of the socket; copied */
	const char *name;     /* for the log; a literal */
	unsigned connections; /* at most */
	bool reserve;         /* the last connection is kept for calls */
} PoolOptions;

/*
 * Who waits for it. Of several connections bulk work never gets the last: a person's mail goes out
 * beside a run of ten thousand.
 */
typedef enum Urgency {
	URGENCY_CALL,   /* a program, for its answer */
	URGENCY_PERSON, /* somebody, for a mail */
	URGENCY_BULK,   /* a run of staff's */
	_URGENCY_MAX,
} Urgency;

/* What is to be done, in whose name. */
typedef struct WorkSpec {
	Urgency urgency;
	uint64_t timeout_us; /* from now on, waiting included */
	/* Writes the whole call when a worker is free; left_ms: until the deadline. */
	void (*write)(JsonWriter *w, unsigned left_ms, void *userdata);
	/*
	 * Called once, never from within pool_submit(); the work is gone afterwards. r: 0 and reply
	 * (valid during the call only), or negative errno and no reply. sent: the worker may have
	 * seen the call, so that without a reply it is not known what became of it.
	 */
	void (*done)(int r, bool sent, const VarlinkReply *reply, void *userdata);
	void *userdata;
} WorkSpec;

int pool_new(Pool **ret, const PoolOptions *options);
Pool *pool_free(Pool *pool); /* work that is still there is dropped without a word */
DEFINE_CLEANUP(Pool *, pool_free)
void pool_set_connections(Pool *pool, unsigned connections);

/* -ENOBUFS: too many wait; -ECONNREFUSED: there are no workers at the moment. *ret may be NULL. */
int pool_submit(Pool *pool, const WorkSpec *spec, Work **ret);
/* done is not called any more: what waits is dropped, what a worker has goes on unheard. */
void work_abandon(Work *work);
/*
 * Drops it if no worker has it, as work_abandon() does. False: a worker has, and nothing is
 * changed.
 */
bool work_withdraw(Work *work);
