/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes back to a peer, held against what it had to expect; and who is charged for what. */

#include "broker_peers.h"
#include "fuzz.h"

#define SLOT_US INT64_C(200000) /* [recovery] answer-slot= */
/* requests from which on a spool of 100 may refuse a call that wants several */
#define SPOOL_FULL 80
#define UNAVAILABLE "org.pwreset.Failure.Unavailable"
#define TRY_LATER "org.pwreset.Failure.TryLater"

enum {
	FIRST_IN_LINE,
	BEHIND_WHAT_IS_ANSWERED_AT_ONCE,
	BEHIND_WHAT_A_WORKER_HAS_ANSWERED,
	ANYWHERE,
	PLACES
};

static bool in_hand(const Expect *expect, unsigned place)
{
	if (expect->verdict != VERDICT_WORKER || expect->wait > 0)
		return false;
	return place == BEHIND_WHAT_IS_ANSWERED_AT_ONCE || expect->fate == FATE_WAITING ||
	       expect->fate == FATE_GIVEN;
}

static Expect *expect_charged(Player *player, const LimitSubject *subject, unsigned cost,
			      unsigned place)
{
	for (unsigned i = 0; i < player->n; i++) {
		Expect *expect = player->queue + i;
		const Expect *before = i > 0 ? expect - 1 : NULL;

		if (before &&
		    (place == FIRST_IN_LINE ||
		     (place <= BEHIND_WHAT_A_WORKER_HAS_ANSWERED && in_hand(before, place))))
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
	/*
	 * What waits behind another call comes later, unless that one has been answered in this
	 * very moment.
	 */
	for (unsigned place = 0; place < PLACES; place++)
		for (size_t i = 0; i < PEERS_MAX && !expect; i++)
			if (players[i].fd >= 0 || players[i].hung_up)
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

			if (expect->verdict == VERDICT_WORKER && expect->charged &&
			    !expect->fined && expect->rule->fine == cost &&
			    strcmp(expect->source, subject->source) == 0) {
				expect->fined = true;
				return;
			}
		}
}

static void host_cut(const char *host)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (strcasecmp(players[i].host, host) == 0)
			players[i].cut = true;
}

void players_host_wrong(const char *host, unsigned cost, int64_t now, bool cut)
{
	records_wrong(host, cost, now, cut);
	if (cut)
		host_cut(host);
}

void players_host_set(const char *host, unsigned seconds, int64_t now)
{
	records_set(host, seconds, now);
	if (seconds > 0)
		host_cut(host);
}

/* A wrong guess costs more, but not where a few would pay for all. */
static void check_fine(const Expect *expect, const char *error)
{
	bool wrong = strstr(error, ".Refused") || strstr(error, "WrongPassword") ||
		     strstr(error, "LinkDead");

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
		assert(strcmp(rule->method, "org.pwreset.Admin.RemindExpiry") == 0 ||
		       strcmp(text, expect->reply) == 0);
		for (unsigned i = 0; i < expect->n_promised; i++)
			promise(expect->kind, expect->promised[i], !expect->batch, 0);
		return;
	}
	check_fine(expect, reply->error);
	if (rule->late && strcmp(reply->error, rule->late) == 0 &&
	    world_now() - expect->begun >= SLOT_US)
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
		assert(strcmp(reply->error, rule->lost) == 0 ||
		       strcmp(reply->error, UNAVAILABLE) == 0);
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
			    strcmp(twin->source, expect->source) == 0 &&
			    strcmp(twin->name, expect->name) == 0) {
				twin->wait = expect->wait;
				expect->wait = wait;
				return;
			}
		}
}

void answer_check(Player *player, Expect *expect, const VarlinkReply *reply, const char *text)
{
	bool later = reply->error && strcmp(reply->error, TRY_LATER) == 0;

	assert(!reply->continues);
	assert(expect->cost == 0 || expect->charged);
	/* Of hosts that were cut off or are too many no more is heard. */
	if (later && expect->rule && strcmp(expect->rule->method, "org.pwreset.Relay.Hello") == 0) {
		player->ended = true;
		return;
	}
	/* What was refused is spooled for nobody. */
	if (expect->verdict == VERDICT_SPOOL)
		promise(expect->kind, expect->user, !reply->error, reply->error ? -1 : 0);
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
		if (strcmp(expect->rule->method, "org.pwreset.Relay.Hello") == 0)
			room_check(&player->room, player, true);
		check_time(player, expect, false);
		break;
	case VERDICT_SPOOL:
		assert(!reply->error ||
		       (strcmp(reply->error, UNAVAILABLE) == 0 && spool_is_full()));
		check_time(player, expect, false);
		break;
	case VERDICT_WORKER:
		check_worker_reply(expect, reply, text);
		check_time(player, expect, rule_holds(expect->rule, player->socket));
		break;
	}
}

void answer_check_wait(const Player *player)
{
	const Expect *head = player->queue;
	int64_t passed;

	if (player->fd < 0 || player->n == 0 || player->unclear || player->deaf || player->behind ||
	    head->begun < 0)
		return;
	passed = world_now() - head->begun;
	assert(head->cost == 0 || (head->charged && head->wait == 0));
	if (head->verdict == VERDICT_WORKER)
		assert(head->rule->slot != 'f' || !rule_holds(head->rule, player->socket) ||
		       passed <= SLOT_US);
	else
		assert(head->rule && rule_holds(head->rule, player->socket) && passed <= SLOT_US);
}
