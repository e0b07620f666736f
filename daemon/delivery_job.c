/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A single delivery, step by step. */

#include <string.h>
#include <sys/random.h>

#include "broker.h"
#include "caller.h"
#include "delivery_private.h"
#include "secret.h"

#define MINT_MS 30000
#define MAILER_EXTRA_MS 5000
#define BACKOFF_MIN_MS 5000
#define BACKOFF_PERSON_MS (2 * 60 * 1000) /* at most, for one who waits at a prompt */
#define BACKOFF_MS (15 * 60 * 1000)       /* at most, for others */
#define SPOOL_FULL_MS 10000               /* until an attempt that could not be noted is tried again */
#define AFTER_MAX_S (24 * 60 * 60)        /* what a worker may ask us to wait */

static Broker *broker_of(const Job *job)
{
	return job->delivery->broker;
}

static Urgency job_urgency(const Job *job)
{
	return job->who == SPOOL_STAFF ? URGENCY_BULK : URGENCY_PERSON;
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

/* The request is over. */
static void job_end(Job *job, const char *result, const char *detail, bool proven)
{
	Broker *broker = broker_of(job);

	delivery_tell_end(job->request, result, detail, proven);
	spool_done(broker->spool, STEAL(job->request));
	job_free(job);
	delivery_wake(broker->delivery);
}

/* Later, if there is a later. known: nothing was sent. */
static void job_put_off(Job *job, int64_t due_ms, bool known, const char *why)
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

/* Doubling, and a quarter more or less, so that what failed together does not come back together. */
static int64_t backoff_ms(const Request *q)
{
	int64_t most = q->requester || q->expires - q->created > 12 * 60 * 60 ? BACKOFF_MS : BACKOFF_PERSON_MS;
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

static void job_retry(Job *job, Party party, bool known, const char *why, const char *remedy)
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

static void on_sent(int r, bool sent, const VarlinkReply *reply, void *userdata)
{
	Job *job = userdata;
	Broker *broker = broker_of(job);
	const char *status, *detail;

	job->work = NULL;
	if (r < 0 || reply->error) {
		/* An error says that the mailer did not take it; silence says nothing. */
		job_retry(job, PARTY_RELAY, r == 0 || !sent, r < 0 ? strerror(-r) : reply->error, NULL);
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

static void job_send(Job *job, const JsonNode *mail)
{
	Broker *broker = broker_of(job);
	const WorkSpec spec = {
		.urgency = job_urgency(job),
		.timeout_us = ((uint64_t)broker->config->mail.timeout * 1000 + MAILER_EXTRA_MS) * 1000,
		.write = send_write,
		.done = on_sent,
		.userdata = job,
	};
	int r = mail_keep(job, mail);

	if (r == 0)
		r = pool_submit(broker->mailer, &spec, &job->work);
	if (r < 0)
		job_retry(job, PARTY_RELAY, true, strerror(-r), NULL);
}

/* Reasons to ask Mint again. */
static bool skip_is_for_now(const char *skip)
{
	static const char *const later[] = { "back-off", "not-seen", "unsure" };

	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (strcmp(skip, later[i]) == 0)
			return true;
	return false;
}

static void mint_skipped(Job *job, const VarlinkReply *reply)
{
	Broker *broker = broker_of(job);
	const char *skip = json_get_string(reply->parameters, "skip");
	int64_t after = 0;

	delivery_success(job->delivery);
	if (!skip) {
		job_retry(job, PARTY_DIRECTORY, true, "no mail and no reason", NULL);
		return;
	}
	if (skip_is_for_now(skip) && json_get_integer(reply->parameters, "after", &after) && after > 0) {
		if (strcmp(skip, "not-seen") == 0)
			job->request->missed = true;
		if (after > AFTER_MAX_S)
			after = AFTER_MAX_S;
		job_put_off(job, mark_now_ms(&broker->mark) + after * 1000, true, skip);
		return;
	}
	/* Who has no account is not named; who has one but may not is, for IT. */
	job_end(job, skip, NULL, strcmp(skip, "no-such-user") != 0 && strcmp(skip, "not-done") != 0);
}

static void on_minted(int r, bool sent UNUSED, const VarlinkReply *reply, void *userdata)
{
	Job *job = userdata;
	const JsonNode *mail;

	job->work = NULL;
	/* Whatever became of it, no mail went out, and minting again replaces the token of the same id. */
	if (r < 0 || reply->error) {
		job_retry(job, PARTY_DIRECTORY, true, r < 0 ? strerror(-r) : reply->error, NULL);
		return;
	}
	delivery_tell_success(job->delivery, PARTY_DIRECTORY);
	mail = json_get(reply->parameters, "mail");
	if (mail && mail->type == JSON_OBJECT)
		job_send(job, mail);
	else
		mint_skipped(job, reply);
}

static void mint_write(JsonWriter *w, unsigned left_ms, void *userdata)
{
	const Job *job = userdata;

	varlink_open_call(w, "org.pwreset.Directory.Mint", false);
	json_open(w, "request", '{');
	request_write(w, job->request);
	json_close(w, '}');
	caller_write(w, &(const Caller){
		.uid = -1,
		.via = "broker",
		.now = mark_now(&broker_of(job)->mark),
		.deadline_ms = left_ms,
		.operation = job->request->id,
	});
	varlink_close(w);
}

static void job_mint(Job *job)
{
	Broker *broker = broker_of(job);
	const WorkSpec spec = {
		.urgency = job_urgency(job),
		.timeout_us = (uint64_t)MINT_MS * 1000,
		.write = mint_write,
		.done = on_minted,
		.userdata = job,
	};
	int r = pool_submit(broker->directory, &spec, &job->work);

	if (r < 0)
		job_retry(job, PARTY_DIRECTORY, true, strerror(-r), NULL);
}

static void ready_take(Delivery *delivery)
{
	Job *job = delivery->ready;

	delivery->ready = job->ready_next;
	if (!delivery->ready)
		delivery->ready_end = &delivery->ready;
	job->ready_next = NULL;
}

void job_begin(Job *job)
{
	Delivery *delivery = job->delivery;

	ready_take(delivery);
	job->ahead = false;
	delivery->n_ahead--;
	delivery->busy[job->who]++;
	/* It may have waited for long behind a relay that was down. */
	if (mark_now(&broker_of(job)->mark) >= job->request->expires) {
		broker_of(job)->mark.counters.failed++;
		job_end(job, "expired", NULL, false);
	} else {
		job_mint(job);
	}
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
		job_put_off(job, mark_now_ms(&broker_of(job)->mark) + SPOOL_FULL_MS, true, strerror(-r));
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
