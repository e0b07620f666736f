/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers of the broker: what they are given, and what they make of it; and the fate of every request. */

#include <sys/socket.h>

#include "broker_play.h"
#include "fuzz.h"

#define LINKS_MAX 8
#define REQUESTS_MAX 1024
#define OPERATIONS_MAX 1024
#define PROMISES_MAX 256
#define TICKETS 4
#define FAILURE "org.pwreset.Failure."

typedef struct Hand {
	int fd; /* -1: none */
	bool mailer;
	char *in;
	size_t in_len;
	bool busy;
	/* The call in hand. */
	char method[VARLINK_NAME_MAX + 1];
	const Rule *rule;
	char id[TOKEN_ID_TEXT + 1]; /* of operation, request or mail */
	RequestKind kind;           /* of Mint's request */
	char user[USER_NAME_MAX + 1];
	char ticket[512];
	char users[PROMISED_MAX][USER_NAME_MAX + 1];
	unsigned n_users;
	unsigned serial;
} Hand;

typedef struct Asked { /* a request that was minted */
	char id[TOKEN_ID_TEXT + 1];
	RequestKind kind;
	char user[USER_NAME_MAX + 1];
	char *mail;
	bool ended;
	unsigned unsure; /* mails of which the broker does not know */
} Asked;

typedef struct Operation { /* of which somebody must be told if it happens */
	char id[TOKEN_ID_TEXT + 1];
	const Rule *rule;
	Fate fate;
} Operation;

typedef struct Promise {
	RequestKind kind;
	char user[USER_NAME_MAX + 1];
	unsigned least, most, got;
} Promise;

static Hand hands[LINKS_MAX];
static Asked asked[REQUESTS_MAX];
static Operation operations[OPERATIONS_MAX];
static Promise promises[PROMISES_MAX];
static size_t n_asked, n_operations, n_promises;
static bool alive[TICKETS];
static const char *const ticket_users[TICKETS] = { "alice", "bob", "carol", "dave" };

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

char *json_text(const JsonNode *object, const char *except)
{
	char *memory = malloc(VARLINK_MESSAGE_MAX);
	const JsonNode *key;
	JsonWriter w;
	Buf buf;

	assert(memory);
	buf_init(&buf, memory, VARLINK_MESSAGE_MAX);
	w = JSON_WRITER(&buf);
	json_open(&w, NULL, '{');
	key = object ? json_first(object) : NULL;
	for (uint32_t i = 0; object && i < object->n; i++) {
		const JsonNode *value = json_next(key);

		if (!except || strcmp(key->string, except) != 0)
			json_put_node(&w, key->string, value);
		key = json_next(value);
	}
	json_close(&w, '}');
	assert(!buf.overflow);
	return memory;
}

/* ---- promises */

static Promise *promise_find(RequestKind kind, const char *user)
{
	for (size_t i = 0; i < n_promises; i++)
		if (promises[i].kind == kind && strcmp(promises[i].user, user) == 0)
			return promises + i;
	assert(n_promises < PROMISES_MAX);
	promises[n_promises] = (Promise){ .kind = kind };
	snprintf(promises[n_promises].user, sizeof(promises[0].user), "%s", user);
	return promises + n_promises++;
}

void promise(RequestKind kind, const char *user, unsigned least, unsigned most)
{
	Promise *p = promise_find(kind, user);

	p->least += least;
	p->most += most;
}

void promises_check(bool in_time)
{
	for (size_t i = 0; in_time && i < n_promises; i++)
		assert(promises[i].got >= promises[i].least);
	/* Not sent, not answered with a reason: then it was given up for a reason. */
	for (size_t i = 0; in_time && i < n_asked; i++)
		assert(asked[i].ended || asked[i].unsure + world_restarts() >= DELIVERY_UNKNOWN_MAX);
	for (size_t i = 0; i < n_operations; i++) {
		const Operation *o = operations + i;
		unsigned told = 0;

		if (o->fate == FATE_REFUSED)
			continue;
		for (size_t j = 0; j < n_asked; j++)
			told += strcmp(asked[j].id, o->id) == 0;
		/* Of what has happened somebody is told; whether it has, Mint finds out. */
		assert(told > 0);
	}
}

static Asked *asked_find(RequestKind kind, const char *id)
{
	for (size_t i = 0; i < n_asked; i++)
		if ((kind == REQUEST_NONE || asked[i].kind == kind) && strcmp(asked[i].id, id) == 0)
			return asked + i;
	return NULL;
}

static Operation *operation_find(const char *id)
{
	for (size_t i = 0; i < n_operations; i++)
		if (strcmp(operations[i].id, id) == 0)
			return operations + i;
	return NULL;
}

static bool is_notice(RequestKind kind)
{
	return kind == REQUEST_CHANGED || kind == REQUEST_ENROLLED || kind == REQUEST_MAIL_CHANGED || kind == REQUEST_MAIL_CONFIRM;
}

/* ---- what comes */

static void take_mint(Hand *hand, const JsonNode *parameters)
{
	const JsonNode *request = json_get(parameters, "request"), *caller = json_get(parameters, "caller");
	const char *id = json_get_string(request, "id"), *kind = json_get_string(request, "kind");
	const char *user = json_get_string(request, "user"), *via = json_get_string(caller, "via");
	const Operation *operation;
	int64_t uid = 0, attempt = 0;
	Asked *a;

	assert(id && kind && via && strcmp(via, "broker") == 0 && json_get_integer(caller, "uid", &uid) && uid == -1);
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
		/* Nobody is told of what was refused; of an operation that no worker has seen only when a broker died with it. */
		assert(operation ? operation->fate != FATE_REFUSED : world_restarts() > 0);
		assert(!operation || strstr(operation->rule->told, kind));
	} else if (!a) {
		Promise *p = promise_find(hand->kind, hand->user);

		assert(++p->got <= p->most);
	}
	if (!a) {
		assert(n_asked < REQUESTS_MAX);
		a = asked + n_asked++;
		*a = (Asked){ .kind = hand->kind };
		memcpy(a->id, hand->id, sizeof(a->id));
		memcpy(a->user, hand->user, sizeof(a->user));
	}
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
			snprintf(hand->users[hand->n_users++], sizeof(hand->users[0]), "%s", user->string);
}

static void take_call(Hand *hand, const JsonNode *parameters)
{
	const JsonNode *caller = json_get(parameters, "caller");
	const char *id = json_get_string(caller, "operation"), *user = json_get_string(parameters, "user");
	const char *ticket = json_get_string(parameters, "ticket");
	char *text = json_text(parameters, "caller"), roles[5];
	int64_t uid = 0, deadline = 0;
	Expect *expect;

	assert(id && strlen(id) == TOKEN_ID_TEXT && json_get_integer(caller, "uid", &uid));
	assert(json_get_integer(caller, "deadline", &deadline) && deadline >= 0 && deadline <= 60000);
	roles_take(caller, roles);
	expect = players_match(hand->method, text, json_get_string(caller, "via"), uid, roles, json_get_string(caller, "host"));
	/* Nothing gets here that nobody may ask for, or that was refused. */
	assert(expect);
	free(text);
	expect->fate = FATE_GIVEN;
	hand->serial = expect->serial;
	hand->rule = expect->rule;
	snprintf(hand->id, sizeof(hand->id), "%s", id);
	snprintf(hand->user, sizeof(hand->user), "%s", user ? user : "");
	snprintf(hand->ticket, sizeof(hand->ticket), "%s", ticket ? ticket : "");
	users_take(hand, parameters);
	/* No operation twice. */
	assert(!operation_find(id));
	/* What only asks for the mail that does it has nothing to be told of yet. */
	if (*expect->rule->told && expect->kind == REQUEST_NONE) {
		assert(n_operations < OPERATIONS_MAX);
		operations[n_operations] = (Operation){ .rule = expect->rule, .fate = FATE_GIVEN };
		memcpy(operations[n_operations++].id, hand->id, sizeof(hand->id));
	}
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
	else if (strcmp(call.method, "org.pwreset.Mailer.Send") == 0)
		take_send(hand, call.parameters);
	else if (strcmp(call.method, "org.pwreset.Mailer.Probe") == 0)
		take_probe(hand, call.parameters);
	else
		take_call(hand, call.parameters);
	assert(hand->mailer == (strncmp(call.method, "org.pwreset.Mailer.", 19) == 0));
}

/* What the worker has said of an operation, or what is known when it says nothing more. */
static void hand_fate(Hand *hand, Fate fate, const char *error, const char *text)
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

static void hand_drop(Hand *hand)
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

/* ---- what they do */

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
		n = snprintf(text, sizeof(text), "{\"error\":\"%s\",\"parameters\":%s}", error, parameters);
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
		snprintf(expect->promised[i], sizeof(expect->promised[i]), "%s", hand->n_users > 0 ? hand->users[i] : hand->user);
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
			p += snprintf(p, 600, "%s{\"user\":\"%s\",\"status\":\"ok\"}", i > 0 ? "," : "", hand->users[i]);
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
	static const char *const errors[] = { FAILURE "Refused", FAILURE "WrongPassword", FAILURE "LinkDead", FAILURE "PasswordRefused",
					      FAILURE "NotAllowed", FAILURE "Unavailable", VARLINK_E_PERMISSION_DENIED };
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
		if ((hand->kind == REQUEST_LINK || hand->kind == REQUEST_CODE) && strcmp(ticket_users[i], hand->user) == 0)
			alive[i] = true;
	free(a->mail);
	if (asprintf(&a->mail, "{\"id\":\"%s\",\"template\":\"%s\",\"language\":\"en\",\"to\":[\"a@example.com\"],"
			       "\"values\":{\"code\":\"" WORLD_CANARY "42\"}}",
		     hand->id, request_kind_name(hand->kind)) < 0)
		abort();
	snprintf(text, sizeof(text), "{\"mail\":%s}", a->mail);
	hand_say(hand, NULL, text);
}

static void mint_act(Hand *hand, unsigned what, unsigned more)
{
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
		snprintf(text, sizeof(text), "{\"skip\":\"back-off\",\"after\":%u}", more);
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

static void mailer_act(Hand *hand, unsigned what)
{
	Asked *a = asked_find(hand->kind, hand->id);

	if (strcmp(hand->method, "org.pwreset.Mailer.Probe") == 0) {
		hand_fate(hand, FATE_DONE, NULL, "{\"delivered\":true,\"steps\":[]}");
		hand_say(hand, NULL, "{\"delivered\":true,\"steps\":[]}");
	} else if (what < 9) {
		a->ended = true;
		hand_say(hand, NULL, what < 8 ? "{\"status\":\"sent\",\"detail\":\"\"}" : "{\"status\":\"permanent\",\"detail\":\"x\"}");
	} else if (what == 9) {
		hand_say(hand, NULL, "{\"status\":\"temporary\",\"detail\":\"x\"}");
	} else if (what == 10) {
		hand_say(hand, FAILURE "Unavailable", "{}");
	} else if (what < 13) {
		/* The mail may have gone: as often as this is bounded. */
		assert(++a->unsure <= DELIVERY_UNKNOWN_MAX);
		hand_break(hand, what == 11);
	}
}

bool workers_act(Script *script, bool mailer, bool good)
{
	unsigned which = script_byte(script), what = good ? 0 : script_byte(script) % 16, more = good ? 0 : script_byte(script);

	for (unsigned i = 0; i < LINKS_MAX; i++) {
		Hand *hand = hands + (which + i) % LINKS_MAX;

		if (hand->fd < 0 || !hand->busy || hand->mailer != mailer)
			continue;
		if (mailer)
			mailer_act(hand, what);
		else if (hand->rule)
			call_act(hand, what, more);
		else
			mint_act(hand, what, more);
		return true;
	}
	return false;
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
	memset(alive, 0, sizeof(alive));
	n_asked = n_operations = n_promises = 0;
}

void workers_close(void)
{
	workers_cut();
	for (size_t i = 0; i < n_asked; i++)
		free(asked[i].mail);
}
