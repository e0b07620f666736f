/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a part begins, how much is in it, and whether another one follows. */

#include <string.h>

#include "broker.h"
#include "bulk.h"
#include "call.h"
#include "route_spool.h"

#define UNAVAILABLE "org.pwreset.Failure.Unavailable"
#define PART_USERS 50 /* a second's work or less, even for a slow directory */

static uint32_t users_left(const Call *call)
{
	return call->parameters.users ? call->parameters.users->n - call->bulk.done : 0;
}

static void part_begin(Call *call)
{
	uint32_t left = users_left(call);

	call->bulk.part = left < PART_USERS ? left : PART_USERS;
}

void bulk_begin(Call *call)
{
	Bulk *bulk = &call->bulk;

	bulk->on = call->message.more && !call->message.oneway &&
		   (call->method->flags & METHOD_MORE) != 0;
	if (call->parameters.after)
		snprintf(bulk->after, sizeof(bulk->after), "%s", call->parameters.after);
	part_begin(call);
}

uint32_t bulk_users(const Call *call)
{
	return call->bulk.on ? call->bulk.part : call->parameters.users->n;
}

static void users_write(JsonWriter *w, const Call *call)
{
	uint32_t i = 0;

	json_open(w, "users", '[');
	JSON_FOREACH(user, call->parameters.users) {
		if (i >= call->bulk.done && i < call->bulk.done + call->bulk.part)
			json_put_node(w, NULL, user);
		i++;
	}
	json_close(w, ']');
}

void bulk_write(JsonWriter *w, const Call *call)
{
	const JsonNode *object = call->message.parameters,
		       *key = object ? json_first(object) : NULL;

	for (uint32_t i = 0; object && i < object->n; i++) {
		const JsonNode *value = json_next(key);

		if (strcmp(key->string, "users") != 0 && strcmp(key->string, "after") != 0)
			json_put_node(w, key->string, value);
		key = json_next(value);
	}
	if (call->parameters.users)
		users_write(w, call);
	if (call->bulk.after[0] != '\0')
		json_put_string(w, "after", call->bulk.after);
}

int bulk_note(Call *call, const JsonNode *reply)
{
	Bulk *bulk = &call->bulk;
	const char *next = json_get_string(reply, "next");

	if (call->parameters.users) {
		bulk->continues = users_left(call) > bulk->part;
		return 0;
	}
	/* One that does not move on would keep us here for ever. */
	if (next && (strlen(next) >= sizeof(bulk->after) || strcmp(next, bulk->after) <= 0))
		return -EBADMSG;
	snprintf(bulk->after, sizeof(bulk->after), "%s", next ? next : "");
	bulk->continues = next != NULL;
	return 0;
}

void bulk_go_on(Call *call)
{
	Bulk *bulk = &call->bulk;

	bulk->continues = false;
	bulk->parts++;
	bulk->done += bulk->part;
	part_begin(call);
	/* Who asks again goes on where we stop: SendLink by its batch, the others by "next". */
	if (call->broker->stopping)
		call_fail(call, UNAVAILABLE);
	else
		route_submit(call);
}
