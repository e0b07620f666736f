/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The running spool: what is added, tried, put off and done, and the one commit for all of a turn.
 */

#include <string.h>

#include "log.h"
#include "queue.h"
#include "spool_private.h"

#define SPOOL_FILE "spool"
#define COMMIT_PRIORITY 20   /* behind everything else of the turn … */
#define COMMIT_AFTER_US 5000 /* … but no later than this, however busy the loop is */
#define COMMIT_TIMER_PRIORITY (-20)
#define HELD_MS 1000
#define TIDY_SIZE (1024 * 1024)
#define TIDY_PATIENCE 30 /* calls of spool_tidy() to let pass after a failure */

enum { STATE_FRESH, STATE_WAITING, STATE_TAKEN };

struct Spool {
	Ledger *ledger;
	Batch *batch;
	sd_event *event;
	sd_event_source *commit;
	sd_event_source *commit_timer;
	Queue waiting[_SPOOL_WHO_MAX];
	Queue taken;    /* in no order that matters */
	Request *fresh; /* added since the last commit, chained */
	size_t n;       /* in all states */
	size_t n_max;
	size_t memory;
	size_t live; /* bytes of the file that the requests need */
	SpoolWaiter *waiters, **waiters_end;
	unsigned tidy_wait;
	bool failing;
	void (*changed)(void *userdata);
	void *userdata;
};

static Queue *queue_of(Spool *spool, const Request *request)
{
	if (request->state == STATE_TAKEN)
		return &spool->taken;
	return &spool->waiting[request->requester ? SPOOL_STAFF : SPOOL_PERSONS];
}

static int request_adopt(Request *request, void *userdata)
{
	Spool *spool = userdata;
	Queue *queue = queue_of(spool, request);
	int r = queue_reserve(queue, queue->n + 1);

	if (r == 0 && request->run != 0)
		r = batch_restore(spool->batch, request->run, request->created);
	if (r < 0)
		return r;
	request->state = STATE_WAITING;
	queue_push(queue, request);
	spool->n++;
	spool->memory += request->memory;
	spool->live += request->size;
	return 0;
}

static void fresh_settle(Spool *spool, bool written)
{
	for (Request *q = STEAL(spool->fresh), *next; q; q = next) {
		next = q->chain;
		q->chain = NULL;
		if (written) {
			q->state = STATE_WAITING;
			queue_push(queue_of(spool, q), q);
		} else {
			spool->n--;
			spool->memory -= q->memory;
			spool->live -= q->size;
			free(q);
		}
	}
}

static void failure_tell(Spool *spool, int r)
{
	if (r < 0 && !spool->failing)
		log_line(LOG_ERR,
			 "The spool cannot be written: %s. Requests are refused until it can.",
			 strerror(-r));
	else if (r == 0 && spool->failing)
		log_line(LOG_NOTICE, "The spool can be written again.");
	spool->failing = r < 0;
}

static void spool_commit(Spool *spool)
{
	SpoolWaiter *waiters = STEAL(spool->waiters);
	bool had_fresh = spool->fresh != NULL, sync = waiters != NULL;
	int r = 0;

	spool->waiters_end = &spool->waiters;
	sd_event_source_set_enabled(spool->commit, SD_EVENT_OFF);
	sd_event_source_set_enabled(spool->commit_timer, SD_EVENT_OFF);
	if (ledger_pending(spool->ledger)) {
		r = ledger_commit(spool->ledger, sync);
		failure_tell(spool, r);
	}
	if (r < 0)
		batch_revert(spool->batch);
	else if (batch_commit(spool->batch) < 0)
		/* Nobody is sent less for it; a run that is started again might send twice. */
		log_line(LOG_WARNING, "The notes of who was sent what in a run cannot be kept.");
	fresh_settle(spool, r == 0);
	for (SpoolWaiter *w = waiters, *next; w; w = next) {
		next = w->next; /* the waiter may be gone after its call */
		w->done(w, r);
	}
	if (had_fresh && r == 0 && spool->changed)
		spool->changed(spool->userdata);
}

static int on_commit(sd_event_source *source UNUSED, void *userdata)
{
	spool_commit(userdata);
	return 0;
}

static int on_commit_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	spool_commit(userdata);
	return 0;
}

/* Something waits for the end of the turn. */
static void commit_request(Spool *spool)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(spool->commit, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_enabled(spool->commit, SD_EVENT_ONESHOT);
	sd_event_source_set_time_relative(spool->commit_timer, COMMIT_AFTER_US);
	sd_event_source_set_enabled(spool->commit_timer, SD_EVENT_ONESHOT);
}

static int sources_add(Spool *spool)
{
	int r;

	r = sd_event_add_defer(spool->event, &spool->commit, on_commit, spool);
	if (r >= 0)
		r = sd_event_source_set_enabled(spool->commit, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(spool->commit, COMMIT_PRIORITY);
	if (r >= 0)
		r = sd_event_add_time_relative(spool->event, &spool->commit_timer, CLOCK_MONOTONIC,
					       COMMIT_AFTER_US, 1000, on_commit_timer, spool);
	if (r >= 0)
		r = sd_event_source_set_enabled(spool->commit_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(spool->commit_timer, COMMIT_TIMER_PRIORITY);
	return r;
}

int spool_new(Spool **ret, const SpoolOptions *options)
{
	CLEANUP(spool_freep) Spool *spool = calloc(1, sizeof(*spool));
	int r;

	if (!spool)
		return -ENOMEM;
	spool->waiters_end = &spool->waiters;
	spool->event = sd_event_ref(options->event);
	spool->batch = options->batch;
	spool->n_max = options->max;
	spool->changed = options->changed;
	spool->userdata = options->userdata;
	r = spool_replay(&spool->ledger, options->dir_fd, SPOOL_FILE, options->now_ms,
			 request_adopt, spool);
	if (r < 0)
		return r;
	/*
	 * The records that the notes were made from are still there: the next start makes them
	 * again.
	 */
	r = batch_commit(spool->batch);
	if (r < 0)
		log_line(LOG_WARNING, "The notes of runs cannot be written yet: %s", strerror(-r));
	r = sources_add(spool);
	if (r < 0)
		return r;
	spool_tidy(spool);
	*ret = STEAL(spool);
	return 0;
}

static void queue_free(Queue *queue)
{
	for (size_t i = 0; i < queue->n; i++)
		free(queue->heap[i]);
	queue_deinit(queue);
}

Spool *spool_free(Spool *spool)
{
	if (!spool)
		return NULL;
	if (spool->ledger) {
		spool_settle(spool);
		spool_tidy(spool);
	}
	fresh_settle(spool, false);
	for (SpoolWho who = 0; who < _SPOOL_WHO_MAX; who++)
		queue_free(&spool->waiting[who]);
	queue_free(&spool->taken);
	sd_event_source_disable_unref(spool->commit);
	sd_event_source_disable_unref(spool->commit_timer);
	sd_event_unref(spool->event);
	ledger_free(spool->ledger);
	free(spool);
	return NULL;
}

void spool_set_max(Spool *spool, size_t max)
{
	spool->n_max = max;
}

/* What has become known of it since it was added. */
static void progress_write(JsonWriter *w, const Request *request)
{
	if (request->reached == 0)
		return;
	json_put_integer(w, "reached", request->reached);
	json_put_integer(w, "reachedOf", request->reached_of);
}

static int record_add(Ledger *ledger, const Request *request, size_t *ret_size)
{
	JsonWriter *w = ledger_begin(ledger);

	json_put_string(w, "op", SPOOL_OP_ADD);
	request_write(w, request);
	json_put_integer(w, "due", request->due);
	json_put_integer(w, "unknown", request->unknown);
	progress_write(w, request);
	if (request->run != 0)
		json_put_integer(w, "run", (int64_t)request->run);
	return ledger_end(ledger, ret_size);
}

/* A record about a request that the file has; the caller adds members and ends it. */
static JsonWriter *record_begin(Spool *spool, const char *op, const Request *request)
{
	JsonWriter *w = ledger_begin(spool->ledger);

	json_put_string(w, "op", op);
	json_put_string(w, "kind", request_kind_name(request->kind));
	json_put_string(w, "id", request->id);
	return w;
}

int spool_add(Spool *spool, const Request *request, Request **ret)
{
	AUTO_FREE Request *q = NULL;
	Queue *queue = queue_of(spool, request);
	int r;

	if (!spool_has_room(spool, 1))
		return -ENOBUFS;
	q = request_copy(request);
	if (!q)
		return -ENOMEM;
	/*
	 * Room for all there are, wherever they are now, so that nothing can fail after the record
	 * is written.
	 */
	r = queue_reserve(queue, spool->n + 1);
	if (r < 0)
		return r;
	r = record_add(spool->ledger, q, &q->size);
	if (r < 0)
		return r;
	q->state = STATE_FRESH;
	q->chain = spool->fresh;
	spool->fresh = q;
	spool->n++;
	spool->memory += q->memory;
	spool->live += q->size;
	commit_request(spool);
	if (ret)
		*ret = q;
	STEAL(q);
	return 0;
}

void spool_wait(Spool *spool, SpoolWaiter *waiter)
{
	waiter->next = NULL;
	*spool->waiters_end = waiter;
	spool->waiters_end = &waiter->next;
	commit_request(spool);
}

void spool_settle(Spool *spool)
{
	/* Twice at most: those who are told may add what they have to say to it. */
	for (unsigned i = 0; i < 2 && (spool->waiters || ledger_pending(spool->ledger)); i++)
		spool_commit(spool);
}

/*
 * A clock that leaps makes due what a call still holds; it is looked at again later. Ends: each
 * round moves one of those that are held behind now.
 */
static bool queue_is_due(Queue *queue, int64_t now_ms)
{
	Request *first;

	while ((first = queue_first(queue)) && first->due <= now_ms && first->held) {
		queue_remove(queue, first);
		first->due = now_ms + HELD_MS;
		queue_push(queue, first);
	}
	return first && first->due <= now_ms;
}

Request *spool_take(Spool *spool, SpoolWho who, int64_t now_ms)
{
	Queue *queue = &spool->waiting[who];
	Request *request;

	if (!queue_is_due(queue, now_ms) || queue_reserve(&spool->taken, spool->taken.n + 1) < 0)
		return NULL;
	request = queue_first(queue);
	queue_remove(queue, request);
	request->state = STATE_TAKEN;
	queue_push(&spool->taken, request);
	return request;
}

int64_t spool_next_due(const Spool *spool, SpoolWho who)
{
	const Request *first = queue_first(&spool->waiting[who]);

	return first ? first->due : INT64_MAX;
}

/* A record that does not fit now is made up for by rewriting the file. */
static void record_end(Spool *spool)
{
	if (ledger_end(spool->ledger, NULL) < 0)
		log_line(LOG_WARNING, "A change of the spool could not be noted.");
	commit_request(spool);
}

int spool_try(Spool *spool, Request *request, int64_t now_ms)
{
	int r;

	json_put_integer(record_begin(spool, SPOOL_OP_TRY, request), "at", now_ms);
	r = ledger_end(spool->ledger, NULL);
	if (r < 0)
		return r;
	request->attempts++;
	request->unknown++;
	commit_request(spool);
	return 0;
}

void spool_later(Spool *spool, Request *request, int64_t due_ms, bool known)
{
	JsonWriter *w;

	queue_remove(queue_of(spool, request), request);
	request->state = STATE_WAITING;
	request->held = false;
	request->due = due_ms;
	if (known && request->unknown > 0)
		request->unknown--;
	w = record_begin(spool, SPOOL_OP_LATER, request);
	json_put_integer(w, "due", due_ms);
	json_put_integer(w, "unknown", request->unknown);
	json_put_integer(w, "attempt", request->attempts);
	if (request->done)
		json_put_bool(w, "done", true);
	if (request->missed)
		json_put_bool(w, "missed", true);
	progress_write(w, request);
	record_end(spool);
	queue_push(queue_of(spool, request), request);
	if (spool->changed)
		spool->changed(spool->userdata);
}

void spool_done(Spool *spool, Request *request)
{
	queue_remove(queue_of(spool, request), request);
	record_begin(spool, SPOOL_OP_DONE, request);
	record_end(spool);
	spool->n--;
	spool->memory -= request->memory;
	spool->live -= request->size;
	free(request);
}

size_t spool_count(const Spool *spool)
{
	return spool->n;
}

bool spool_has_room(const Spool *spool, size_t n)
{
	return spool->n + n <= spool->n_max && spool->memory < SPOOL_MEMORY_MAX;
}

int64_t spool_oldest(const Spool *spool)
{
	const Queue *queues[] = { &spool->waiting[SPOOL_PERSONS], &spool->waiting[SPOOL_STAFF],
				  &spool->taken };
	int64_t oldest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
		for (size_t j = 0; j < queues[i]->n; j++)
			if (oldest == 0 || queues[i]->heap[j]->created < oldest)
				oldest = queues[i]->heap[j]->created;
	return oldest;
}

static int write_all(Ledger *ledger, void *userdata)
{
	Spool *spool = userdata;
	const Queue *queues[] = { &spool->waiting[SPOOL_PERSONS], &spool->waiting[SPOOL_STAFF],
				  &spool->taken };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
		for (size_t j = 0; j < queues[i]->n && r == 0; j++)
			r = record_add(ledger, queues[i]->heap[j], &queues[i]->heap[j]->size);
	return r;
}

void spool_tidy(Spool *spool)
{
	size_t size = ledger_size(spool->ledger);
	int r = 0;

	if (ledger_pending(spool->ledger) || spool->fresh)
		return;
	if (spool->tidy_wait > 0) {
		spool->tidy_wait--;
		return;
	}
	if (spool->n == 0) {
		r = ledger_remove(spool->ledger);
	} else if (ledger_damaged(spool->ledger) || (size > TIDY_SIZE && size > 3 * spool->live)) {
		r = ledger_rewrite(spool->ledger, write_all, spool);
	}
	if (r < 0) {
		log_line(LOG_WARNING, "%s cannot be tidied up: %s", SPOOL_FILE, strerror(-r));
		spool->tidy_wait = TIDY_PATIENCE;
	}
}
