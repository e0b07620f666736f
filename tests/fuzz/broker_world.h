/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A world for one broker in this process, in which the same bytes always lead to the same end: a
 * clock that moves when it is told to, random numbers by a seed, peers whose ids are what the world
 * says, workers' sockets on which the fuzz target listens, and a state folder that can be put back
 * to what a kill -9 leaves.
 */
#pragma once

#include "broker.h"

#define WORLD_SECOND INT64_C(1000000)
#define WORLD_GROUPS_MAX 2
#define WORLD_CANARY "CANARY"      /* in every secret … */
#define WORLD_CANARY_64 "Q0FOQVJZ" /* … and in its base64 */

typedef struct Who {
	uid_t uid;
	gid_t gid;
	gid_t groups[WORLD_GROUPS_MAX]; /* 0: none */
} Who;

enum {
	WHO_ROOT,
	WHO_WEB,
	WHO_RELAY,
	WHO_HELPDESK,
	WHO_ADMINISTRATOR,
	WHO_OWNER,
	WHO_NOBODY,
	WHO_BOTH,
	WHO_N
};
extern const Who world_people[WHO_N];

/* What the model is told by the broker, which calls it in the order in which it does things. */
typedef struct WorldHooks {
	void (*charged)(const LimitSubject *subject, unsigned cost, int64_t now, unsigned wait);
	void (*fined)(const LimitSubject *subject, unsigned cost, int64_t now);
	void (*host_wrong)(const char *host, unsigned cost, int64_t now, bool cut);
	void (*host_set)(const char *host, unsigned seconds, int64_t now);
	void (*host_asked)(const char *host, int64_t now, unsigned wait);
	void (*loaded)(const LimitRates *rates); /* the limits, from what was saved last */
	void (*saved)(void);
} WorldHooks;

void world_open(uint64_t seed, const WorldHooks *hooks);
void world_close(void); /* fails when a descriptor is left */

Broker *world_broker(void);
int64_t world_now(void); /* microseconds */

/*
 * Lets the broker work until it waits for something. It may have left, being idle: it is started
 * again then, as systemd would.
 */
void world_run(void);
/*
 * Moves the clock in steps no longer than step, running the broker and then calling after() in
 * each.
 */
void world_advance(int64_t us, int64_t step, void (*after)(void));

/* A new broker on what is on the disk at this moment. The old one is asked to go, or killed. */
void world_restart(bool killed);
void world_reload(void);
unsigned world_restarts(void);

/* Calls function once, inside the broker, when it looks at the clock for the n-th time from now. */
void world_interrupt(unsigned n, void (*function)(void));
unsigned world_interrupts(void); /* that have been */
/* The broker gets no further for so long: only for who is called by world_interrupt(). */
void world_stall(int64_t us);

/* Non-blocking. narrow: what the broker sends stays with it until a little of it has been read. */
int world_connect(Socket socket, const Who *who, bool narrow);
int world_accept(bool mailer); /* a connection to a worker, or -1 */
