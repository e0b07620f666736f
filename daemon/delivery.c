/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One job a request in hand. What the workers' answers mean is delivery_job.c's. */

#include "broker.h"
#include "delivery_private.h"

#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 30000
/* by so many jobs staff may have fewer in hand than persons: a slow relay holds theirs for long */
#define PERSONS_PLACES 4
/* staff's jobs whose attempt is noted before its turn: one sync for many … */
#define AHEAD_MAX 64
#define AHEAD_LOW 16 /* … and the next ones when so few are left */
/* links are made together that leave within that time, so that none is old when it does */
#define RELAY_US 250000
#define CALLS_AHEAD 4 /* calls' worth of links in hand: being made, and waiting for the relay */
#define TROUBLES_TOLERATED 3 /* failures in a row that may be the requests' own */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/*
 * Links that are to be made with one call. A relay that is slow, not known yet or in trouble is
 * given one after the other.
 */
static unsigned links_together(const Delivery *delivery)
{
	uint64_t n = delivery->relay_pace_us > 0 ? RELAY_US / delivery->relay_pace_us : 1;

	if (delivery->troubles > 0 || n < 1)
		return 1;
	return n < MINT_LINKS_MAX ? (unsigned)n : MINT_LINKS_MAX;
}

/* While directory or relay seem to be down, one request at a time looks whether they are back. */
static bool places_free(const Delivery *delivery, SpoolWho who, unsigned n)
{
	const Config *config = delivery->broker->config;
	unsigned most = 2 * (config->directory.connections + config->mail.connections);

	if (delivery->stopping)
		return false;
	if (delivery->troubles > TROUBLES_TOLERATED)
		return delivery->busy[SPOOL_PERSONS] + delivery->busy[SPOOL_STAFF] == 0;
	if (who == SPOOL_STAFF)
		most = most > PERSONS_PLACES ? most - PERSONS_PLACES : 1;
	if (n > 1 && most < CALLS_AHEAD * n)
		most = CALLS_AHEAD * n;
	return delivery->busy[who] + n <= most;
}

/* Of the first n that are ready, those whose turn still comes. */
static void staff_begin(Delivery *delivery, unsigned n)
{
	Job *jobs[MINT_LINKS_MAX];
	size_t m = 0;

	for (unsigned i = 0; i < n && delivery->ready; i++) {
		Job *job = delivery->ready;

		if (job_begin(job))
			jobs[m++] = job;
	}
	jobs_mint(jobs, m);
}

/*
 * Every sync of the spool keeps the whole broker waiting, so that one for each mail of a run would
 * be what the run takes.
 */
static bool ahead_allowed(const Delivery *delivery)
{
	return !delivery->stopping && delivery->n_ahead <= AHEAD_LOW;
}

static void timer_arm(Delivery *delivery, int64_t at_ms)
{
	int64_t now = mark_now_ms(&delivery->broker->mark);
	uint64_t wait = at_ms > now ? (uint64_t)(at_ms - now) * 1000 : 0;

	sd_event_source_set_time_relative(delivery->timer, wait);
	sd_event_source_set_enabled(delivery->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Delivery *delivery = userdata;
	Broker *broker = delivery->broker;
	int64_t now = mark_now_ms(&broker->mark), due = INT64_MAX;
	Request *request;

	if (delivery->pause_until > now) {
		timer_arm(delivery, delivery->pause_until);
		return 0;
	}
	/* Ends: each round takes a request that is due, and a job keeps it or it is due later. */
	while (places_free(delivery, SPOOL_PERSONS, 1) &&
	       (request = spool_take(broker->spool, SPOOL_PERSONS, now)))
		job_start(delivery, request, now);
	while (delivery->ready && places_free(delivery, SPOOL_STAFF, links_together(delivery)))
		staff_begin(delivery, links_together(delivery));
	if (ahead_allowed(delivery))
		while (delivery->n_ahead < AHEAD_MAX &&
		       (request = spool_take(broker->spool, SPOOL_STAFF, now)))
			job_start(delivery, request, now);
	if (places_free(delivery, SPOOL_PERSONS, 1))
		due = spool_next_due(broker->spool, SPOOL_PERSONS);
	if (ahead_allowed(delivery) && spool_next_due(broker->spool, SPOOL_STAFF) < due)
		due = spool_next_due(broker->spool, SPOOL_STAFF);
	if (due != INT64_MAX)
		timer_arm(delivery, due);
	return 0;
}

void delivery_trouble(Delivery *delivery)
{
	int64_t now = mark_now_ms(&delivery->broker->mark), pause = PAUSE_MIN_MS;
	unsigned beyond;

	/* It was in hand when the pause began, and says nothing new. */
	if (delivery->pause_until > now)
		return;
	if (++delivery->troubles <= TROUBLES_TOLERATED)
		return;
	beyond = delivery->troubles - TROUBLES_TOLERATED;
	while (--beyond > 0 && pause < PAUSE_MAX_MS)
		pause *= 2;
	delivery->pause_until = now + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

void delivery_success(Delivery *delivery)
{
	delivery->troubles = 0;
	delivery->pause_until = 0;
}

int delivery_new(Delivery **ret, Broker *broker)
{
	CLEANUP(delivery_freep) Delivery *delivery = calloc(1, sizeof(*delivery));
	int r;

	if (!delivery)
		return -ENOMEM;
	delivery->broker = broker;
	delivery->ready_end = &delivery->ready;
	r = sd_event_add_time_relative(broker->event, &delivery->timer, CLOCK_MONOTONIC, 0, 1000,
				       on_timer, delivery);
	if (r < 0)
		return r;
	*ret = STEAL(delivery);
	return 0;
}

Delivery *delivery_free(Delivery *delivery)
{
	if (!delivery)
		return NULL;
	while (delivery->mints)
		mints_free(delivery->mints);
	while (delivery->jobs)
		job_free(delivery->jobs);
	sd_event_source_disable_unref(delivery->timer);
	free(delivery);
	return NULL;
}

void delivery_wake(Delivery *delivery)
{
	timer_arm(delivery, 0);
}

bool delivery_busy(const Delivery *delivery)
{
	return delivery->jobs != NULL;
}

void delivery_stop(Delivery *delivery)
{
	delivery->stopping = true;
	while (delivery->ready)
		job_give_back(delivery->ready);
}
