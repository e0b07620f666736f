/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ring of markers in order of time, and an open-addressed index over it. */

#include <string.h>
#include <sys/random.h>

#include "batch.h"
#include "log.h"
#include "siphash.h"
#include "validate.h"

#define BATCH_FILE "batches"
#define INDEX_SIZE (2 * BATCH_MAX) /* a power of two; half of it is free */
#define KEY_TEXT 22                /* a SipHash key in base64url */
#define TAG_TEXT 16
#define TIDY_LINE 128          /* bytes a marker may take in the file, dead ones counted, … */
#define TIDY_SLACK (64 * 1024) /* … and altogether, before it is rewritten */

typedef struct Marker {
	uint64_t tag;
	int64_t noted; /* seconds since the epoch */
} Marker;

struct Batch {
	Ledger *ledger;
	bool has_key;
	uint8_t key[SIPHASH_KEY_SIZE];
	Marker *ring;       /* BATCH_MAX of them; NULL before the first */
	uint32_t *index;    /* position in the ring + 1; 0: free */
	uint64_t head;      /* markers ever added; the newest is at head - 1 */
	uint64_t tail;      /* the oldest; head - tail <= BATCH_MAX */
	uint64_t committed; /* head at the last commit */
};

static Marker *marker_at(const Batch *batch, uint64_t n)
{
	return batch->ring + n % BATCH_MAX;
}

/* The slot of tag, or the free one where it would go. */
static uint32_t *index_find(const Batch *batch, uint64_t tag)
{
	uint32_t at = (uint32_t)(tag % INDEX_SIZE);

	/* Ends, because at least half of all slots are free. */
	while (batch->index[at] != 0 && batch->ring[batch->index[at] - 1].tag != tag)
		at = (at + 1) % INDEX_SIZE;
	return batch->index + at;
}

/* Frees a slot and moves those behind it up that would be cut off from their place. */
static void index_remove(Batch *batch, uint64_t tag)
{
	uint32_t hole = (uint32_t)(index_find(batch, tag) - batch->index), at = hole;

	if (batch->index[hole] == 0)
		return;
	batch->index[hole] = 0;
	for (;;) {
		uint32_t home;

		at = (at + 1) % INDEX_SIZE;
		if (batch->index[at] == 0)
			return;
		home = (uint32_t)(batch->ring[batch->index[at] - 1].tag % INDEX_SIZE);
		if ((at - home) % INDEX_SIZE >= (at - hole) % INDEX_SIZE) {
			batch->index[hole] = batch->index[at];
			batch->index[at] = 0;
			hole = at;
		}
	}
}

static int memory_prepare(Batch *batch)
{
	if (!batch->ring)
		batch->ring = calloc(BATCH_MAX, sizeof(*batch->ring));
	if (!batch->index)
		batch->index = calloc(INDEX_SIZE, sizeof(*batch->index));
	return batch->ring && batch->index ? 0 : -ENOMEM;
}

static void oldest_drop(Batch *batch)
{
	index_remove(batch, marker_at(batch, batch->tail)->tag);
	batch->tail++;
	if (batch->committed < batch->tail)
		batch->committed = batch->tail;
}

static int marker_add(Batch *batch, uint64_t tag, int64_t noted)
{
	int r = memory_prepare(batch);

	if (r < 0)
		return r;
	if (*index_find(batch, tag) != 0)
		return 1;
	if (batch->head - batch->tail == BATCH_MAX)
		oldest_drop(batch);
	*marker_at(batch, batch->head) = (Marker){ .tag = tag, .noted = noted };
	*index_find(batch, tag) = (uint32_t)(batch->head % BATCH_MAX) + 1;
	batch->head++;
	return 0;
}

static int batch_replay(const JsonNode *record, void *userdata)
{
	Batch *batch = userdata;
	const char *key = json_get_string(record, "key"), *tag = json_get_string(record, "tag");
	int64_t noted;
	char *end;
	size_t n;
	int r;

	if (key) {
		if (base64url_decode(key, strlen(key), batch->key, sizeof(batch->key), &n) < 0 ||
		    n != sizeof(batch->key))
			return 1;
		batch->has_key = true;
		return 0;
	}
	if (!tag || strlen(tag) != TAG_TEXT || !json_get_integer(record, "noted", &noted))
		return 1;
	r = marker_add(batch, strtoull(tag, &end, 16), noted);
	return r < 0 ? r : *end != '\0';
}

int batch_new(Batch **ret, int dir_fd, int64_t now)
{
	CLEANUP(batch_freep) Batch *batch = calloc(1, sizeof(*batch));
	int r;

	if (!batch)
		return -ENOMEM;
	r = ledger_open(&batch->ledger, dir_fd, BATCH_FILE, batch_replay, batch);
	if (r < 0)
		return r;
	batch->committed = batch->head;
	if (!batch->has_key && getrandom(batch->key, sizeof(batch->key), 0) != sizeof(batch->key))
		return -EIO;
	batch_tidy(batch, now);
	*ret = STEAL(batch);
	return 0;
}

Batch *batch_free(Batch *batch)
{
	if (!batch)
		return NULL;
	ledger_free(batch->ledger);
	free(batch->ring);
	free(batch->index);
	free(batch);
	return NULL;
}

static int key_record(Batch *batch, Ledger *ledger)
{
	char text[KEY_TEXT + 1];

	base64url_encode(batch->key, sizeof(batch->key), text, sizeof(text));
	json_put_string(ledger_begin(ledger), "key", text);
	return ledger_end(ledger, NULL);
}

static int marker_record(Ledger *ledger, const Marker *marker)
{
	char text[TAG_TEXT + 1];
	JsonWriter *w = ledger_begin(ledger);

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)marker->tag);
	json_put_string(w, "tag", text);
	json_put_integer(w, "noted", marker->noted);
	return ledger_end(ledger, NULL);
}

int batch_add(Batch *batch, const char *requester, const char *name, const char *user, int64_t now)
{
	char text[BATCH_NAME_MAX + 2 * USER_NAME_MAX + 3];
	int len, r;

	/*
	 * Neither the requester nor the run's name has a newline in it (parameters.c), so no two
	 * triples look alike.
	 */
	len = snprintf(text, sizeof(text), "%s%c%s%c%s", requester, '\n', name, '\n', user);
	if (len < 0 || (size_t)len >= sizeof(text))
		return -EMSGSIZE;
	if (!batch->has_key) {
		r = key_record(batch, batch->ledger);
		/* At once: marks in the spool mean nothing without it. */
		if (r == 0)
			r = ledger_commit(batch->ledger, true);
		if (r < 0)
			return r;
		batch->has_key = true;
	}
	r = marker_add(batch, siphash(batch->key, text, (size_t)len), now);
	if (r != 0)
		return r;
	r = marker_record(batch->ledger, marker_at(batch, batch->head - 1));
	if (r < 0) {
		batch->head--;
		index_remove(batch, marker_at(batch, batch->head)->tag);
	}
	return r;
}

uint64_t batch_mark(const Batch *batch)
{
	return batch->head > batch->tail ? marker_at(batch, batch->head - 1)->tag : 0;
}

int batch_restore(Batch *batch, uint64_t mark, int64_t noted)
{
	int r = batch->has_key ? marker_add(batch, mark, noted) : 1;

	if (r != 0)
		return r < 0 ? r : 0;
	return marker_record(batch->ledger, marker_at(batch, batch->head - 1));
}

void batch_revert(Batch *batch)
{
	ledger_forget(batch->ledger);
	while (batch->head > batch->committed) {
		index_remove(batch, marker_at(batch, batch->head - 1)->tag);
		batch->head--;
	}
	if (ledger_size(batch->ledger) == 0)
		batch->has_key = false;
}

int batch_commit(Batch *batch)
{
	int r = ledger_commit(batch->ledger, true);

	if (r < 0)
		batch_revert(batch);
	else
		batch->committed = batch->head;
	return r;
}

static int batch_write_all(Ledger *ledger, void *userdata)
{
	Batch *batch = userdata;
	int r = key_record(batch, ledger);

	for (uint64_t n = batch->tail; n < batch->head && r == 0; n++)
		r = marker_record(ledger, marker_at(batch, n));
	return r;
}

void batch_tidy(Batch *batch, int64_t now)
{
	int r = 0;

	if (ledger_pending(batch->ledger))
		return;
	while (batch->tail < batch->head &&
	       marker_at(batch, batch->tail)->noted + BATCH_KEEP_S <= now)
		oldest_drop(batch);
	if (batch->tail == batch->head) {
		r = ledger_remove(batch->ledger);
		batch->has_key = false;
	} else if (ledger_damaged(batch->ledger) ||
		   ledger_size(batch->ledger) >
			   TIDY_SLACK + (batch->head - batch->tail) * TIDY_LINE) {
		r = ledger_rewrite(batch->ledger, batch_write_all, batch);
	}
	if (r < 0)
		log_line(LOG_WARNING, "%s cannot be tidied up: %s", BATCH_FILE, strerror(-r));
}
