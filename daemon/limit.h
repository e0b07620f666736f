/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often somebody may ask: token buckets for the source of a call, for the name that it is
 * about, for both together, and for all calls. In a table of fixed size, kept over exits in the
 * file "limits"; in it are keyed hashes only, never a name or an address.
 *
 * The source is asked first and is charged even for what another bucket refuses. A name's bucket
 * can be drawn upon by one source for half of it at most, so that a stranger alone cannot keep a
 * person from recovering.
 *
 * A host of the fleet has a record as well, which holds an hour's wrong guesses; one more, and the
 * host is cut off.
 */
#pragma once

#include "macros.h"

#define LIMIT_CALL 10U /* the price of one ordinary call, in the units of cost */

typedef struct LimitRates { /* calls a minute; as many again may come at once */
	unsigned per_source;
	unsigned per_name;
	unsigned total;
	unsigned host_guesses; /* an hour: wrong guesses of one host of the fleet */
} LimitRates;

typedef struct LimitSubject {
	const char *source; /* NULL: not limited by source */
	const char *name;   /* NULL: the call is about nobody */
	unsigned weight;    /* how many ordinary sources stand behind this one; 0 counts as 1 */
} LimitSubject;

typedef struct Limits Limits;

/*
 * dir_fd: the state folder, borrowed; it must outlive the Limits. A missing or damaged file starts
 * with full buckets.
 */
int limits_new(Limits **ret, int dir_fd, const LimitRates *rates);
Limits *limits_free(Limits *limits); /* does not save */
DEFINE_CLEANUP(Limits *, limits_free)
void limits_set_rates(Limits *limits, const LimitRates *rates);

/*
 * now: microseconds since the epoch, never running back. 0: go on; else the seconds after which to
 * try again.
 */
unsigned limits_charge(Limits *limits, const LimitSubject *subject, unsigned cost, int64_t now);
/*
 * What a failed guess costs its source in addition. It may go into debt, for a further minute's
 * worth at most.
 */
void limits_fine(Limits *limits, const LimitSubject *subject, unsigned cost, int64_t now);

/* A wrong guess by a host of the fleet. True: it is cut off by this one. */
bool limits_host_wrong(Limits *limits, const char *host, unsigned cost, int64_t now);
/* Seconds for which the host is cut off still; 0: it is not. */
unsigned limits_host_cut(Limits *limits, const char *host, int64_t now);
/* The guesses that stand in its record, which fades in an hour. */
unsigned limits_host_guesses(Limits *limits, const char *host, int64_t now);
/* Cuts it off for that long, whatever its record; 0 lifts that and forgets the record. */
void limits_host_set(Limits *limits, const char *host, unsigned seconds, int64_t now);

/* Writes the buckets that are not full: 0 or negative errno (the old file stays). */
int limits_save(Limits *limits, int64_t now);
