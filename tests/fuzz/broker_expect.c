/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a peer has to expect of a call that it has sent. */

#include "broker_peers.h"
#include "fuzz.h"
#include "service.h"

static unsigned serials;

void expects_open(void)
{
	serials = 0;
}

/* The member whose name comes behind after, by the alphabet; NULL: there is none. */
static const JsonNode *member_behind(const JsonNode *object, const char *after)
{
	const JsonNode *key = object ? json_first(object) : NULL, *found = NULL;

	for (uint32_t i = 0; object && i < object->n; i++, key = json_next(json_next(key)))
		if (strcmp(key->string, after) > 0 &&
		    (!found || strcmp(key->string, found->string) < 0))
			found = key;
	return found;
}

char *json_text(const JsonNode *object, const char *except)
{
	char *memory = malloc(VARLINK_MESSAGE_MAX);
	JsonWriter w;
	Buf buf;

	assert(memory);
	buf_init(&buf, memory, VARLINK_MESSAGE_MAX);
	w = JSON_WRITER(&buf);
	json_open(&w, NULL, '{');
	for (const JsonNode *key = member_behind(object, ""); key;
	     key = member_behind(object, key->string))
		if (!except || strcmp(key->string, except) != 0)
			json_put_node(&w, key->string, json_next(key));
	json_close(&w, '}');
	assert(!buf.overflow);
	return memory;
}

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
			snprintf(expect->source, sizeof(expect->source), "tty=%s",
				 p->origin.terminal);
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

/*
 * To people at the host itself a check is free; to a host of the fleet nothing is, and asking for
 * names least of all.
 */
static unsigned cost_of(const Player *player, const Rule *rule)
{
	if (strcmp(rule->method, "org.pwreset.Password.Check") == 0 && player->socket == SOCKET_CTL)
		return 0;
	if (player->socket == SOCKET_RELAY &&
	    strcmp(rule->method, "org.pwreset.Password.Exists") == 0)
		return LIMIT_CALL;
	return player->socket == SOCKET_RELAY && rule->cost == 0 ? 1 : rule->cost;
}

static void expect_permitted(Player *player, const VarlinkCall *call, Expect *expect)
{
	const Rule *rule = expect->rule;
	const Method *method = method_find(rule->method);
	Parameters p;
	const char *bad;
	bool in_parts;

	expect->verdict = VERDICT_ERROR;
	expect->error = VARLINK_E_INVALID_PARAMETER;
	if (parameters_take(&p, call->parameters, method->fields, &bad) != 0)
		return;
	subject_of_call(player, &p, expect);
	if (player->socket == SOCKET_CTL && p.origin_object)
		return;
	expect->cost = cost_of(player, rule);
	/* With "more" it is passed on in parts, of which everything here is one. */
	in_parts = call->more && (method->flags & METHOD_MORE);
	expect->text =
		json_text(call->parameters, in_parts && (!p.after || !*p.after) ? "after" : NULL);
	snprintf(expect->user, sizeof(expect->user), "%s",
		 p.user      ? p.user
		 : p.address ? p.address
			     : "");
	expect->batch = p.batch != NULL;
	expect->error = NULL;
	if (rule->route == 'b') {
		expect->verdict = VERDICT_ANSWER;
		if (p.interface && !service_has_interface(p.interface)) {
			expect->verdict = VERDICT_ERROR;
			expect->error = VARLINK_E_INTERFACE_NOT_FOUND;
		}
		if (p.host && player->socket == SOCKET_RELAY) {
			player->room = room_expect(player, p.host);
			player->hello = true;
			snprintf(player->host, sizeof(player->host), "%s", p.host);
		}
	} else if (rule->route == 's') {
		expect->verdict = VERDICT_SPOOL;
		expect->kind = request_kind_parse(rule->after);
	} else if ((method->flags & METHOD_NOTICE_USER) && !p.user) {
		/*
		 * The notice needs a name. What was held back until then is not let go of sooner.
		 */
		expect->verdict = VERDICT_ERROR;
		expect->error = VARLINK_E_INVALID_PARAMETER;
	} else {
		expect->verdict = VERDICT_WORKER;
		/* A generated password that is mailed is made when it is mailed. */
		if (*rule->after && (strcmp(rule->after, "temporary") != 0 || p.mail))
			expect->kind = request_kind_parse(rule->after);
	}
}

void expect_message(Player *player, char *text, size_t len)
{
	Expect *expect = player->queue + player->n;
	size_t n = len / 2 + JSON_DEPTH_MAX < VARLINK_NODES_MAX ? len / 2 + JSON_DEPTH_MAX
								: VARLINK_NODES_MAX;
	Json json = { .nodes = calloc(n, sizeof(JsonNode)), .n_nodes_max = n };
	VarlinkCall call;

	assert(json.nodes && player->n < QUEUE_MAX);
	*expect = (Expect){ .verdict = VERDICT_DROP,
			    .serial = ++serials,
			    .begun = player->n == 0 && !player->unclear && !player->deaf &&
						     !player->behind
					     ? world_now()
					     : -1 };
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
		/* It may be minted before its answer is read, and that may never be. */
		if (expect->verdict == VERDICT_SPOOL)
			promise(expect->kind, expect->user, 0, 1);
	}
	free(json.nodes);
}
