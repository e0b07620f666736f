/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to and from JSON. */

#include <string.h>
#include <sys/random.h>

#include "identity.h"
#include "request.h"
#include "varlink.h"

static const char *const kind_names[_REQUEST_KIND_MAX] = {
	[REQUEST_LINK] = "link",
	[REQUEST_CODE] = "code",
	[REQUEST_USERNAME] = "username",
	[REQUEST_CHANGED] = "changed",
	[REQUEST_MAIL_CHANGED] = "mail-changed",
	[REQUEST_MAIL_CONFIRM] = "mail-confirm",
	[REQUEST_ENROLLED] = "enrolled",
	[REQUEST_TEMPORARY] = "temporary",
	[REQUEST_EXPIRY] = "expiry",
};

const char *request_kind_name(RequestKind kind)
{
	return kind_names[kind];
}

RequestKind request_kind_parse(const char *name)
{
	for (RequestKind kind = REQUEST_LINK; kind < _REQUEST_KIND_MAX; kind++)
		if (strcmp(kind_names[kind], name) == 0)
			return kind;
	return REQUEST_NONE;
}

int request_id_new(char ret[static TOKEN_ID_TEXT + 1])
{
	uint8_t bytes[TOKEN_ID_SIZE];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	return base64url_encode(bytes, sizeof(bytes), ret, TOKEN_ID_TEXT + 1) == TOKEN_ID_TEXT
		       ? 0
		       : -EIO;
}

/* Where the strings of a request are: all that copying has to know. */
static void request_strings(Request *request, const char **ret[static 8])
{
	ret[0] = &request->user;
	ret[1] = &request->ticket;
	ret[2] = &request->requester;
	ret[3] = &request->language;
	ret[4] = &request->origin.service;
	ret[5] = &request->origin.host;
	ret[6] = &request->origin.address;
	ret[7] = &request->origin.terminal;
}

Request *request_copy(const Request *request)
{
	Request shallow = *request, *copy;
	const char **strings[8];
	size_t size = sizeof(*copy);
	char *p;

	request_strings(&shallow, strings);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		size += *strings[i] ? strlen(*strings[i]) + 1 : 0;
	copy = malloc(size);
	if (!copy)
		return NULL;
	*copy = shallow;
	copy->memory = size;
	p = (char *)(copy + 1);
	request_strings(copy, strings);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		size_t len;

		if (!*strings[i])
			continue;
		len = strlen(*strings[i]) + 1;
		*strings[i] = memcpy(p, *strings[i], len);
		p += len;
	}
	return copy;
}

static void put_optional(JsonWriter *w, const char *key, const char *value)
{
	if (value)
		json_put_string(w, key, value);
}

void request_write(JsonWriter *w, const Request *request)
{
	const Origin *origin = &request->origin;

	json_put_string(w, "id", request->id);
	json_put_string(w, "kind", request_kind_name(request->kind));
	put_optional(w, "user", request->user);
	put_optional(w, "ticket", request->ticket);
	put_optional(w, "requester", request->requester);
	roles_write(w, "roles", request->roles);
	put_optional(w, "language", request->language);
	if (origin->service || origin->host || origin->address || origin->terminal) {
		json_open(w, "origin", '{');
		put_optional(w, "service", origin->service);
		put_optional(w, "host", origin->host);
		put_optional(w, "address", origin->address);
		put_optional(w, "terminal", origin->terminal);
		json_close(w, '}');
	}
	json_put_integer(w, "created", request->created);
	json_put_integer(w, "expires", request->expires);
	json_put_integer(w, "attempt", request->attempts);
	if (request->done)
		json_put_bool(w, "done", true);
	if (request->missed)
		json_put_bool(w, "missed", true);
}

typedef struct Wire {
	const char *id, *kind, *user, *ticket, *requester, *language, *op;
	const JsonNode *roles, *origin;
	int64_t created, expires, attempt, due, unknown, reached, reachedOf, run;
	bool done, missed;
} Wire;

#define STRING(name, limit)                                                                        \
	{                                                                                          \
#name, JSON_STRING, offsetof(Wire, name), false, limit                             \
	}
#define INTEGER(name, must)                                                                        \
	{                                                                                          \
#name, JSON_INTEGER, offsetof(Wire, name), must, 0                                 \
	}

static const VarlinkField wire_fields[] = {
	{ "op", JSON_STRING, offsetof(Wire, op), false, 8 },
	{ "id", JSON_STRING, offsetof(Wire, id), true, TOKEN_ID_TEXT },
	{ "kind", JSON_STRING, offsetof(Wire, kind), true, 16 },
	STRING(user, USER_NAME_MAX),
	STRING(ticket, TICKET_TEXT_MAX),
	STRING(requester, USER_NAME_MAX),
	{ "roles", JSON_ARRAY, offsetof(Wire, roles), true, ROLES },
	STRING(language, LANGUAGE_MAX),
	{ "origin", JSON_OBJECT, offsetof(Wire, origin), false, 0 },
	INTEGER(created, true),
	INTEGER(expires, true),
	INTEGER(attempt, true),
	INTEGER(due, true),
	INTEGER(unknown, true),
	INTEGER(reached, false),
	{ "done", JSON_BOOL, offsetof(Wire, done), false, 0 },
	{ "missed", JSON_BOOL, offsetof(Wire, missed), false, 0 },
	INTEGER(reachedOf, false),
	INTEGER(run, false),
	{ 0 },
};

static const VarlinkField origin_fields[] = {
	{ "service", JSON_STRING, offsetof(Origin, service), false, ORIGIN_MAX },
	{ "host", JSON_STRING, offsetof(Origin, host), false, ORIGIN_MAX },
	{ "address", JSON_STRING, offsetof(Origin, address), false, ORIGIN_MAX },
	{ "terminal", JSON_STRING, offsetof(Origin, terminal), false, ORIGIN_MAX },
	{ 0 },
};

int request_parse(Request *request, const JsonNode *object)
{
	Request q = { 0 };
	Wire wire = { 0 };
	const char *bad;

	if (varlink_dispatch(object, wire_fields, &wire, &bad) != 0)
		return -EBADMSG;
	if (wire.origin && varlink_dispatch(wire.origin, origin_fields, &q.origin, &bad) != 0)
		return -EBADMSG;
	q.kind = request_kind_parse(wire.kind);
	if (q.kind == REQUEST_NONE || strlen(wire.id) != TOKEN_ID_TEXT ||
	    roles_parse(wire.roles, &q.roles) != 0)
		return -EBADMSG;
	if (wire.attempt < 0 || wire.attempt > INT32_MAX || wire.unknown < 0 ||
	    wire.unknown > INT32_MAX)
		return -EBADMSG;
	if (wire.reached < 0 || wire.reached > UINT32_MAX || wire.reachedOf < 0)
		return -EBADMSG;
	memcpy(q.id, wire.id, sizeof(q.id));
	q.user = wire.user;
	q.ticket = wire.ticket;
	q.requester = wire.requester;
	q.language = wire.language;
	q.created = wire.created;
	q.run = (uint64_t)wire.run;
	q.expires = wire.expires;
	q.attempts = (unsigned)wire.attempt;
	q.unknown = (unsigned)wire.unknown;
	q.due = wire.due;
	q.done = wire.done;
	q.missed = wire.missed;
	q.reached = (uint32_t)wire.reached;
	q.reached_of = wire.reachedOf;
	*request = q;
	return 0;
}
