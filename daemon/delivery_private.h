/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the queue of deliveries and a single one. */
#pragma once

#include <systemd/sd-event.h>

#include "delivery.h"
#include "spool.h"
#include "worker.h"

/* Who must do their part before a mail has left. */
typedef enum Party { PARTY_DIRECTORY, PARTY_RELAY, _PARTY_MAX } Party;

typedef struct Job {
	Delivery *delivery;
	Request *request;   /* taken from the spool */
	SpoolWho who;       /* the request may be gone when the job ends */
	bool ahead;         /* its turn has not come */
	uint64_t submitted; /* to the mailer; CLOCK_MONOTONIC, microseconds */
	SpoolWaiter waiter;
	Work *work;
	Buf mail; /* the call to the mailer, secrets and all: own memory, wiped */
	struct Job *next, *previous;
	struct Job *ready_next;
} Job;

/* One call for the links of several jobs of staff's (delivery_mint.c). */
typedef struct Mints Mints;

struct Delivery {
	Broker *broker;
	Mints *mints;
	uint64_t relay_pace_us; /* the last mail of staff's took so long; 0 before the first */
	uint64_t relay_free;    /* since then, CLOCK_MONOTONIC */
	sd_event_source *timer;
	Job *jobs;
	Job *ready, **ready_end; /* noted, and waiting for their turn */
	unsigned n_ahead;        /* of the jobs, those and the ones that are being noted for them */
	unsigned busy[_SPOOL_WHO_MAX]; /* the others */
	unsigned troubles;             /* in a row */
	int64_t pause_until;           /* milliseconds since the epoch */
	bool stopping;
	/* delivery_tell.c's */
	int64_t lines_full_at; /* microseconds since the epoch */
	unsigned n_silent;     /* failures of which no line was written */
	bool told[_PARTY_MAX]; /* that it fails */
};

/*
 * Which addresses have the mail already: into the call, and out of the reply (delivery_reached.c).
 */
void reached_put(JsonWriter *w, Request *request, const JsonNode *mail);
void reached_take(Request *request, const JsonNode *reached);

/* The request is over. proven: the directory has said that the name is one. */
void delivery_tell_end(const Request *request, const char *result, const char *detail, bool proven);
/* why, remedy: NULL when nothing better is known than who it was. */
void delivery_tell_failure(Delivery *delivery, Request *request, Party party, const char *why,
			   const char *remedy);
void delivery_tell_success(Delivery *delivery, Party party);

/* Notes the attempt. A person's goes on by itself, staff's waits for job_begin(). */
void job_start(Delivery *delivery, Request *request, int64_t now_ms);
/*
 * Of the first that is ready: its turn has come (false: it is over already), or will not come any
 * more.
 */
bool job_begin(Job *job);
void job_give_back(Job *job);
/* The request is over. */
void job_end(Job *job, const char *result, const char *detail, bool proven);
/* Later, if there is a later. known: nothing was sent. */
void job_put_off(Job *job, int64_t due_ms, bool known, const char *why);
int64_t backoff_ms(const Request *q);
void job_retry(Job *job, Party party, bool known, const char *why, const char *remedy);
Urgency job_urgency(const Job *job);
/* To the mailer. */
void job_send(Job *job, const JsonNode *mail);

/*
 * A mail for each of the jobs, whose turn has come: one call for as many as can go together. n: up
 * to MINT_LINKS_MAX.
 */
#define MINT_LINKS_MAX 16U
void jobs_mint(Job *const jobs[], size_t n);
void job_mint(Job *job);
/* Forgets a call that is under way: its jobs have gone. */
void mints_free(Mints *mints);
/* Without a word to the spool: what it was doing counts as an attempt of unknown outcome. */
void job_free(Job *job);

/* Directory or relay could not be reached; or one of them has done its work. */
void delivery_trouble(Delivery *delivery);
void delivery_success(Delivery *delivery);
