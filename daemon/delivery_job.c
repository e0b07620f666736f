/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A single delivery, step by step. */

#include <string.h>
#include <sys/random.h>

#include "broker.h"
#include "delivery_private.h"
#include "secret.h"

#define MAILER_EXTRA_MS 5000
#define BACKOFF_MIN_MS 5000
#define BACKOFF_PERSON_MS (2 * 60 * 1000) /* at most, for one who waits at a prompt */
#define BACKOFF_MS (15 * 60 * 1000)       /* at most, for others */
/* until an attempt that could not be noted is tried again */
#define SPOOL_FULL_MS 10000

Urgency job_urgency(const Job *job)
{
	return job->who == SPOOL_STAFF ? URGENCY_BULK : URGENCY_PERSON;
}

static Broker *broker_of(const Job *job)
{
	return job->delivery->broker;
}

void job_free(Job *job)
{
	Delivery *delivery = job->delivery;

	if (job->previous)
		job->previous->next = job->next;
	else
		delivery->jobs = job->next;
	if (job->next)
		job->next->previous = job->previous;
	if (job->ahead)
		delivery->n_ahead--;
	else
		delivery->busy[job->who]--;
	if (job->work)
		work_abandon(job->work);
	buf_wipe(&job->mail);
	free(job->mail.data);
	free(job);
}

void job_end(Job *job, const char *result, const char *detail, bool proven)
{
	Broker *broker = broker_of(job);

	delivery_tell_end(job->request, result, detail, proven);
	spool_done(broker->spool, STEAL(job->request));
	job_free(job);
	delivery_wake(broker->delivery);
}

void job_put_off(Job *job, int64_t due_ms, bool known, const char *why)
{
	Broker *broker = broker_of(job);
	Request *q = job->request;

	if (due_ms / 1000 >= q->expires) {
		broker->mark.counters.failed++;
		job_end(job, "expired", why, false);
		return;
	}
	spool_later(broker->spool, STEAL(job->request), due_ms, known);
	job_free(job);
	delivery_wake(broker->delivery);
}

/*
 * Doubling, and a quarter more or less, so that what failed together does not come back together.
 */
int64_t backoff_ms(const Request *q)
{
	int64_t most = q->requester || q->expires - q->created > 12 * 60 * 60 ? BACKOFF_MS
									      : BACKOFF_PERSON_MS;
	int64_t wait = BACKOFF_MIN_MS;
	uint16_t random = 0;

	for (unsigned i = 1; i < q->attempts && wait < most; i++)
		wait *= 2;
	if (wait > most)
		wait = most;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0x8000;
	return wait - wait / 4 + wait / 2 * random / 0x10000;
}

void job_retry(Job *job, Party party, bool known, const char *why, const char *remedy)
{
	int64_t now = mark_now_ms(&broker_of(job)->mark);

	delivery_tell_failure(job->delivery, job->request, party, why, remedy);
	delivery_trouble(job->delivery);
	job_put_off(job, now + backoff_ms(job->request), known, why);
}

static void relay_works(Job *job)
{
	delivery_success(job->delivery);
	delivery_tell_success(job->delivery, PARTY_RELAY);
}

/* How long the relay takes for a mail of staff's, the wait behind others not counted. */
static void relay_pace(Job *job)
{
	Delivery *delivery = job->delivery;
	uint64_t now = broker_now_us(broker_of(job));
	uint64_t begun =
		job->submitted > delivery->relay_free ? job->submitted : delivery->relay_free;

	if (job->who != SPOOL_STAFF)
		return;
	delivery->relay_pace_us = now > begun ? now - begun : 0;
	delivery->relay_free = now;
}

static void on_sent(int r, bool sent, const VarlinkReply *reply, void *userdata)
{
	Job *job = userdata;
	Broker *broker = broker_of(job);
	const char *status, *detail;

	job->work = NULL;
	relay_pace(job);
	if (r < 0 || reply->error) {
		/* An error says that the mailer did not take it; silence says nothing. */
		job_retry(job, PARTY_RELAY, r == 0 || !sent, r < 0 ? strerror(-r) : reply->error,
			  NULL);
		return;
	}
	status = json_get_string(reply->parameters, "status");
	detail = json_get_string(reply->parameters, "detail");
	reached_take(job->request, json_get(reply->parameters, "reached"));
	if (status && strcmp(status, "sent") == 0) {
		broker->mark.counters.sent++;
		relay_works(job);
		job_end(job, "sent", NULL, true);
	} else if (status && strcmp(status, "permanent") == 0) {
		broker->mark.counters.failed++;
		relay_works(job);
		job_end(job, "permanent", detail, true);
	} else {
		job_retry(job, PARTY_RELAY, status && strcmp(status, "temporary") == 0, detail,
			  json_get_string(reply->parameters, "remedy"));
	}
}

static void send_write(JsonWriter *w, unsigned left_ms UNUSED, void *userdata)
{
	const Job *job = userdata;

	buf_append(w->buf, job->mail.data, job->mail.len);
}

/* The mail is kept as the text of the call to come, and nowhere else. */
static int mail_keep(Job *job, const JsonNode *mail)
{
	char *memory = malloc(VARLINK_MESSAGE_MAX);
	JsonWriter w;

	if (!memory)
		return -ENOMEM;
	buf_init(&job->mail, memory, VARLINK_MESSAGE_MAX);
	w = JSON_WRITER(&job->mail);
	varlink_open_call(&w, "org.pwreset.Mailer.Send", false);
	json_put_node(&w, "mail", mail);
	reached_put(&w, job->request, mail);
	varlink_close(&w);
	return job->mail.overflow ? -EMSGSIZE : 0;
}

void job_send(Job *job, const JsonNode *mail)
{
	Broker *broker = broker_of(job);
	const WorkSpec spec = {
		.urgency = job_urgency(job),
		.timeout_us =
			((uint64_t)broker->config->mail.timeout * 1000 + MAILER_EXTRA_MS) * 1000,
		.write = send_write,
		.done = on_sent,
		.userdata = job,
	};
	int r = mail_keep(job, mail);

	job->submitted = broker_now_us(broker);
	if (r == 0)
		r = pool_submit(broker->mailer, &spec, &job->work);
	if (r < 0)
		job_retry(job, PARTY_RELAY, true, strerror(-r), NULL);
}

static void ready_take(Delivery *delivery)
{
	Job *job = delivery->ready;

	delivery->ready = job->ready_next;
	if (!delivery->ready)
		delivery->ready_end = &delivery->ready;
	job->ready_next = NULL;
}

bool job_begin(Job *job)
{
	Delivery *delivery = job->delivery;

	ready_take(delivery);
	job->ahead = false;
	delivery->n_ahead--;
	delivery->busy[job->who]++;
	/* It may have waited for long behind a relay that was down. */
	if (mark_now(&broker_of(job)->mark) < job->request->expires)
		return true;
	broker_of(job)->mark.counters.failed++;
	job_end(job, "expired", NULL, false);
	return false;
}

void job_give_back(Job *job)
{
	Broker *broker = broker_of(job);

	ready_take(job->delivery);
	job->request->attempts--;
	spool_later(broker->spool, STEAL(job->request), mark_now_ms(&broker->mark), true);
	job_free(job);
}

static void on_noted(SpoolWaiter *waiter, int r)
{
	Job *job = (Job *)(void *)((char *)waiter - offsetof(Job, waiter));
	Delivery *delivery = job->delivery;

	if (r < 0) {
		/* What is not noted is not sent. */
		job_put_off(job, mark_now_ms(&broker_of(job)->mark) + SPOOL_FULL_MS, true,
			    strerror(-r));
	} else if (!job->ahead) {
		job_mint(job);
	} else {
		*delivery->ready_end = job;
		delivery->ready_end = &job->ready_next;
		if (delivery->stopping)
			delivery_stop(delivery);
		else
			delivery_wake(delivery);
	}
}

void job_start(Delivery *delivery, Request *request, int64_t now_ms)
{
	Broker *broker = delivery->broker;
	Job *job = calloc(1, sizeof(*job));
	int r;

	if (!job) {
		spool_later(broker->spool, request, now_ms + SPOOL_FULL_MS, true);
		return;
	}
	*job = (Job){
		.delivery = delivery,
		.request = request,
		.who = request->requester ? SPOOL_STAFF : SPOOL_PERSONS,
		.ahead = request->requester != NULL,
		.waiter = { .done = on_noted },
		.next = delivery->jobs,
	};
	if (delivery->jobs)
		delivery->jobs->previous = job;
	delivery->jobs = job;
	if (job->ahead)
		delivery->n_ahead++;
	else
		delivery->busy[job->who]++;

	if (now_ms / 1000 >= request->expires) {
		broker->mark.counters.failed++;
		job_end(job, "expired", NULL, false);
		return;
	}
	if (request->unknown >= DELIVERY_UNKNOWN_MAX) {
		broker->mark.counters.failed++;
		job_end(job, "given-up", NULL, false);
		return;
	}
	r = spool_try(broker->spool, request, now_ms);
	if (r < 0)
		job_put_off(job, now_ms + SPOOL_FULL_MS, false, strerror(-r));
	else
		spool_wait(broker->spool, &job->waiter);
}
