/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Somebody on the other end of a connection: who it is by SO_PEERCRED, and one call at a time. The
 * next call is not even read before the last answer has gone, so that a peer can queue nothing.
 */
#pragma once

#include <systemd/sd-event.h>

#include "methods.h"
#include "varlink.h"

typedef struct Broker Broker;
typedef struct Peer Peer;

struct Peer {
	Broker *broker;
	Socket socket;
	uid_t uid;
	gid_t gid;
	char *host; /* relay: said by Hello; NULL before */
	VarlinkStream *stream;
	sd_event_source *io;
	sd_event_source *again; /* there may be a further message in the stream */
	Call *call;             /* in hand, or NULL */
	bool gone;              /* has hung up while the call goes on */
	bool last;              /* the connection ends with this answer */
	bool part;              /* the answer in the stream is not the call's last */
	uint64_t active_us;     /* last progress, CLOCK_MONOTONIC */
	uint64_t half_us;       /* since when a message is incomplete; 0: none is */
	Peer *next, *previous;
};

typedef struct PeerList {
	Peer *first;
	unsigned n;
	unsigned n_socket[SOCKETS]; /* by bit number of Socket */
} PeerList;

/* Takes fd in any case. -EPERM: not let in; -EMFILE: too many already. */
int peer_new(Broker *broker, Socket socket, int passed);
Peer *peer_free(Peer *peer); /* with the call in hand */

/*
 * relay: from now on it speaks for that host, of which so many may be here as of one uid elsewhere;
 * the longest silent of them makes room. -EMFILE: none can; -ENOMEM.
 */
int peer_set_host(Peer *peer, const char *host);
unsigned peers_count_host(const Broker *broker, const char *host);
/* The host's connections end, each with the answer that it waits for. */
void peers_cut_host(Broker *broker, const char *host);

/* By the call that has ended: the answer is in the stream. */
void peer_call_done(Peer *peer);
/* The same for an answer to a part: bulk_go_on() follows when the peer has taken it. */
void peer_part(Peer *peer);

/* Drops those that are slow, silent or half said. */
void peers_sweep(Broker *broker);
/* Drops those that have no call in hand. */
void peers_drop_idle(Broker *broker);
