/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connections that are open, oldest first, so that slow ones are cut: a time-out that each byte
 * restarts lets a peer hold its place for hours. When all places are taken, the oldest that has not
 * yet sent a request goes.
 */
#pragma once

#include "macros.h"

#define PEERS_MAX 768          /* connections at a time */
#define PEERS_RECEIVE_MS 20000 /* from the connection to the end of the request */
#define PEERS_TOTAL_MS 90000   /* from the connection to the end of the answer */

typedef struct Peer Peer;

struct Peer {
	Peer *previous;
	Peer *next;
	int fd; /* the connection's; closed by whoever opened it */
	uint64_t since_ms;
	void *owner; /* the request on it, for whoever added it */
	bool received;
	bool cut;
};

typedef struct Peers {
	Peer *first;
	Peer *last;
	unsigned n;
} Peers;

/* Adds a connection, and cuts an older one when there are too many. NULL without memory. */
Peer *peers_add(Peers *peers, int fd, uint64_t now_ms);
void peers_remove(Peers *peers, Peer *peer);
/* Cuts those whose time is over. */
void peers_sweep(Peers *peers, uint64_t now_ms);
