/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers of the broker: what they send, what must come back and when. */

#include <sys/socket.h>

#include "broker_play.h"
#include "fuzz.h"
#include "service.h"

#define SLOT_US INT64_C(200000) /* [recovery] answer-slot= */
#define HALF_MAX (VARLINK_MESSAGE_MAX / 2)
#define SPOOL_FULL 80 /* requests from which on a spool of 100 may refuse a call that wants several */
#define UNAVAILABLE "org.pwreset.Failure.Unavailable"
#define TRY_LATER "org.pwreset.Failure.TryLater"

static Player players[PEERS_MAX];
static unsigned serials;
static bool strays; /* somebody has left with calls that nobody remembers */

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
	serials = 0;
	strays = false;
}

void players_cut(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		Player *player = players + i;

		/* What was in hand may or may not be on the disk. */
		for (unsigned j = 0; j < player->n; j++)
			if (player->queue[j].verdict == VERDICT_SPOOL)
				promise(player->queue[j].kind, player->queue[j].user, 0, 1);
		player_clear(player);
	}
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

void player_connect(Player *player, Socket socket, const Who *who)
{
	player_leave(player);
	*player = (Player){ .fd = world_connect(socket, who), .socket = socket, .who = who };
	players_collect();
	if (player->fd < 0)
		return;
	assert(is_welcome(socket, who) || peer_is_gone(player));
	if (peer_is_gone(player))
		player_clear(player);
}

void player_leave(Player *player)
{
	if (player->fd < 0)
		return;
	strays = strays || player->n > 0 || player->half_len > 0;
	for (unsigned i = 0; i < player->n; i++)
		if (player->queue[i].verdict == VERDICT_SPOOL)
			promise(player->queue[i].kind, player->queue[i].user, 0, 1);
	player_clear(player);
	world_run();
}

/* ---- what is to be expected */

static void subject_of_peer(const Player *player, Expect *expect)
{
	switch (door_of(player->socket)) {
	case 'p':
		strcpy(expect->source, "pam");
		break;
	case 'w':
		strcpy(expect->source, "web");
		break;
	case 'r':
		snprintf(expect->source, sizeof(expect->source), "host=%s", player->host);
		break;
	default:
		snprintf(expect->source, sizeof(expect->source), "uid=%u", player->who->uid);
	}
}

/* The person's address counts where the peer's word is good for it. */
static void subject_of_call(const Player *player, const Parameters *p, Expect *expect)
{
	char ticket[TICKET_TEXT_MAX + 1] = "";
	const char *opened = p->link ? p->link : p->ticket, *name;
	char door = door_of(player->socket);

	subject_of_peer(player, expect);
	if (door == 'p' || door == 'w') {
		bool address = p->origin.address && *p->origin.address;

		if (address && strcmp(p->origin.address, "unknown") != 0)
			snprintf(expect->source, sizeof(expect->source), "%s", p->origin.address);
		else if (!address && p->origin.terminal && *p->origin.terminal)
			snprintf(expect->source, sizeof(expect->source), "tty=%s", p->origin.terminal);
		else
			expect->crowd = true;
	} else if (door == 'r' && *player->host == '\0' && p->host) {
		snprintf(expect->source, sizeof(expect->source), "host=%s", p->host);
	}
	if (opened && ticket_public(opened, ticket, sizeof(ticket)) < 0)
		ticket[0] = '\0';
	name = p->user ? p->user : p->address ? p->address : ticket;
	snprintf(expect->name, sizeof(expect->name), "%s", name);
}

static void expect_denied(Player *player, Expect *expect)
{
	expect->verdict = VERDICT_ERROR;
	expect->error = VARLINK_E_PERMISSION_DENIED;
	expect->cost = LIMIT_CALL;
	subject_of_peer(player, expect);
	expect->last = player->ended = player->socket == SOCKET_RELAY;
}

/* To people at the host itself a check is free; to a host of the fleet nothing is, and asking for names least of all. */
static unsigned cost_of(const Player *player, const Rule *rule)
{
	if (strcmp(rule->method, "org.pwreset.Password.Check") == 0 && player->socket == SOCKET_CTL)
		return 0;
	if (player->socket == SOCKET_RELAY && strcmp(rule->method, "org.pwreset.Password.Exists") == 0)
		return LIMIT_CALL;
	return player->socket == SOCKET_RELAY && rule->cost == 0 ? 1 : rule->cost;
}

static void expect_permitted(Player *player, const VarlinkCall *call, Expect *expect)
{
	const Rule *rule = expect->rule;
	const Method *method = method_find(rule->method);
	Parameters p;
	const char *bad;

	expect->verdict = VERDICT_ERROR;
	expect->error = VARLINK_E_INVALID_PARAMETER;
	if (parameters_take(&p, call->parameters, method->fields, &bad) != 0)
		return;
	subject_of_call(player, &p, expect);
	if (player->socket == SOCKET_CTL && p.origin_object)
		return;
	expect->cost = cost_of(player, rule);
	expect->text = json_text(call->parameters, NULL);
	snprintf(expect->user, sizeof(expect->user), "%s", p.user ? p.user : p.address ? p.address : "");
	expect->batch = p.batch != NULL;
	expect->error = NULL;
	if (rule->route == 'b') {
		expect->verdict = VERDICT_ANSWER;
		if (p.interface && !service_has_interface(p.interface)) {
			expect->verdict = VERDICT_ERROR;
			expect->error = VARLINK_E_INTERFACE_NOT_FOUND;
		}
		if (p.host && player->socket == SOCKET_RELAY) {
			player->hello = true;
			snprintf(player->host, sizeof(player->host), "%s", p.host);
		}
	} else if (rule->route == 's') {
		expect->verdict = VERDICT_SPOOL;
		expect->kind = request_kind_parse(rule->after);
	} else if ((method->flags & METHOD_NOTICE_USER) && !p.user) {
		/* The notice needs a name. What was held back until then is not let go of sooner. */
		expect->verdict = VERDICT_ERROR;
		expect->error = VARLINK_E_INVALID_PARAMETER;
	} else {
		expect->verdict = VERDICT_WORKER;
		/* A generated password that is mailed is made when it is mailed. */
		if (*rule->after && (strcmp(rule->after, "temporary") != 0 || p.mail))
			expect->kind = request_kind_parse(rule->after);
	}
}

static void expect_message(Player *player, char *text, size_t len)
{
	Expect *expect = player->queue + player->n;
	size_t n = len / 2 + JSON_DEPTH_MAX < VARLINK_NODES_MAX ? len / 2 + JSON_DEPTH_MAX : VARLINK_NODES_MAX;
	Json json = { .nodes = calloc(n, sizeof(JsonNode)), .n_nodes_max = n };
	VarlinkCall call;

	assert(json.nodes && player->n < QUEUE_MAX);
	*expect = (Expect){ .verdict = VERDICT_DROP, .serial = ++serials, .begun = player->n == 0 && !player->unclear ? world_now() : -1 };
	player->n++;
	if (json_parse(&json, text, len) != 0 || varlink_call_parse(&call, json.nodes) < 0) {
		player->ended = true;
	} else {
		expect->oneway = call.oneway;
		player->unclear = player->unclear || call.oneway;
		expect->rule = rule_find(call.method);
		if (!expect->rule) {
			expect->verdict = VERDICT_ERROR; /* MethodNotFound or InterfaceNotFound */
		} else if (!rule_allows(expect->rule, player->socket, player->who, player->hello)) {
			expect_denied(player, expect);
		} else {
			expect_permitted(player, &call, expect);
		}
		/* Nobody is told what became of it. */
		if (expect->oneway && expect->verdict == VERDICT_SPOOL)
			promise(expect->kind, expect->user, 0, 1);
	}
	free(json.nodes);
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

enum { FIRST_IN_LINE, BEHIND_WHAT_IS_ANSWERED_AT_ONCE, ANYWHERE, PLACES };

static Expect *expect_charged(Player *player, const LimitSubject *subject, unsigned cost, unsigned place)
{
	for (unsigned i = 0; i < player->n; i++) {
		Expect *expect = player->queue + i;
		const Expect *before = i > 0 ? expect - 1 : NULL;

		if (before && (place == FIRST_IN_LINE || (place == BEHIND_WHAT_IS_ANSWERED_AT_ONCE &&
							  before->verdict == VERDICT_WORKER && before->wait == 0)))
			return NULL;

		if (expect->cost == 0 || expect->charged)
			continue;
		if (expect->cost == cost && strcmp(expect->source, subject->source) == 0 &&
		    strcmp(expect->name, subject->name ? subject->name : "") == 0)
			return expect;
		return NULL;
	}
	return NULL;
}

/* There must be somebody who has made this call. */
void players_charged(const LimitSubject *subject, unsigned cost, int64_t now, unsigned wait)
{
	Expect *expect = NULL;

	shares_charged(subject, cost, now, wait);
	if (cost == 0)
		return;
	/* What waits behind another call comes later, unless that one has been answered in this very moment. */
	for (unsigned place = 0; place < PLACES; place++)
		for (size_t i = 0; i < PEERS_MAX && !expect; i++)
			if (players[i].fd >= 0)
				expect = expect_charged(players + i, subject, cost, place);
	assert(expect || strays);
	if (!expect)
		return;
	expect->charged = true;
	expect->wait = wait;
}

void players_fined(const LimitSubject *subject, unsigned cost, int64_t now)
{
	shares_fined(subject, cost, now);
	for (size_t i = 0; i < PEERS_MAX; i++)
		for (unsigned j = 0; j < players[i].n; j++) {
			Expect *expect = players[i].queue + j;

			if (expect->verdict == VERDICT_WORKER && expect->charged && !expect->fined && expect->rule->fine == cost &&
			    strcmp(expect->source, subject->source) == 0) {
				expect->fined = true;
				return;
			}
		}
}

/* A wrong guess costs more, but not where a few would pay for all. */
static void check_fine(const Expect *expect, const char *error)
{
	bool wrong = strstr(error, ".Refused") || strstr(error, "WrongPassword") || strstr(error, "LinkDead");

	if (wrong && expect->rule->fine > 0 && !expect->crowd)
		assert(expect->fined);
}

static void check_time(const Player *player, const Expect *expect, bool held)
{
	int64_t now = world_now(), passed = now - expect->begun;

	if (expect->begun < 0)
		return;
	if (!held) {
		assert(passed == 0 || expect->verdict == VERDICT_WORKER);
		return;
	}
	assert(rule_holds(expect->rule, player->socket));
	/* Never before the end of the slot in which the answer was known. */
	if (expect->rule->slot == 'r' && expect->answered > expect->begun)
		assert(passed >= ((expect->answered - expect->begun) / SLOT_US + 1) * SLOT_US);
	else
		assert(passed >= SLOT_US);
}

static bool spool_is_full(void)
{
	return spool_count(world_broker()->spool) >= SPOOL_FULL;
}

static void check_worker_reply(const Expect *expect, const VarlinkReply *reply, const char *text)
{
	const Rule *rule = expect->rule;
	bool in_time = rule->slot != 'f' || expect->answered - expect->begun <= SLOT_US;

	if (!reply->error) {
		/* Success is what a worker has said, and never anything else. */
		assert(expect->fate == FATE_DONE);
		assert(strcmp(rule->method, "org.pwreset.Admin.RemindExpiry") == 0 || strcmp(text, expect->reply) == 0);
		for (unsigned i = 0; i < expect->n_promised; i++)
			promise(expect->kind, expect->promised[i], !expect->batch, 0);
		return;
	}
	check_fine(expect, reply->error);
	if (rule->late && strcmp(reply->error, rule->late) == 0 && world_now() - expect->begun >= SLOT_US)
		return;
	switch (expect->fate) {
	case FATE_DONE:
		/* What could not be spooled afterwards was not promised. */
		assert(strcmp(reply->error, UNAVAILABLE) == 0 && *rule->after);
		break;
	case FATE_REFUSED:
	case FATE_LOST:
		if (*expect->reply_error)
			assert(strcmp(reply->error, expect->reply_error) == 0 || !in_time);
		else
			assert(strcmp(reply->error, rule->lost) == 0);
		break;
	case FATE_WAITING:
		assert(strcmp(reply->error, UNAVAILABLE) == 0);
		break;
	case FATE_GIVEN:
		assert(strcmp(reply->error, rule->lost) == 0 || strcmp(reply->error, UNAVAILABLE) == 0);
		break;
	}
}

/* Of two who asked the same in the same moment nobody can say which was charged first. */
static void twins_settle(Expect *expect, bool later)
{
	if (!expect->charged || later == (expect->wait > 0))
		return;
	for (size_t i = 0; i < PEERS_MAX; i++)
		for (unsigned j = 0; j < players[i].n; j++) {
			Expect *twin = players[i].queue + j;
			unsigned wait = twin->wait;

			if (twin->charged && twin->cost == expect->cost && later == (wait > 0) &&
			    strcmp(twin->source, expect->source) == 0 && strcmp(twin->name, expect->name) == 0) {
				twin->wait = expect->wait;
				expect->wait = wait;
				return;
			}
		}
}

static void check_reply(Player *player, Expect *expect, const VarlinkReply *reply, const char *text)
{
	bool later = reply->error && strcmp(reply->error, TRY_LATER) == 0;

	assert(!reply->continues);
	assert(expect->cost == 0 || expect->charged);
	/* Of hosts that were cut off or are too many no more is heard. */
	if (later && expect->rule && strcmp(expect->rule->method, "org.pwreset.Relay.Hello") == 0) {
		player->ended = true;
		return;
	}
	twins_settle(expect, later);
	if (expect->charged && expect->wait > 0) {
		assert(later && (expect->begun < 0 || expect->begun == world_now()));
		return;
	}
	switch (expect->verdict) {
	case VERDICT_DROP:
		abort();
	case VERDICT_ERROR:
		assert(reply->error);
		if (expect->error)
			assert(strcmp(reply->error, expect->error) == 0);
		else
			assert(strstr(reply->error, "NotFound"));
		break;
	case VERDICT_ANSWER:
		assert(!reply->error);
		check_time(player, expect, false);
		break;
	case VERDICT_SPOOL:
		assert(!reply->error || (strcmp(reply->error, UNAVAILABLE) == 0 && spool_is_full()));
		check_time(player, expect, false);
		if (!reply->error)
			promise(expect->kind, expect->user, 1, 1);
		break;
	case VERDICT_WORKER:
		check_worker_reply(expect, reply, text);
		check_time(player, expect, rule_holds(expect->rule, player->socket));
		break;
	}
}

static void head_pop(Player *player)
{
	expect_free(player->queue);
	player->n--;
	memmove(player->queue, player->queue + 1, player->n * sizeof(*player->queue));
	if (player->n > 0 && !player->unclear)
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
	check_reply(player, player->queue, &reply, parameters);
	free(parameters);
	last = player->queue[0].last;
	head_pop(player);
	assert(!last || player->n == 0);
}

static void player_gone(Player *player)
{
	while (player->n > 0 && player->queue[0].oneway)
		head_pop(player);
	/* Only whoever has said nothing, too little or nonsense is dropped, or was told so; and a host, between two calls. */
	assert(player->n == 0 || player->socket == SOCKET_RELAY || player->queue[0].verdict == VERDICT_DROP);
	player_clear(player);
}

static void player_collect(Player *player)
{
	char bytes[4096], *nul;
	ssize_t n;

	while ((n = recv(player->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		player->in = realloc(player->in, player->in_len + (size_t)n);
		assert(player->in);
		memcpy(player->in + player->in_len, bytes, (size_t)n);
		player->in_len += (size_t)n;
	}
	while (player->in_len > 0 && (nul = memchr(player->in, '\0', player->in_len))) {
		size_t len = (size_t)(nul - player->in);
		char *text = fuzz_copy((const uint8_t *)player->in, len);

		player->in_len -= len + 1;
		memmove(player->in, nul + 1, player->in_len);
		message_take(player, text, len);
		free(text);
	}
	if (n == 0)
		player_gone(player);
}

/* Whoever need not be made to wait has been answered, and whose slot is over too. */
static void check_nobody_waits(const Player *player)
{
	const Expect *head = player->queue;
	int64_t passed;

	if (player->fd < 0 || player->n == 0 || player->unclear || head->begun < 0)
		return;
	passed = world_now() - head->begun;
	assert(head->cost == 0 || (head->charged && head->wait == 0));
	if (head->verdict == VERDICT_WORKER)
		assert(head->rule->slot != 'f' || !rule_holds(head->rule, player->socket) || passed <= SLOT_US);
	else
		assert(head->rule && rule_holds(head->rule, player->socket) && passed <= SLOT_US);
}

void players_collect(void)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (players[i].fd >= 0)
			player_collect(players + i);
	for (size_t i = 0; i < PEERS_MAX; i++)
		check_nobody_waits(players + i);
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

Expect *players_match(const char *method, const char *parameters, const char *via, int64_t uid, const char *roles, const char *host)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		Player *player = players + i;
		bool counts = player->socket == SOCKET_PAM || player->socket == SOCKET_CTL;
		Expect *head = player->queue;
		char own[5];

		/* A peer's calls are done one after the other; those before it want no answer. */
		for (unsigned j = 0; j < player->n; j++, head++) {
			if (head->verdict != VERDICT_WORKER || head->fate != FATE_WAITING || (head->charged && head->wait > 0) ||
			    (j > 0 && !player->queue[j - 1].oneway))
				continue;
			roles_of(player->socket, player->who, own);
			if (same(head->rule->method, method) && same(head->text, parameters) && same(socket_name(player->socket), via) &&
			    uid == (counts ? (int64_t)player->who->uid : -1) && same(own, roles) && same(player->host, host))
				return head;
		}
	}
	return NULL;
}
