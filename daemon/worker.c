/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pool: who gets a worker next. What happens on a connection is worker_link.c's. */

#include <string.h>

#include "log.h"
#include "worker_private.h"

#define RETRY_MIN_US 100000
#define RETRY_MAX_US 2000000
/* in a row without an answer; a call that kills its worker must not stop others' */
#define DEATHS_TOLERATED 3

static uint64_t now_us(const Pool *pool)
{
	uint64_t now = 0;

	/* Fails only in a forked process. */
	(void)sd_event_now(pool->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void list_append(WorkList *list, Work *work)
{
	work->next = NULL;
	work->previous = list->last;
	if (list->last)
		list->last->next = work;
	else
		list->first = work;
	list->last = work;
	list->n++;
}

static void list_prepend(WorkList *list, Work *work)
{
	work->previous = NULL;
	work->next = list->first;
	if (list->first)
		list->first->previous = work;
	else
		list->last = work;
	list->first = work;
	list->n++;
}

static void list_remove(WorkList *list, Work *work)
{
	if (work->previous)
		work->previous->next = work->next;
	else
		list->first = work->next;
	if (work->next)
		work->next->previous = work->previous;
	else
		list->last = work->previous;
	list->n--;
}

static WorkList *list_of(Work *work)
{
	return &work->pool->waiting[work->spec.urgency];
}

void work_finish(Work *work, int r, bool sent, const VarlinkReply *reply)
{
	WorkSpec spec = work->spec;

	sd_event_source_disable_unref(work->timer);
	free(work);
	if (spec.done)
		spec.done(r, sent, reply, spec.userdata);
}

/* It was not seen by any worker: the next one gets it first. */
void work_requeue(Work *work)
{
	work->link = NULL;
	list_prepend(list_of(work), work);
	sd_event_source_set_enabled(work->timer, SD_EVENT_ONESHOT);
	pool_wake(work->pool);
}

static int on_waited_too_long(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Work *work = userdata;

	list_remove(list_of(work), work);
	work_finish(work, -ETIMEDOUT, false, NULL);
	return 0;
}

static void waiting_fail(Pool *pool, int r)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pool->waiting); i++) {
		WorkList failed = pool->waiting[i];

		/* What is submitted by those who are told now is none of it. */
		pool->waiting[i] = (WorkList){ 0 };
		for (Work *work = failed.first, *next; work; work = next) {
			next = work->next;
			work_finish(work, r, false, NULL);
		}
	}
}

static void pool_back_off(Pool *pool)
{
	pool->retry_us = pool->retry_us == 0 ? RETRY_MIN_US : 2 * pool->retry_us;
	if (pool->retry_us > RETRY_MAX_US)
		pool->retry_us = RETRY_MAX_US;
	pool->retry_at = now_us(pool) + pool->retry_us;
}

void pool_worker_died(Pool *pool)
{
	if (++pool->deaths < DEATHS_TOLERATED)
		return;
	if (pool->deaths == DEATHS_TOLERATED)
		log_line(LOG_ERR, "%s workers die before they answer; see their log.", pool->name);
	pool_back_off(pool);
}

void pool_worker_answered(Pool *pool)
{
	pool->deaths = 0;
	pool->retry_us = 0;
	pool->retry_at = 0;
	pool->refusing = false;
}

static bool urgency_allowed(const Pool *pool, Urgency urgency)
{
	unsigned but_one = pool->max > 1 ? pool->max - 1 : 1;

	switch (urgency) {
	case URGENCY_CALL:
		return true;
	case URGENCY_PERSON:
		return !pool->reserve ||
		       pool->busy[URGENCY_PERSON] + pool->busy[URGENCY_BULK] < but_one;
	default:
		return pool->busy[URGENCY_PERSON] + pool->busy[URGENCY_BULK] < but_one;
	}
}

static Work *work_next(const Pool *pool)
{
	for (Urgency u = 0; u < _URGENCY_MAX; u++)
		if (pool->waiting[u].first && urgency_allowed(pool, u))
			return pool->waiting[u].first;
	return NULL;
}

static Link *link_idle(const Pool *pool)
{
	for (Link *link = pool->links; link; link = link->next)
		if (!link->work)
			return link;
	return NULL;
}

/* 0 and *ret; 1: not now, the timer will see to it; negative errno. */
static int link_obtain(Pool *pool, Link **ret)
{
	int r;

	*ret = link_idle(pool);
	if (*ret)
		return 0;
	if (pool->n_links >= pool->max)
		return 1;
	if (pool->retry_at > now_us(pool)) {
		sd_event_source_set_time(pool->wake, pool->retry_at);
		sd_event_source_set_enabled(pool->wake, SD_EVENT_ONESHOT);
		return 1;
	}
	r = link_open(pool, ret);
	if (r == -EAGAIN) {
		/* The backlog is full: workers are on their way. */
		sd_event_source_set_time_relative(pool->wake, RETRY_MIN_US);
		sd_event_source_set_enabled(pool->wake, SD_EVENT_ONESHOT);
		return 1;
	}
	return r;
}

static void pool_refused(Pool *pool, int r)
{
	if (!pool->refusing)
		log_line(LOG_ERR, "%s workers cannot be reached at %s: %s", pool->name, pool->path,
			 strerror(-r));
	pool->refusing = true;
	pool_back_off(pool);
	if (pool->n_links == 0)
		waiting_fail(pool, r);
}

static int on_wake(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Pool *pool = userdata;
	Work *work;

	/*
	 * Ends: each round gives a waiting call to one of a bounded number of connections, or
	 * stops.
	 */
	while ((work = work_next(pool))) {
		Link *link;
		int r = link_obtain(pool, &link);

		if (r > 0)
			return 0;
		if (r < 0) {
			pool_refused(pool, r);
			return 0;
		}
		list_remove(list_of(work), work);
		sd_event_source_set_enabled(work->timer, SD_EVENT_OFF);
		link_give(link, work);
	}
	return 0;
}

/* Somebody may get a worker; looked into from the loop, never from within a call. */
void pool_wake(Pool *pool)
{
	sd_event_source_set_time(pool->wake, 0);
	sd_event_source_set_enabled(pool->wake, SD_EVENT_ONESHOT);
}

int pool_new(Pool **ret, const PoolOptions *options)
{
	CLEANUP(pool_freep) Pool *pool = calloc(1, sizeof(*pool));
	int r;

	if (!pool)
		return -ENOMEM;
	pool->event = sd_event_ref(options->event);
	pool->name = options->name;
	pool->reserve = options->reserve;
	pool_set_connections(pool, options->connections);
	pool->path = strdup(options->path);
	if (!pool->path)
		return -ENOMEM;
	r = sd_event_add_time(pool->event, &pool->wake, CLOCK_MONOTONIC, 0, 1, on_wake, pool);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(pool->wake, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = STEAL(pool);
	return 0;
}

Pool *pool_free(Pool *pool)
{
	if (!pool)
		return NULL;
	while (pool->links)
		link_close(pool->links);
	for (unsigned i = 0; i < ARRAY_SIZE(pool->waiting); i++)
		for (Work *work = pool->waiting[i].first, *next; work; work = next) {
			next = work->next;
			sd_event_source_disable_unref(work->timer);
			free(work);
		}
	sd_event_source_disable_unref(pool->wake);
	sd_event_unref(pool->event);
	free(pool->path);
	free(pool);
	return NULL;
}

void pool_set_connections(Pool *pool, unsigned connections)
{
	pool->max = connections < 1                      ? 1
		    : connections > POOL_CONNECTIONS_MAX ? POOL_CONNECTIONS_MAX
							 : connections;
}

int pool_submit(Pool *pool, const WorkSpec *spec, Work **ret)
{
	WorkList *list = &pool->waiting[spec->urgency];
	AUTO_FREE Work *work = NULL;
	int r;

	if (list->n >= POOL_QUEUE_MAX)
		return -ENOBUFS;
	if (pool->refusing && pool->n_links == 0 && pool->retry_at > now_us(pool))
		return -ECONNREFUSED;
	work = calloc(1, sizeof(*work));
	if (!work)
		return -ENOMEM;
	work->pool = pool;
	work->spec = *spec;
	work->deadline = now_us(pool) + spec->timeout_us;
	r = sd_event_add_time(pool->event, &work->timer, CLOCK_MONOTONIC, work->deadline, 1,
			      on_waited_too_long, work);
	if (r < 0)
		return r;
	list_append(list, work);
	pool_wake(pool);
	if (ret)
		*ret = work;
	STEAL(work);
	return 0;
}

bool work_withdraw(Work *work)
{
	if (work->link)
		return false;
	list_remove(list_of(work), work);
	sd_event_source_disable_unref(work->timer);
	free(work);
	return true;
}

void work_abandon(Work *work)
{
	if (!work_withdraw(work))
		work->spec.done = NULL;
}
