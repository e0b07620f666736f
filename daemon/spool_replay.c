/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the spool's file says is still to be done. */

#include <string.h>

#include "log.h"
#include "spool_private.h"

#define TABLE_MIN 1024
#define TABLE_MAX (1024 * 1024)
/*
 * An attempt was cut off: a moment of patience, so that what kills us does not find us at it at
 * once.
 */
#define AFTER_CRASH_MS 1000

typedef struct Replay {
	Request **table; /* chained by Request.chain */
	size_t size;
	size_t n;
	size_t memory;
	int64_t now_ms;
} Replay;

static size_t table_slot(const Replay *replay, const char *id)
{
	uint64_t h = 0;

	/* The ids are our own random numbers. */
	for (size_t i = 0; id[i]; i++)
		h = h * 63 + (unsigned char)id[i];
	return (size_t)(h % replay->size);
}

static Request **table_find(const Replay *replay, RequestKind kind, const char *id)
{
	Request **at = replay->table + table_slot(replay, id);

	while (*at && ((*at)->kind != kind || strcmp((*at)->id, id) != 0))
		at = &(*at)->chain;
	return at;
}

static int table_grow(Replay *replay)
{
	Replay bigger = { .size = replay->size > 0 ? replay->size * 4 : TABLE_MIN };

	/* Pointers it is. NOLINTNEXTLINE(bugprone-sizeof-expression) */
	bigger.table = calloc(bigger.size, sizeof(*bigger.table));
	if (!bigger.table)
		return -ENOMEM;
	for (size_t i = 0; i < replay->size; i++)
		for (Request *q = replay->table[i], *next; q; q = next) {
			Request **at = bigger.table + table_slot(&bigger, q->id);

			next = q->chain;
			q->chain = *at;
			*at = q;
		}
	free(replay->table);
	replay->table = bigger.table;
	replay->size = bigger.size;
	return 0;
}

static int replay_add(Replay *replay, const JsonNode *record)
{
	Request parsed, **at;

	if (request_parse(&parsed, record) < 0 || replay->memory > SPOOL_MEMORY_MAX)
		return 1;
	if (replay->n >= replay->size && replay->size < TABLE_MAX && table_grow(replay) < 0)
		return -ENOMEM;
	at = table_find(replay, parsed.kind, parsed.id);
	if (*at)
		return 1;
	*at = request_copy(&parsed);
	if (!*at)
		return -ENOMEM;
	(*at)->size = (*at)->memory;
	replay->memory += (*at)->memory;
	replay->n++;
	return 0;
}

static int replay_later(Request *q, const JsonNode *record)
{
	int64_t due = 0, unknown = 0, attempt = 0, reached = 0, of = 0;

	if (!json_get_integer(record, "due", &due) ||
	    !json_get_integer(record, "unknown", &unknown) || unknown < 0 || unknown > INT32_MAX)
		return 1;
	q->due = due;
	q->unknown = (unsigned)unknown;
	if (json_get_integer(record, "attempt", &attempt) && attempt >= 0 && attempt <= INT32_MAX)
		q->attempts = (unsigned)attempt;
	q->done = json_get_bool(record, "done", false);
	q->missed = json_get_bool(record, "missed", false);
	if (json_get_integer(record, "reached", &reached) &&
	    json_get_integer(record, "reachedOf", &of) && reached >= 0 && reached <= UINT32_MAX) {
		q->reached = (uint32_t)reached;
		q->reached_of = of;
	}
	return 0;
}

static int replay_change(Replay *replay, const char *op, const JsonNode *record)
{
	const char *kind = json_get_string(record, "kind"), *id = json_get_string(record, "id");
	int64_t at = 0;
	Request **where, *q;

	if (!kind || !id || !replay->table)
		return 1;
	where = table_find(replay, request_kind_parse(kind), id);
	q = *where;
	if (!q)
		return 1;
	if (strcmp(op, SPOOL_OP_DONE) == 0) {
		*where = q->chain;
		replay->memory -= q->memory;
		replay->n--;
		free(q);
		return 0;
	}
	if (strcmp(op, SPOOL_OP_TRY) == 0 && json_get_integer(record, "at", &at)) {
		q->attempts++;
		q->unknown++;
		q->due = (at > replay->now_ms ? replay->now_ms : at) + AFTER_CRASH_MS;
		return 0;
	}
	if (strcmp(op, SPOOL_OP_LATER) == 0)
		return replay_later(q, record);
	return 1;
}

static int record_replay(const JsonNode *record, void *userdata)
{
	const char *op = json_get_string(record, "op");

	if (!op)
		return 1;
	if (strcmp(op, SPOOL_OP_ADD) == 0)
		return replay_add(userdata, record);
	return replay_change(userdata, op, record);
}

int spool_replay(Ledger **ret, int dir_fd, const char *name, int64_t now_ms, SpoolTake take,
		 void *userdata)
{
	Replay replay = { .now_ms = now_ms };
	CLEANUP(ledger_freep) Ledger *ledger = NULL;
	int r;

	r = ledger_open(&ledger, dir_fd, name, record_replay, &replay);
	for (size_t i = 0; i < replay.size; i++)
		for (Request *q = replay.table[i], *next; q; q = next) {
			next = q->chain;
			q->chain = NULL;
			if (r == 0)
				r = take(q, userdata);
			if (r < 0)
				free(q);
		}
	free(replay.table);
	if (r < 0)
		return r;
	*ret = STEAL(ledger);
	return 0;
}
