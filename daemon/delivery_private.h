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
	Request *request; /* taken from the spool */
	SpoolWho who;     /* the request may be gone when the job ends */
	bool ahead;       /* its turn has not come */
	SpoolWaiter waiter;
	Work *work;
	Buf mail; /* the call to the mailer, secrets and all: own memory, wiped */
	struct Job *next, *previous;
	struct Job *ready_next;
} Job;

struct Delivery {
	Broker *broker;
	sd_event_source *timer;
	Job *jobs;
	Job *ready, **ready_end; /* noted, and waiting for their turn */
	unsigned n_ahead;        /* of the jobs, those and the ones that are being noted for them */
	unsigned busy[_SPOOL_WHO_MAX]; /* the others */
	unsigned troubles;   /* in a row */
	int64_t pause_until; /* milliseconds since the epoch */
	bool stopping;
	/* delivery_tell.c's */
	int64_t lines_full_at; /* microseconds since the epoch */
	unsigned n_silent;     /* failures of which no line was written */
	bool told[_PARTY_MAX]; /* that it fails */
};

/* Which addresses have the mail already: into the call, and out of the reply (delivery_reached.c). */
void reached_put(JsonWriter *w, Request *request, const JsonNode *mail);
void reached_take(Request *request, const JsonNode *reached);

/* The request is over. proven: the directory has said that the name is one. */
void delivery_tell_end(const Request *request, const char *result, const char *detail, bool proven);
/* why, remedy: NULL when nothing better is known than who it was. */
void delivery_tell_failure(Delivery *delivery, Request *request, Party party, const char *why, const char *remedy);
void delivery_tell_success(Delivery *delivery, Party party);

/* Notes the attempt. A person's goes on by itself, staff's waits for job_begin(). */
void job_start(Delivery *delivery, Request *request, int64_t now_ms);
/* Of the first that is ready: its turn has come, or will not come any more. */
void job_begin(Job *job);
void job_give_back(Job *job);
/* Without a word to the spool: what it was doing counts as an attempt of unknown outcome. */
void job_free(Job *job);

/* Directory or relay could not be reached; or one of them has done its work. */
void delivery_trouble(Delivery *delivery);
void delivery_success(Delivery *delivery);
