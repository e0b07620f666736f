/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a ledger back: any bytes may stand in the file, and every newline is a chance to go on.
 */

#include <string.h>

#include "ledger_private.h"
#include "log.h"

#define CHUNK (64 * 1024)
#define RECORD_NODES_MAX 128

typedef struct Reader {
	Ledger *ledger;
	LedgerReplay replay;
	void *userdata;
	char chunk[CHUNK];
	size_t start, end; /* bytes in chunk not looked at yet */
	size_t offset;     /* of the file: where chunk[start] stands */
	size_t good_end;   /* of the file: behind the last newline */
	size_t bad;        /* records lost */
	bool skipping;     /* inside a line that is too long to be a record */
	JsonNode nodes[RECORD_NODES_MAX];
} Reader;

/* 0: a record; 1: none. */
static int line_parse(Reader *reader, char *line, size_t len, const JsonNode **ret)
{
	Json json = { .nodes = reader->nodes, .n_nodes_max = RECORD_NODES_MAX };
	uint32_t sum = 0;

	if (len <= FRAME_LEN || line[FRAME_LEN - 1] != ' ')
		return 1;
	for (size_t i = 0; i < FRAME_LEN - 1; i++) {
		char c = line[i];

		if (c >= '0' && c <= '9')
			sum = sum << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			sum = sum << 4 | (uint32_t)(c - 'a' + 10);
		else
			return 1;
	}
	if (crc32c(line + FRAME_LEN, len - FRAME_LEN) != sum ||
	    json_parse(&json, line + FRAME_LEN, len - FRAME_LEN) != 0 ||
	    json.nodes[0].type != JSON_OBJECT)
		return 1;
	*ret = json.nodes;
	return 0;
}

static int line_take(Reader *reader, size_t len)
{
	const JsonNode *record;
	int r;

	if (reader->skipping) {
		reader->skipping = false;
		return 0;
	}
	r = line_parse(reader, reader->chunk + reader->start, len, &record);
	if (r == 0)
		r = reader->replay(record, reader->userdata);
	if (r > 0)
		reader->bad++;
	return r < 0 ? r : 0;
}

static int chunk_consume(Reader *reader)
{
	for (;;) {
		const char *from = reader->chunk + reader->start;
		const char *newline = memchr(from, '\n', reader->end - reader->start);
		size_t len;
		int r;

		if (!newline)
			break;
		len = (size_t)(newline - from);
		r = line_take(reader, len);
		if (r < 0)
			return r;
		reader->start += len + 1;
		reader->offset += len + 1;
		reader->good_end = reader->offset;
	}
	if (reader->end - reader->start > LEDGER_LINE_MAX) {
		reader->bad += !reader->skipping;
		reader->skipping = true;
		reader->offset += reader->end - reader->start;
		reader->start = reader->end;
	}
	memmove(reader->chunk, reader->chunk + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = 0;
	return 0;
}

static int file_read(Reader *reader)
{
	int fd = reader->ledger->fd;

	/* Ends with the file, which nobody else appends to. */
	for (;;) {
		ssize_t n = pread(fd, reader->chunk + reader->end, CHUNK - reader->end,
				  (off_t)(reader->offset + reader->end));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		reader->end += (size_t)n;
		r = chunk_consume(reader);
		if (r < 0)
			return r;
	}
}

int ledger_replay(Ledger *ledger, LedgerReplay replay, void *userdata)
{
	AUTO_FREE Reader *reader = calloc(1, sizeof(*reader));
	size_t torn;
	int r;

	if (!reader)
		return -ENOMEM;
	reader->ledger = ledger;
	reader->replay = replay;
	reader->userdata = userdata;
	r = file_read(reader);
	if (r < 0)
		return r;

	torn = reader->offset + reader->end - reader->good_end;
	if (torn > 0) {
		log_line(
			LOG_NOTICE,
			"%s: %zu bytes of a record that was being written at the last crash are ignored.",
			ledger->name, torn);
		/* Else the next record would be glued to it, and both be lost. */
		if (ftruncate(ledger->fd, (off_t)reader->good_end) < 0)
			log_line(LOG_WARNING, "%s: the torn end cannot be cut off: %m",
				 ledger->name);
	}
	if (reader->bad > 0)
		log_line(LOG_ERR, "%s: %zu damaged records are ignored; look after the disk.",
			 ledger->name, reader->bad);
	ledger->size = reader->good_end;
	ledger->damaged = torn > 0 || reader->bad > 0;
	return 0;
}
