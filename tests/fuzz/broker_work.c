/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers of the broker: their connections, and what they are given. */

#include <sys/socket.h>

#include "broker_work.h"
#include "fuzz.h"

#define LINKS_MAX 8

static Hand hands[LINKS_MAX];

static void take_mint(Hand *hand, const JsonNode *parameters)
{
	const JsonNode *request = json_get(parameters, "request"),
		       *caller = json_get(parameters, "caller");
	const char *id = json_get_string(request, "id"), *kind = json_get_string(request, "kind");
	const char *user = json_get_string(request, "user"), *via = json_get_string(caller, "via");
	const Operation *operation;
	int64_t uid = 0, attempt = 0;
	Asked *a;

	assert(id && kind && via && strcmp(via, "broker") == 0 &&
	       json_get_integer(caller, "uid", &uid) && uid == -1);
	assert(json_get_integer(request, "attempt", &attempt) && attempt >= 1);
	snprintf(hand->id, sizeof(hand->id), "%s", id);
	snprintf(hand->user, sizeof(hand->user), "%s", user ? user : "");
	hand->kind = request_kind_parse(kind);
	assert(hand->kind != REQUEST_NONE);
	a = asked_find(hand->kind, id);
	/* What is over is over. */
	assert(!a || !a->ended);
	operation = operation_find(id);
	if (is_notice(hand->kind)) {
		/*
		 * Nobody is told of what was refused; of an operation that no worker has seen only
		 * when a broker died with it.
		 */
		assert(operation ? operation->fate != FATE_REFUSED : world_restarts() > 0);
		assert(!operation || strstr(operation->rule->told, kind));
	} else if (!a) {
		promise_kept(hand->kind, hand->user);
	}
	if (!a)
		asked_add(hand->kind, hand->id);
}

static void take_send(Hand *hand, const JsonNode *parameters)
{
	const JsonNode *mail = json_get(parameters, "mail");
	const char *id = json_get_string(mail, "id"), *template = json_get_string(mail, "template");
	char *text = json_text(mail, NULL);
	Asked *a;

	assert(id && template);
	a = asked_find(request_kind_parse(template), id);
	/* What was minted, and nothing else; never again what the relay has taken. */
	assert(a && a->mail && !a->ended && strcmp(a->mail, text) == 0);
	free(text);
	hand->kind = a->kind;
	snprintf(hand->id, sizeof(hand->id), "%s", id);
}

static void roles_take(const JsonNode *caller, char ret[5])
{
	const JsonNode *roles = json_get(caller, "roles");
	size_t n = 0;

	assert(roles && roles->type == JSON_ARRAY && roles->n <= 4);
	JSON_FOREACH(role, roles) {
		assert(role->type == JSON_STRING && strchr("rhao", role->string[0]));
		ret[n++] = role->string[0];
	}
	ret[n] = '\0';
}

static void users_take(Hand *hand, const JsonNode *parameters)
{
	const JsonNode *users = json_get(parameters, "users");

	hand->n_users = 0;
	if (!users)
		return;
	JSON_FOREACH(user, users)
		if (hand->n_users < PROMISED_MAX)
			snprintf(hand->users[hand->n_users++], sizeof(hand->users[0]), "%s",
				 user->string);
}

static void take_call(Hand *hand, const JsonNode *parameters)
{
	const JsonNode *caller = json_get(parameters, "caller");
	const char *id = json_get_string(caller, "operation"),
		   *user = json_get_string(parameters, "user");
	const char *ticket = json_get_string(parameters, "ticket");
	char *text = json_text(parameters, "caller"), roles[5], public[TICKET_TEXT_MAX + 1];
	int64_t uid = 0, deadline = 0;
	Expect *expect;

	assert(id && strlen(id) == TOKEN_ID_TEXT && json_get_integer(caller, "uid", &uid));
	assert(json_get_integer(caller, "deadline", &deadline) && deadline >= 0 &&
	       deadline <= 60000);
	roles_take(caller, roles);
	expect = players_match(hand->method, text, json_get_string(caller, "via"), uid, roles,
			       json_get_string(caller, "host"));
	/*
	 * Nothing gets here that nobody may ask for, or that was refused; but while the broker
	 * stood still its time may have run out.
	 */
	assert(expect || players_stood_still());
	free(text);
	if (expect)
		expect->fate = FATE_GIVEN;
	hand->serial = expect ? expect->serial : 0;
	hand->rule = rule_find(hand->method);
	assert(hand->rule);
	snprintf(hand->id, sizeof(hand->id), "%s", id);
	snprintf(hand->user, sizeof(hand->user), "%s", user ? user : "");
	snprintf(hand->ticket, sizeof(hand->ticket), "%s", ticket ? ticket : "");
	users_take(hand, parameters);
	/* No operation twice. */
	assert(!operation_find(id));
	/*
	 * What only asks for the mail that does it has nothing to be told of yet, and what is no
	 * ticket opens nothing.
	 */
	if (*hand->rule->told &&
	    (*hand->rule->after == '\0' || !json_get_bool(parameters, "mail", false)) &&
	    (!ticket || ticket_public(ticket, public, sizeof(public)) == 0))
		operation_add(hand->id, hand->rule);
}

static void take_probe(Hand *hand, const JsonNode *parameters)
{
	char *text = json_text(parameters, "caller");
	Expect *expect = players_match("org.pwreset.Service.TestMail", text, "ctl", 0, "r", NULL);

	assert(expect);
	expect->fate = FATE_GIVEN;
	hand->serial = expect->serial;
	free(text);
}

static void take_links(const JsonNode *parameters)
{
	const JsonNode *requests = json_get(parameters, "requests");

	assert(requests && requests->type == JSON_ARRAY && requests->n > 1 && requests->n <= 32);
	JSON_FOREACH(request, requests) {
		const char *requester = json_get_string(request, "requester"),
			   *kind = json_get_string(request, "kind");

		assert(requester && json_get_string(request, "user") && kind &&
		       strcmp(kind, "link") == 0);
	}
}

static void hand_take(Hand *hand, char *text, size_t len)
{
	static JsonNode nodes[VARLINK_NODES_MAX];
	Json json = { .nodes = nodes, .n_nodes_max = VARLINK_NODES_MAX };
	VarlinkCall call;
	int r;

	assert(!hand->busy);
	r = json_parse(&json, text, len);
	assert(r == 0);
	r = varlink_call_parse(&call, nodes);
	assert(r == 0 && call.parameters);
	hand->busy = true;
	hand->serial = 0;
	hand->rule = NULL;
	hand->kind = REQUEST_NONE;
	snprintf(hand->method, sizeof(hand->method), "%s", call.method);
	if (strcmp(call.method, "org.pwreset.Directory.Mint") == 0)
		take_mint(hand, call.parameters);
	else if (strcmp(call.method, MINT_LINKS) == 0)
		take_links(call.parameters);
	else if (strcmp(call.method, "org.pwreset.Mailer.Send") == 0)
		take_send(hand, call.parameters);
	else if (strcmp(call.method, "org.pwreset.Mailer.Probe") == 0)
		take_probe(hand, call.parameters);
	else
		take_call(hand, call.parameters);
	assert(hand->mailer == (strncmp(call.method, "org.pwreset.Mailer.", 19) == 0));
}

/* What the worker has said of an operation, or what is known when it says nothing more. */
void hand_fate(Hand *hand, Fate fate, const char *error, const char *text)
{
	Operation *operation = operation_find(hand->id);
	Expect *expect = hand->serial > 0 ? players_find(hand->serial) : NULL;

	if (operation && hand->rule)
		operation->fate = fate;
	if (!expect)
		return;
	expect->fate = fate;
	expect->answered = world_now();
	snprintf(expect->reply_error, sizeof(expect->reply_error), "%s", error ? error : "");
	free(expect->reply);
	expect->reply = text ? strdup(text) : NULL;
}

void hand_drop(Hand *hand)
{
	if (hand->busy && hand->rule)
		hand_fate(hand, FATE_LOST, NULL, NULL);
	close(hand->fd);
	free(hand->in);
	*hand = (Hand){ .fd = -1 };
}

static void hand_collect(Hand *hand)
{
	char bytes[4096], *nul;
	ssize_t n;

	while ((n = recv(hand->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		hand->in = realloc(hand->in, hand->in_len + (size_t)n);
		assert(hand->in);
		memcpy(hand->in + hand->in_len, bytes, (size_t)n);
		hand->in_len += (size_t)n;
	}
	if (hand->in_len > 0 && (nul = memchr(hand->in, '\0', hand->in_len))) {
		/* One call at a time. */
		assert((size_t)(nul - hand->in) == hand->in_len - 1);
		hand->in_len = 0;
		hand_take(hand, hand->in, (size_t)(nul - hand->in));
	}
	if (n == 0) {
		/* The broker has given it up: whoever waited is told that, or is being told. */
		hand->serial = 0;
		hand_drop(hand);
	}
}

void workers_collect(void)
{
	for (int mailer = 0; mailer < 2; mailer++) {
		int fd;

		while ((fd = world_accept(mailer != 0)) >= 0) {
			Hand *hand = hands;

			while (hand < hands + LINKS_MAX && hand->fd >= 0)
				hand++;
			assert(hand < hands + LINKS_MAX);
			*hand = (Hand){ .fd = fd, .mailer = mailer != 0 };
		}
	}
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (hands[i].fd >= 0)
			hand_collect(hands + i);
}

bool workers_act(Script *script, bool mailer, bool good)
{
	unsigned which = script_byte(script), what = good ? 0 : script_byte(script) % 16,
		 more = good ? 0 : script_byte(script);

	for (unsigned i = 0; i < LINKS_MAX; i++) {
		Hand *hand = hands + (which + i) % LINKS_MAX;

		if (hand->fd < 0 || !hand->busy || hand->mailer != mailer)
			continue;
		hand_act(hand, what, more);
		return true;
	}
	return false;
}

void worker_hang_up(void)
{
	Hand *hand = hands + world_interrupts() % LINKS_MAX;

	if (hand->fd < 0)
		return;
	/* What stands in the socket has reached it. */
	hand_collect(hand);
	if (hand->fd < 0)
		return;
	if (hand->busy && hand->mailer)
		hand_unsure(hand);
	hand_drop(hand);
}

void workers_cut(void)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (hands[i].fd >= 0)
			hand_drop(hands + i);
}

void workers_open(void)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		hands[i] = (Hand){ .fd = -1 };
	books_open();
	deeds_open();
}

void workers_close(void)
{
	workers_cut();
	books_close();
}
