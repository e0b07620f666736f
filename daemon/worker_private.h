/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the pool and its connections. */
#pragma once

#include "worker.h"

typedef struct Link Link;

struct Work {
	Pool *pool;
	WorkSpec spec;
	uint64_t deadline;      /* CLOCK_MONOTONIC */
	sd_event_source *timer; /* while it waits; the link's timer afterwards */
	Link *link;             /* NULL: it waits */
	bool retried;
	Work *next, *previous; /* while it waits */
};

typedef struct WorkList {
	Work *first, *last;
	size_t n;
} WorkList;

struct Link { /* a connection, a worker */
	Pool *pool;
	VarlinkStream *stream;
	sd_event_source *io;
	sd_event_source *timer; /* of the call's deadline, or of idleness */
	Work *work;             /* NULL: idle */
	bool answered;          /* at least once */
	uint64_t opened;        /* CLOCK_MONOTONIC */
	Link *next;
};

struct Pool {
	sd_event *event;
	char *path;
	const char *name;
	unsigned max;
	bool reserve;
	WorkList waiting[_URGENCY_MAX];
	Link *links;
	unsigned n_links;
	unsigned busy[_URGENCY_MAX]; /* links with work of that urgency */
	sd_event_source *wake;
	uint64_t retry_us; /* the last back-off */
	uint64_t retry_at; /* no connection is opened before */
	unsigned deaths;
	bool refusing;
};

void pool_wake(Pool *pool);
void pool_worker_died(Pool *pool);
void pool_worker_answered(Pool *pool);

void work_finish(Work *work, int r, bool sent, const VarlinkReply *reply);
void work_requeue(Work *work);

/* -EAGAIN: the listener's backlog is full. */
int link_open(Pool *pool, Link **ret);
void link_give(Link *link, Work *work);
/* Drops the work in its hands, if any, unheard. */
void link_close(Link *link);
