/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers of the broker: their connections, what they send and what comes. */

#include <sys/socket.h>

#include "broker_peers.h"
#include "fuzz.h"

#define HALF_MAX (VARLINK_MESSAGE_MAX / 2)
/* with whoever does not read: ten seconds, and the time between two looks */
#define PATIENCE_US (12 * WORLD_SECOND)
#define SLOW_US (10 * WORLD_SECOND)
#define STILL_MAX_S 30

Player players[PEERS_MAX];
bool strays;
static bool stood_still;

static void expect_free(Expect *expect)
{
	free(expect->text);
	free(expect->reply);
	*expect = (Expect){ 0 };
}

static void player_clear(Player *player)
{
	if (player->fd >= 0)
		close(player->fd);
	for (unsigned i = 0; i < player->n; i++)
		expect_free(player->queue + i);
	free(player->half);
	free(player->in);
	*player = (Player){ .fd = -1 };
}

void players_open(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		players[i] = (Player){ .fd = -1 };
	expects_open();
	strays = false;
}

void players_cut(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		player_clear(players + i);
}

void players_close(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		player_leave(players + i);
}

Player *player_at(unsigned number)
{
	return players + number % PEERS_MAX;
}

static bool peer_is_gone(const Player *player)
{
	char c;

	return recv(player->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static bool is_welcome(Socket socket, const Who *who)
{
	switch (door_of(socket)) {
	case 'p':
		return who == world_people + WHO_ROOT;
	case 'w':
		return who == world_people + WHO_WEB;
	case 'r':
		return who == world_people + WHO_ROOT || who == world_people + WHO_RELAY;
	default:
		return true;
	}
}

void player_connect(Player *player, Socket socket, const Who *who, bool narrow)
{
	Room room;

	player_leave(player);
	/* Whose time was over has gone for no newcomer. */
	players_collect();
	*player = (Player){ .fd = -1, .socket = socket, .who = who };
	room = room_expect(player, NULL);
	player->fd = world_connect(socket, who, narrow);
	player->active = world_now();
	players_collect();
	if (player->fd < 0)
		return;
	assert(is_welcome(socket, who) || peer_is_gone(player));
	if (is_welcome(socket, who))
		room_check(&room, player, !peer_is_gone(player));
	if (peer_is_gone(player))
		player_clear(player);
}

/* ---- those who do not do as they should */

void player_turn_deaf(Player *player)
{
	if (player->fd < 0 || player->deaf)
		return;
	player->deaf = true;
	player->deaf_since = world_now();
	for (unsigned i = 0; i < player->n; i++)
		player->queue[i].begun = -1;
}

void player_turn_back(Player *player)
{
	if (!player->deaf)
		return;
	player->deaf = false;
	player->back = true;
	player->behind = player->n > 0;
	player->deaf_for = world_now() - player->deaf_since;
}

void player_hang_up(void)
{
	Player *player = players + world_interrupts() % PEERS_MAX;

	if (player->fd < 0)
		return;
	strays = true;
	close(player->fd);
	player->fd = -1;
	player->hung_up = true;
}

void players_settle(void)
{
	stood_still = false;
	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (players[i].hung_up)
			player_clear(players + i);
		answer_check_wait(players + i);
	}
}

bool players_stood_still(void)
{
	return stood_still;
}

void players_stand_still(void)
{
	stood_still = true;
	world_stall((1 + world_interrupts() % STILL_MAX_S) * WORLD_SECOND);
	for (size_t i = 0; i < PEERS_MAX; i++) {
		players[i].behind = players[i].behind || players[i].n > 0;
		for (unsigned j = 0; j < players[i].n; j++)
			players[i].queue[j].begun = -1;
	}
}

void player_leave(Player *player)
{
	if (player->fd < 0)
		return;
	strays = strays || player->n > 0 || player->half_len > 0;
	player_clear(player);
	world_run();
}

void player_send(Player *player, const char *bytes, size_t len)
{
	char *nul;
	ssize_t sent;

	if (player->fd < 0 || len == 0 || player->half_len + len > HALF_MAX)
		return;
	sent = send(player->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return; /* it has gone: players_collect() sees to it */
	assert((size_t)sent == len);
	player->half = realloc(player->half, player->half_len + len + 1);
	assert(player->half);
	memcpy(player->half + player->half_len, bytes, len);
	player->half_len += len;
	while (!player->ended && (nul = memchr(player->half, '\0', player->half_len))) {
		size_t n = (size_t)(nul - player->half);

		if (player->n == QUEUE_MAX) {
			/* More than is worth remembering: this one goes. */
			world_run();
			player_leave(player);
			return;
		}
		expect_message(player, player->half, n);
		player->half_len -= n + 1;
		memmove(player->half, nul + 1, player->half_len);
	}
}

/* ---- what comes */

static void head_pop(Player *player)
{
	expect_free(player->queue);
	player->n--;
	memmove(player->queue, player->queue + 1, player->n * sizeof(*player->queue));
	player->active = world_now();
	player->behind = player->behind && player->n > 0;
	if (player->n > 0 && !player->unclear && !player->behind)
		player->queue[0].begun = world_now();
}

static void message_take(Player *player, char *text, size_t len)
{
	static JsonNode nodes[VARLINK_NODES_MAX];
	Json json = { .nodes = nodes, .n_nodes_max = VARLINK_NODES_MAX };
	char *parameters;
	VarlinkReply reply;
	bool last;
	int r;

	r = json_parse(&json, text, len);
	assert(r == 0);
	r = varlink_reply_parse(&reply, nodes);
	assert(r == 0);
	while (player->n > 0 && player->queue[0].oneway)
		head_pop(player);
	assert(player->n > 0);
	parameters = json_text(reply.parameters, NULL);
	answer_check(player, player->queue, &reply, parameters);
	free(parameters);
	last = player->queue[0].last;
	head_pop(player);
	assert(!last || player->n == 0);
}

static void player_gone(Player *player)
{
	while (player->n > 0 && player->queue[0].oneway)
		head_pop(player);
	/*
	 * Only whoever has said nothing, too little or nonsense is dropped, or was told so; a host
	 * that is cut off, between two calls; and who does not read.
	 */
	assert(player->n == 0 || player->ended || player->cut ||
	       player->queue[0].verdict == VERDICT_DROP ||
	       (player->behind && player->deaf_for >= SLOW_US));
	player_clear(player);
}

static bool player_collect(Player *player)
{
	char bytes[4096], *nul;
	bool any = false;
	ssize_t n;

	if (player->deaf)
		return false;
	while ((n = recv(player->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		player->in = realloc(player->in, player->in_len + (size_t)n);
		assert(player->in);
		memcpy(player->in + player->in_len, bytes, (size_t)n);
		player->in_len += (size_t)n;
		any = true;
	}
	/* The other end had something unread. */
	if (n < 0 && errno == ECONNRESET)
		n = 0;
	while (player->in_len > 0 && (nul = memchr(player->in, '\0', player->in_len))) {
		size_t len = (size_t)(nul - player->in);
		char *text = fuzz_copy((const uint8_t *)player->in, len);

		player->in_len -= len + 1;
		memmove(player->in, nul + 1, player->in_len);
		message_take(player, text, len);
		free(text);
	}
	/*
	 * Nobody's answer is kept for him for ever: what had no room in the socket is gone by now,
	 * and he with it.
	 */
	if (player->back && !player->unclear && player->deaf_for >= PATIENCE_US && n != 0)
		assert(player->in_len == 0 &&
		       (player->n == 0 || player->queue[0].verdict == VERDICT_WORKER));
	player->back = false;
	if (n == 0)
		player_gone(player);
	return any;
}

bool players_collect(void)
{
	bool any = false;

	for (size_t i = 0; i < PEERS_MAX; i++)
		if (players[i].fd >= 0)
			any = player_collect(players + i) || any;
	return any;
}

Expect *players_find(unsigned serial)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		for (unsigned j = 0; j < players[i].n; j++)
			if (players[i].queue[j].serial == serial)
				return players[i].queue + j;
	return NULL;
}

bool players_wait(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		for (unsigned j = 0; j < players[i].n; j++)
			if (!players[i].queue[j].oneway)
				return true;
	return false;
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

Expect *players_match(const char *method, const char *parameters, const char *via, int64_t uid,
		      const char *roles, const char *host)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		Player *player = players + i;
		bool counts = player->socket == SOCKET_PAM || player->socket == SOCKET_CTL;
		Expect *head = player->queue;
		char own[5];

		/* A peer's calls are done one after the other; those before it want no answer. */
		for (unsigned j = 0; j < player->n; j++, head++) {
			if (head->verdict != VERDICT_WORKER || head->fate != FATE_WAITING ||
			    (head->charged && head->wait > 0) ||
			    (j > 0 && !player->queue[j - 1].oneway && !player->deaf &&
			     !player->behind))
				continue;
			roles_of(player->socket, player->who, own);
			if (same(head->rule->method, method) && same(head->text, parameters) &&
			    same(socket_name(player->socket), via) &&
			    uid == (counts ? (int64_t)player->who->uid : -1) && same(own, roles) &&
			    same(player->host, host))
				return head;
		}
	}
	return NULL;
}
