/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker makes of a call: what is right, or a refusal, nonsense, silence and death. */

#include <sys/socket.h>

#include "broker_work.h"
#include "fuzz.h"

#define TICKETS 4
#define FAILURE "org.pwreset.Failure."

static bool alive[TICKETS];
static const char *const ticket_users[TICKETS] = { "alice", "bob", "carol", "dave" };

void deeds_open(void)
{
	memset(alive, 0, sizeof(alive));
}

const char *workers_ticket(unsigned number)
{
	static char text[TICKETS][160];
	uint8_t bytes[64];
	size_t n = 0;
	unsigned i = number % TICKETS;
	const char *user = ticket_users[i];

	/* As common/token.h has it: version, selector by name, id, secret. */
	bytes[n++] = 1;
	bytes[n++] = (uint8_t)(strlen(user) + 1);
	bytes[n++] = 'n';
	memcpy(bytes + n, user, strlen(user));
	n += strlen(user);
	memset(bytes + n, (int)i, 16);
	n += 16;
	memset(bytes + n, 'S', 32);
	n += 32;
	base64url_encode(bytes, n, text[i], sizeof(text[i]));
	return text[i];
}

static int ticket_number(const char *ticket)
{
	for (unsigned i = 0; i < TICKETS; i++)
		if (strcmp(workers_ticket(i), ticket) == 0)
			return (int)i;
	return -1;
}

static void hand_send(Hand *hand, const char *text, size_t len)
{
	/* It may have been given up in this very moment. */
	if (send(hand->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
	hand->busy = false;
}

static void hand_say(Hand *hand, const char *error, const char *parameters)
{
	char text[8192];
	int n;

	if (error)
		n = snprintf(text, sizeof(text), "{\"error\":\"%s\",\"parameters\":%s}", error,
			     parameters);
	else
		n = snprintf(text, sizeof(text), "{\"parameters\":%s}", parameters);
	assert(n > 0 && (size_t)n < sizeof(text));
	hand_send(hand, text, (size_t)n + 1);
}

static void hand_break(Hand *hand, bool garbage)
{
	static const char nonsense[] = "{\"parameters\":{},\"parameters\":{}}";

	if (garbage) {
		hand_send(hand, nonsense, sizeof(nonsense));
		hand->busy = true;
	}
	hand_drop(hand);
}

static void promised(Hand *hand, Expect *expect)
{
	if (!expect || expect->kind == REQUEST_NONE)
		return;
	expect->n_promised = hand->n_users > 0 ? hand->n_users : 1;
	for (unsigned i = 0; i < expect->n_promised; i++) {
		snprintf(expect->promised[i], sizeof(expect->promised[i]), "%s",
			 hand->n_users > 0 ? hand->users[i] : hand->user);
		promise(expect->kind, expect->promised[i], 0, 1);
	}
}

/* What a worker says that has done what it was asked for. */
static void call_done(Hand *hand)
{
	char text[2048] = "{\"user\":\"alice\"}", *p = text;
	Expect *expect = players_find(hand->serial);
	int number = ticket_number(hand->ticket);

	if (strcmp(hand->method, "org.pwreset.Recovery.SetPassword") == 0) {
		/* A ticket is good once, and only when it was mailed. */
		if (number < 0 || !alive[number]) {
			hand_fate(hand, FATE_REFUSED, FAILURE "LinkDead", NULL);
			hand_say(hand, FAILURE "LinkDead", "{\"reason\":\"used\"}");
			return;
		}
		alive[number] = false;
	} else if (strcmp(hand->method, "org.pwreset.Admin.SendLink") == 0) {
		p += sprintf(p, "{\"results\":[");
		for (unsigned i = 0; i < hand->n_users && i < PROMISED_MAX; i++)
			p += snprintf(p, 600, "%s{\"user\":\"%s\",\"status\":\"ok\"}",
				      i > 0 ? "," : "", hand->users[i]);
		strcpy(p, "]}");
	} else if (strcmp(hand->method, "org.pwreset.Admin.RemindExpiry") == 0) {
		strcpy(text, "{\"users\":[\"carol\"]}");
		strcpy(hand->users[0], "carol");
		hand->n_users = 1;
	} else if (strcmp(hand->method, "org.pwreset.Admin.SetPassword") == 0) {
		strcpy(text, "{\"password\":\"" WORLD_CANARY_64 "\"}");
	}
	/* A run of nobody promises nobody anything. */
	if (strcmp(hand->method, "org.pwreset.Admin.SendLink") != 0 || hand->n_users > 0)
		promised(hand, expect);
	hand_fate(hand, FATE_DONE, NULL, text);
	hand_say(hand, NULL, text);
}

static void call_act(Hand *hand, unsigned what, unsigned more)
{
	static const char *const errors[] = { FAILURE "Refused",          FAILURE "WrongPassword",
					      FAILURE "LinkDead",         FAILURE "PasswordRefused",
					      FAILURE "NotAllowed",       FAILURE "Unavailable",
					      VARLINK_E_PERMISSION_DENIED };
	const char *error = errors[more % ARRAY_SIZE(errors)];

	if (what < 7) {
		call_done(hand);
	} else if (what < 10) {
		hand_fate(hand, FATE_REFUSED, error, NULL);
		hand_say(hand, error, "{\"reason\":\"x\"}");
	} else if (what == 10) {
		hand_fate(hand, FATE_LOST, FAILURE "OutcomeUnknown", NULL);
		hand_say(hand, FAILURE "OutcomeUnknown", "{}");
	} else if (what < 13) {
		hand_break(hand, what == 11);
	}
}

/* Whether an operation of unknown outcome has happened is decided by its id. */
static bool has_happened(const Hand *hand)
{
	const Operation *operation = operation_find(hand->id);

	return (operation && operation->fate == FATE_DONE) || hand->id[0] % 2 == 0;
}

static void mint_mail(Hand *hand, Asked *a)
{
	char text[1024];

	for (unsigned i = 0; i < TICKETS; i++)
		if ((hand->kind == REQUEST_LINK || hand->kind == REQUEST_CODE) &&
		    strcmp(ticket_users[i], hand->user) == 0)
			alive[i] = true;
	free(a->mail);
	if (asprintf(
		    &a->mail,
		    "{\"id\":\"%s\",\"language\":\"en\",\"template\":\"%s\",\"to\":[\"a@example.com\"],"
		    "\"values\":{\"code\":\"" WORLD_CANARY "42\"}}",
		    hand->id, request_kind_name(hand->kind)) < 0)
		abort();
	snprintf(text, sizeof(text), "{\"mail\":%s}", a->mail);
	hand_say(hand, NULL, text);
}

static void mint_act(Hand *hand, unsigned what, unsigned more)
{
	static const char *const later[] = { "back-off", "not-seen", "unsure" };
	Asked *a = asked_find(hand->kind, hand->id);
	char text[128];

	if (what < 8 && is_notice(hand->kind) && !has_happened(hand)) {
		a->ended = true;
		hand_say(hand, NULL, "{\"skip\":\"not-done\"}");
	} else if (what < 8) {
		mint_mail(hand, a);
	} else if (what == 8) {
		a->ended = true;
		hand_say(hand, NULL, "{\"skip\":\"no-such-user\"}");
	} else if (what == 9) {
		snprintf(text, sizeof(text), "{\"skip\":\"%s\",\"after\":%u}",
			 later[more % ARRAY_SIZE(later)], more);
		a->ended = more == 0;
		hand_say(hand, NULL, text);
	} else if (what == 10) {
		hand_say(hand, FAILURE "Unavailable", "{}");
	} else if (what < 13) {
		hand_break(hand, what == 11);
	} else if (what == 13) {
		hand_say(hand, NULL, "{}");
	}
}

/*
 * Of none is known what became of it, so that each is asked for again by Mint, where the books are
 * kept.
 */
static void links_act(Hand *hand, unsigned what)
{
	if (what < 10)
		hand_say(hand, NULL, "{\"results\":[]}");
	else if (what == 10)
		hand_say(hand, FAILURE "Unavailable", "{}");
	else if (what < 13)
		hand_break(hand, what == 11);
	else if (what == 13)
		hand_say(hand, NULL, "{}");
}

void hand_unsure(const Hand *hand)
{
	Asked *a = asked_find(hand->kind, hand->id);

	if (strcmp(hand->method, "org.pwreset.Mailer.Send") == 0)
		assert(++a->unsure <= DELIVERY_UNKNOWN_MAX);
}

static void mailer_act(Hand *hand, unsigned what)
{
	Asked *a = asked_find(hand->kind, hand->id);

	if (strcmp(hand->method, "org.pwreset.Mailer.Probe") == 0) {
		hand_fate(hand, FATE_DONE, NULL, "{\"delivered\":true,\"steps\":[]}");
		hand_say(hand, NULL, "{\"delivered\":true,\"steps\":[]}");
	} else if (what < 9) {
		a->ended = true;
		hand_say(hand, NULL,
			 what < 8 ? "{\"status\":\"sent\",\"detail\":\"\"}"
				  : "{\"status\":\"permanent\",\"detail\":\"x\"}");
	} else if (what == 9) {
		hand_say(hand, NULL, "{\"status\":\"temporary\",\"detail\":\"x\"}");
	} else if (what == 10) {
		hand_say(hand, FAILURE "Unavailable", "{}");
	} else if (what < 13) {
		hand_unsure(hand);
		hand_break(hand, what == 11);
	}
}

void hand_act(Hand *hand, unsigned what, unsigned more)
{
	if (hand->mailer)
		mailer_act(hand, what);
	else if (hand->rule)
		call_act(hand, what, more);
	else if (strcmp(hand->method, MINT_LINKS) == 0)
		links_act(hand, what);
	else
		mint_act(hand, what, more);
}
