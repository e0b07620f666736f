/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that the broker has: one event loop, one thread, and what lives in it. */
#pragma once

#include <systemd/sd-event.h>

#include "batch.h"
#include "config.h"
#include "delivery.h"
#include "identity.h"
#include "limit.h"
#include "listener.h"
#include "mark.h"
#include "peer.h"
#include "spool.h"
#include "worker.h"

struct Broker {
	sd_event *event;
	const char *root; /* "" or the folder that stands for / */
	Config *config;
	int state_fd; /* the state folder, locked */
	Mark mark;
	Limits *limits;
	Batch *batch;
	Spool *spool;
	Pool *directory;
	Pool *mailer;
	Delivery *delivery;
	Identities identities;
	IdentityQuery query;
	sd_event_source *query_io;
	uint64_t query_at; /* when names that were not found are looked up again, CLOCK_MONOTONIC */
	uint64_t query_wait; /* from the last time, us */
	Listener *listeners[SOCKETS];
	PeerList peers;
	sd_event_source *second; /* ticks while we live */
	sd_event_source *grace;  /* stopping */
	uint64_t busy_at;        /* when something was last in hand, CLOCK_MONOTONIC */
	uint64_t saved_at;       /* the limits */
	uint64_t limited_at;     /* the last line about somebody who asks too often */
	size_t waiting_told;     /* to systemd, in the status line */
	bool no_random;          /* told: see random_missing() */
	bool stopping;
};

typedef struct Broker Broker;

/* root: see --root. On failure everything has been said in the log. */
int broker_new(Broker **ret, const char *root);
Broker *broker_free(Broker *broker);
DEFINE_CLEANUP(Broker *, broker_free)

/*
 * Takes the passed sockets, tells systemd that it is ready and runs until there is nothing left to
 * do or SIGTERM.
 */
int broker_run(Broker *broker);

uint64_t broker_now_us(const Broker *broker); /* CLOCK_MONOTONIC, of this turn of the loop */
