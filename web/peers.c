/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections that are open, and which of them are cut. */
#include <sys/socket.h>

#include "peers.h"

/* Only shut down: the descriptor is libmicrohttpd's, which sees the end of the stream and closes
 * it. */
static void peer_cut(Peer *peer)
{
	if (!peer->cut)
		(void)shutdown(peer->fd, SHUT_RDWR);
	peer->cut = true;
}

Peer *peers_add(Peers *peers, int fd, uint64_t now_ms)
{
	Peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	if (peers->n >= PEERS_MAX) {
		Peer *victim = peers->first;

		while (victim && (victim->received || victim->cut))
			victim = victim->next;
		if (victim)
			peer_cut(victim);
	}
	peer->fd = fd;
	peer->since_ms = now_ms;
	peer->previous = peers->last;
	if (peers->last)
		peers->last->next = peer;
	else
		peers->first = peer;
	peers->last = peer;
	peers->n++;
	return peer;
}

void peers_remove(Peers *peers, Peer *peer)
{
	if (!peer)
		return;
	*(peer->previous ? &peer->previous->next : &peers->first) = peer->next;
	*(peer->next ? &peer->next->previous : &peers->last) = peer->previous;
	peers->n--;
	free(peer);
}

void peers_sweep(Peers *peers, uint64_t now_ms)
{
	for (Peer *peer = peers->first; peer; peer = peer->next) {
		uint64_t age = now_ms - peer->since_ms;

		if (age < PEERS_RECEIVE_MS)
			break;
		if (!peer->received || age >= PEERS_TOTAL_MS)
			peer_cut(peer);
	}
}
