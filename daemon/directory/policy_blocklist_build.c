/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Builds blocklist filters. Keys first go, by their first byte, through 256 buffers to blocks of an
 * unnamed file; then each such part is read back, sorted and written. So neither the input's order
 * nor its length matters.
 */
#include "policy_blocklist_build.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"
#include "policy_blocklist_write.h"

#define PARTS 256U
#define BLOCK_KEYS 8192U
#define READ_SIZE (1U << 18)
#define PROGRESS_LINES (1U << 16)
#define LINE_MAX_BYTES 1024U

typedef struct Block {
	uint16_t part;
	uint16_t n_keys;
} Block;

struct BlocklistBuild {
	char *output;
	FilterKey key;
	BlocklistProgress progress;
	void *userdata;
	uint64_t min_count;
	uint64_t n_bytes, n_lines, n_keys;
	uint64_t n_part[PARTS];
	int spill;
	Block *blocks; /* in the order of the spill file */
	size_t n_blocks, size_blocks;
	uint64_t buffers[PARTS][BLOCK_KEYS];
	uint16_t n_buffer[PARTS];
	uint8_t read[READ_SIZE];
	uint8_t line[LINE_MAX_BYTES];
	size_t n_line;
	bool line_too_long;
};

/* Unnamed, beside the output, where the space is that the user has foreseen. */
static int spill_open(const char *output)
{
	char folder[4096];
	int fd;

	if (strlen(output) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, output, strlen(output) + 1);
	fd = open(dirname(folder), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int blocklist_build_new(BlocklistBuild **ret, const char *output, FilterKey key,
			BlocklistProgress progress, void *userdata)
{
	BlocklistBuild *build;
	int r;

	if (key >= _FILTER_KEY_MAX)
		return -EINVAL;
	build = calloc(1, sizeof(*build));
	if (!build)
		return -ENOMEM;
	build->spill = -1;
	build->key = key;
	build->progress = progress;
	build->userdata = userdata;
	build->output = strdup(output);
	if (!build->output) {
		blocklist_build_free(build);
		return -ENOMEM;
	}
	r = spill_open(output);
	if (r < 0) {
		blocklist_build_free(build);
		return r;
	}
	build->spill = r;
	*ret = build;
	return 0;
}

BlocklistBuild *blocklist_build_free(BlocklistBuild *build)
{
	if (!build)
		return NULL;
	if (build->spill >= 0)
		close(build->spill);
	free(build->blocks);
	free(build->output);
	free(build);
	return NULL;
}

void blocklist_build_set_min_count(BlocklistBuild *build, uint64_t min_count)
{
	build->min_count = min_count;
}

uint64_t blocklist_build_line(const BlocklistBuild *build)
{
	return build->n_lines;
}

static int buffer_flush(BlocklistBuild *build, unsigned part)
{
	size_t n = build->n_buffer[part];
	off_t at = (off_t)(build->n_blocks * sizeof(build->buffers[0]));
	int r;

	if (n == 0)
		return 0;
	if (build->n_blocks == build->size_blocks) {
		size_t size = build->size_blocks ? build->size_blocks * 2 : 4096;
		Block *larger = reallocarray(build->blocks, size, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		build->blocks = larger;
		build->size_blocks = size;
	}
	r = blocklist_write_at(build->spill, build->buffers[part], n * sizeof(uint64_t), at);
	if (r < 0)
		return r;
	build->blocks[build->n_blocks++] = (Block){ (uint16_t)part, (uint16_t)n };
	build->n_buffer[part] = 0;
	return 0;
}

static int key_add(BlocklistBuild *build, uint64_t key)
{
	unsigned part = (unsigned)(key >> 56);

	if (build->n_keys == UINT32_MAX)
		return BLOCKLIST_E_FULL;
	build->buffers[part][build->n_buffer[part]++] = key;
	build->n_part[part]++;
	build->n_keys++;
	return build->n_buffer[part] == BLOCK_KEYS ? buffer_flush(build, part) : 0;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

/* DIGEST or DIGEST:COUNT; *ret_count is 0 where none stands. */
static int hash_parse(FilterKey kind, const uint8_t *line, size_t n, uint64_t *ret_key,
		      uint64_t *ret_count)
{
	size_t n_hex = 2 * (kind == FILTER_KEY_SHA1 ? SHA1_SIZE : MD4_SIZE);
	uint64_t key = 0, count = 0;

	if (n < n_hex || (n > n_hex && (line[n_hex] != ':' || n == n_hex + 1)))
		return BLOCKLIST_E_SYNTAX;
	for (size_t i = 0; i < n_hex; i++) {
		int value = hex_value(line[i]);

		if (value < 0)
			return BLOCKLIST_E_SYNTAX;
		if (i < 16)
			key = key << 4 | (unsigned)value;
	}
	for (size_t i = n_hex + 1; i < n; i++) {
		if (line[i] < '0' || line[i] > '9' || count > UINT64_MAX / 10 - 9)
			return BLOCKLIST_E_SYNTAX;
		count = count * 10 + line[i] - '0';
	}
	*ret_key = key;
	*ret_count = count;
	return 0;
}

static int line_take(BlocklistBuild *build, BlocklistInput input)
{
	size_t n = build->n_line;
	uint64_t key, count;
	int r;

	build->n_line = 0;
	build->n_lines++;
	if (build->progress && build->n_lines % PROGRESS_LINES == 0 &&
	    build->progress(build->n_bytes, build->n_lines, build->userdata) != 0)
		return BLOCKLIST_E_CANCELLED;
	if (n > 0 && build->line[n - 1] == '\r')
		n--;
	if (input == BLOCKLIST_PASSWORDS) {
		/* What cannot be a password needs no entry. */
		if (build->line_too_long || n == 0 ||
		    !filter_key(build->key, build->line, n, &key)) {
			build->line_too_long = false;
			return 0;
		}
		return key_add(build, key);
	}
	if (build->line_too_long)
		return BLOCKLIST_E_SYNTAX;
	if (n == 0)
		return 0;
	r = hash_parse(build->key, build->line, n, &key, &count);
	if (r)
		return r;
	return count && count < build->min_count ? 0 : key_add(build, key);
}

static int bytes_take(BlocklistBuild *build, BlocklistInput input, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		const uint8_t *newline = memchr(bytes, '\n', n);
		size_t part = newline ? (size_t)(newline - bytes) : n;

		if (part > LINE_MAX_BYTES - build->n_line) {
			build->line_too_long = true;
		} else {
			memcpy(build->line + build->n_line, bytes, part);
			build->n_line += part;
		}
		if (newline) {
			int r = line_take(build, input);

			if (r)
				return r;
			part++;
		}
		bytes += part;
		n -= part;
	}
	return 0;
}

int blocklist_build_read(BlocklistBuild *build, int fd, BlocklistInput input)
{
	for (;;) {
		ssize_t n = read(fd, build->read, sizeof(build->read));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return build->n_line || build->line_too_long ? line_take(build, input) : 0;
		build->n_bytes += (uint64_t)n;
		r = bytes_take(build, input, build->read, (size_t)n);
		if (r)
			return r;
	}
}

static int key_compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static int part_read(BlocklistBuild *build, unsigned part, uint64_t *keys)
{
	size_t n = 0;

	for (size_t i = 0; i < build->n_blocks; i++) {
		off_t at = (off_t)(i * sizeof(build->buffers[0]));
		int r;

		if (build->blocks[i].part != part)
			continue;
		r = blocklist_read_at(build->spill, keys + n,
				      build->blocks[i].n_keys * sizeof(*keys), at);
		if (r < 0)
			return r;
		n += build->blocks[i].n_keys;
	}
	return 0;
}

static int part_write(BlocklistBuild *build, BlocklistWriter *writer, unsigned part)
{
	uint64_t *keys, before = 0;
	size_t n = build->n_part[part];
	int r;

	if (n == 0)
		return 0;
	keys = reallocarray(NULL, n, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	r = part_read(build, part, keys);
	if (r == 0)
		qsort(keys, n, sizeof(*keys), key_compare);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (i == 0 || keys[i] != before)
			r = blocklist_writer_add(writer, keys[i]);
		before = keys[i];
	}
	free(keys);
	return r;
}

int blocklist_build_finish(BlocklistBuild *build, uint64_t *ret_entries)
{
	BlocklistWriter *writer;
	int r;

	if (build->n_keys == 0)
		return BLOCKLIST_E_EMPTY;
	for (unsigned part = 0; part < PARTS; part++) {
		r = buffer_flush(build, part);
		if (r < 0)
			return r;
	}
	r = blocklist_writer_new(&writer, build->output, build->key, build->n_keys);
	if (r < 0)
		return r;
	for (unsigned part = 0; part < PARTS && r == 0; part++) {
		r = part_write(build, writer, part);
		if (r == 0 && build->progress &&
		    build->progress(build->n_bytes, build->n_lines, build->userdata) != 0)
			r = BLOCKLIST_E_CANCELLED;
	}
	if (r == 0)
		r = blocklist_writer_finish(writer, ret_entries);
	blocklist_writer_free(writer);
	return r;
}
