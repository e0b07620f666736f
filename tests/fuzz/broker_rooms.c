/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has to make room: a newcomer takes the place of the longest silent of his like, and nobody
 * else's.
 */

#include "broker_peers.h"
#include "fuzz.h"

#define ALL 16    /* [limits] clients= */
#define EACH 3    /* clients-per-uid= */
#define QUARTER 5 /* of all, and one: what any door but the prompt's may have */
#define SPARE 2 /* from which on all places together are looked at, which is not said again here */

/* Calls go on whose peers have gone, so only the broker knows how many there are. */
static unsigned here_count(Socket socket, const uid_t *uid)
{
	unsigned n = 0;

	for (const Peer *peer = world_broker()->peers.first; peer; peer = peer->next)
		n += peer->socket == socket && (!uid || peer->uid == *uid);
	return n;
}

static void victim_add(Room *room, Player *player)
{
	/* What it is about cannot be seen from here. */
	if (player->unclear || player->deaf || player->behind)
		room->sure = false;
	if (player->n > 0)
		return;
	if (room->n > 0 && player->active > room->victims[0]->active)
		return;
	if (room->n > 0 && player->active < room->victims[0]->active)
		room->n = 0;
	room->victims[room->n++] = player;
}

Room room_expect(const Player *newcomer, const char *host)
{
	Room room = { .sure = true, .interrupts = world_interrupts() };
	char door = door_of(newcomer->socket);
	bool by_uid = (door == 'c' || door == 'w') &&
		      here_count(newcomer->socket, &newcomer->who->uid) >= EACH;
	bool wanted = by_uid || (door != 'p' && here_count(newcomer->socket, NULL) >= QUARTER);

	if (host)
		wanted = peers_count_host(world_broker(), host) >= EACH;
	for (size_t i = 0; i < PEERS_MAX; i++) {
		Player *player = players + i;

		room.open[i] = player->fd;
		if (player->fd < 0 || player == newcomer || !wanted ||
		    player->socket != newcomer->socket)
			continue;
		if (host ? strcasecmp(player->host, host) == 0
			 : !by_uid || player->who == newcomer->who)
			victim_add(&room, player);
	}
	room.full = wanted && room.n == 0;
	if (world_broker()->peers.n + SPARE >= ALL)
		room.sure = false;
	return room;
}

void room_check(const Room *room, const Player *newcomer, bool taken)
{
	unsigned gone = 0, right = 0;

	if (!room->sure || room->interrupts != world_interrupts())
		return;
	assert(taken != room->full);
	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (room->open[i] < 0 || players[i].fd >= 0 || players + i == newcomer)
			continue;
		gone++;
		for (unsigned j = 0; j < room->n; j++)
			right += room->victims[j] == players + i;
	}
	assert(right == (room->n > 0) && gone == right);
}
