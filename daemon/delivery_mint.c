/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the request to its mail: a call to a directory worker for each, and one for many links of
 * staff's, whose people the worker then looks up together.
 */

#include <string.h>

#include "broker.h"
#include "caller.h"
#include "delivery_private.h"

#define MINT_MS 30000
#define AFTER_MAX_S (24 * 60 * 60) /* what a worker may ask us to wait */

struct Mints {
	Delivery *delivery;
	Work *work;
	Mints *next, *previous;
	size_t n;
	Job *jobs[MINT_LINKS_MAX];
};

static Broker *broker_of(const Job *job)
{
	return job->delivery->broker;
}

/* Nobody but the broker itself stands behind it. */
static void broker_write(JsonWriter *w, Broker *broker, const Request *request, unsigned left_ms)
{
	caller_write(w, &(const Caller){
				.uid = -1,
				.via = "broker",
				.now = mark_now(&broker->mark),
				.deadline_ms = left_ms,
				.operation = request->id,
			});
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

static void job_skip(Job *job, const JsonNode *answer)
{
	Broker *broker = broker_of(job);
	const char *skip = json_get_string(answer, "skip");
	int64_t after = 0;

	delivery_success(job->delivery);
	if (!skip) {
		job_retry(job, PARTY_DIRECTORY, true, "no mail and no reason", NULL);
		return;
	}
	if (skip_is_for_now(skip) && json_get_integer(answer, "after", &after) && after > 0) {
		if (strcmp(skip, "not-seen") == 0)
			job->request->missed = true;
		if (after > AFTER_MAX_S)
			after = AFTER_MAX_S;
		job_put_off(job, mark_now_ms(&broker->mark) + after * 1000, true, skip);
		return;
	}
	/* Who has no account is not named; who has one but may not is, for IT. */
	job_end(job, skip, NULL,
		strcmp(skip, "no-such-user") != 0 && strcmp(skip, "not-done") != 0);
}

/* answer: of Mint, or one of MintLinks. */
static void job_minted(Job *job, const JsonNode *answer)
{
	const JsonNode *mail = json_get(answer, "mail");

	delivery_tell_success(job->delivery, PARTY_DIRECTORY);
	if (mail && mail->type == JSON_OBJECT)
		job_send(job, mail);
	else
		job_skip(job, answer);
}

static void on_minted(int r, bool sent UNUSED, const VarlinkReply *reply, void *userdata)
{
	Job *job = userdata;

	job->work = NULL;
	/*
	 * Whatever became of it, no mail went out, and minting again replaces the token of the same
	 * id.
	 */
	if (r < 0 || reply->error) {
		job_retry(job, PARTY_DIRECTORY, true, r < 0 ? strerror(-r) : reply->error, NULL);
		return;
	}
	job_minted(job, reply->parameters);
}

static void mint_write(JsonWriter *w, unsigned left_ms, void *userdata)
{
	const Job *job = userdata;

	varlink_open_call(w, "org.pwreset.Directory.Mint", false);
	json_open(w, "request", '{');
	request_write(w, job->request);
	json_close(w, '}');
	broker_write(w, broker_of(job), job->request, left_ms);
	varlink_close(w);
}

void job_mint(Job *job)
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

void mints_free(Mints *mints)
{
	Delivery *delivery = mints->delivery;

	if (mints->previous)
		mints->previous->next = mints->next;
	else
		delivery->mints = mints->next;
	if (mints->next)
		mints->next->previous = mints->previous;
	if (mints->work)
		work_abandon(mints->work);
	free(mints);
}

/*
 * The worker or the directory failed them all: that is one trouble, and next time each has a call
 * of its own.
 */
static void mints_fail(Mints *mints, const char *why)
{
	Delivery *delivery = mints->delivery;
	int64_t now = mark_now_ms(&delivery->broker->mark);

	delivery_trouble(delivery);
	for (size_t i = 0; i < mints->n; i++) {
		delivery_tell_failure(delivery, mints->jobs[i]->request, PARTY_DIRECTORY, why,
				      NULL);
		job_put_off(mints->jobs[i], now + backoff_ms(mints->jobs[i]->request), true, why);
	}
}

static void on_links(int r, bool sent UNUSED, const VarlinkReply *reply, void *userdata)
{
	const JsonNode *results =
		r == 0 && !reply->error ? json_get(reply->parameters, "results") : NULL;
	Mints *mints = userdata;
	size_t n = 0;

	mints->work = NULL;
	if (results && results->type == JSON_ARRAY) {
		JSON_FOREACH(result, results)
			if (n < mints->n)
				job_minted(mints->jobs[n++], result);
		while (n < mints->n)
			job_mint(mints->jobs[n++]);
	} else {
		mints_fail(mints, r < 0          ? strerror(-r)
				  : reply->error ? reply->error
						 : "no results");
	}
	mints_free(mints);
}

static void links_write(JsonWriter *w, unsigned left_ms, void *userdata)
{
	const Mints *mints = userdata;

	varlink_open_call(w, "org.pwreset.Directory.MintLinks", false);
	json_open(w, "requests", '[');
	for (size_t i = 0; i < mints->n; i++) {
		json_open(w, NULL, '{');
		request_write(w, mints->jobs[i]->request);
		json_close(w, '}');
	}
	json_close(w, ']');
	broker_write(w, mints->delivery->broker, mints->jobs[0]->request, left_ms);
	varlink_close(w);
}

/* A request that was tried before may be what the call failed of. */
static bool goes_with_others(const Job *job)
{
	const Request *q = job->request;

	return q->kind == REQUEST_LINK && q->requester && q->user && !q->ticket && q->attempts <= 1;
}

static int links_mint(Job *const jobs[], size_t n)
{
	Delivery *delivery = jobs[0]->delivery;
	Mints *mints = calloc(1, sizeof(*mints));
	const WorkSpec spec = {
		.urgency = URGENCY_BULK,
		.timeout_us = (uint64_t)MINT_MS * 1000,
		.write = links_write,
		.done = on_links,
		.userdata = mints,
	};
	int r;

	if (!mints)
		return -ENOMEM;
	*mints = (Mints){ .delivery = delivery, .next = delivery->mints, .n = n };
	memcpy(mints->jobs, jobs, n * sizeof(Job *));
	if (delivery->mints)
		delivery->mints->previous = mints;
	delivery->mints = mints;
	r = pool_submit(delivery->broker->directory, &spec, &mints->work);
	if (r < 0)
		mints_free(mints);
	return r;
}

void jobs_mint(Job *const jobs[], size_t n)
{
	Job *together[MINT_LINKS_MAX];
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (goes_with_others(jobs[i]))
			together[m++] = jobs[i];
		else
			job_mint(jobs[i]);
	if (m > 1 && links_mint(together, m) == 0)
		return;
	for (size_t i = 0; i < m; i++)
		job_mint(together[i]);
}
