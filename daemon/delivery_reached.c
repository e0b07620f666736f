/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which addresses of a request have its mail already: a retry because of one leaves the others
 * alone. The request keeps a bit for each, by its place in the list, and a hash of the list, for in
 * the directory it may have changed: then all are written to, as a person had rather hear twice of
 * a change than not at all.
 */

#include <string.h>

#include "delivery_private.h"
#include "siphash.h"

#define REACHED_MAX 32

/*
 * What is in these mails is the same in a retry. A link, code or password is made anew and kills
 * the one before, so whoever has the old mail must get the new one too.
 */
static bool mail_lasts(RequestKind kind)
{
	switch (kind) {
	case REQUEST_USERNAME:
	case REQUEST_CHANGED:
	case REQUEST_MAIL_CHANGED:
	case REQUEST_ENROLLED:
	case REQUEST_EXPIRY:
		return true;
	default:
		return false;
	}
}

/*
 * Not negative, for JSON; 0: of nobody. The id is no secret, but the spool shall not show who has
 * which address.
 */
static int64_t list_hash(const Request *request, const JsonNode *to)
{
	uint64_t sum[2] = { 0 };
	uint8_t key[SIPHASH_KEY_SIZE];

	if (!to || to->type != JSON_ARRAY)
		return 0;
	memcpy(key, request->id, sizeof(key));
	JSON_FOREACH(address, to) {
		if (address->type != JSON_STRING)
			return 0;
		sum[1] = siphash(key, address->string, address->n);
		sum[0] = siphash(key, sum, sizeof(sum));
	}
	return (int64_t)(sum[0] >> 1);
}

void reached_put(JsonWriter *w, Request *request, const JsonNode *mail)
{
	int64_t hash = mail_lasts(request->kind) ? list_hash(request, json_get(mail, "to")) : 0;

	if (hash != request->reached_of)
		request->reached = 0;
	request->reached_of = hash;
	if (request->reached == 0)
		return;
	json_open(w, "reached", '[');
	for (unsigned i = 0; i < REACHED_MAX; i++)
		if (request->reached & (UINT32_C(1) << i))
			json_put_integer(w, NULL, i);
	json_close(w, ']');
}

void reached_take(Request *request, const JsonNode *reached)
{
	if (request->reached_of == 0 || !reached || reached->type != JSON_ARRAY)
		return;
	JSON_FOREACH(place, reached)
		if (place->type == JSON_INTEGER && place->integer >= 0 &&
		    place->integer < REACHED_MAX)
			request->reached |= UINT32_C(1) << place->integer;
}
