/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a filter file in one pass over the sorted keys: two streams, the counts and the stored
 * bits, into a file that takes the output's name when it is whole and on the disk.
 */
#include "policy_blocklist_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy_file.h"

#define STREAM_SIZE (1U << 18)
#define KEYS_PER_BUCKET 32U

typedef struct Stream {
	int fd;
	off_t at;
	size_t n;
	uint8_t bytes[STREAM_SIZE];
} Stream;

struct BlocklistWriter {
	char *output, *partial;
	int fd;
	FilterKey key;
	unsigned bucket_bits;
	uint64_t n_keys;
	uint64_t n_counts; /* written so far */
	Stream counts, remainders;
};

int blocklist_write_at(int fd, const void *bytes, size_t n, off_t at)
{
	const uint8_t *p = bytes;

	while (n > 0) {
		ssize_t r = pwrite(fd, p, n, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		p += r;
		n -= (size_t)r;
		at += r;
	}
	return 0;
}

int blocklist_read_at(int fd, void *bytes, size_t n, off_t at)
{
	uint8_t *p = bytes;

	while (n > 0) {
		ssize_t r = pread(fd, p, n, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		p += r;
		n -= (size_t)r;
		at += r;
	}
	return 0;
}

static int stream_flush(Stream *stream)
{
	int r = blocklist_write_at(stream->fd, stream->bytes, stream->n, stream->at);

	stream->at += (off_t)stream->n;
	stream->n = 0;
	return r;
}

static int stream_put(Stream *stream, const void *bytes, size_t n)
{
	if (n > sizeof(stream->bytes) - stream->n) {
		int r = stream_flush(stream);

		if (r < 0)
			return r;
	}
	memcpy(stream->bytes + stream->n, bytes, n);
	stream->n += n;
	return 0;
}

BlocklistWriter *blocklist_writer_free(BlocklistWriter *writer)
{
	if (!writer)
		return NULL;
	if (writer->fd >= 0 && writer->partial) {
		close(writer->fd);
		unlink(writer->partial);
	}
	free(writer->partial);
	free(writer->output);
	free(writer);
	return NULL;
}

int blocklist_writer_new(BlocklistWriter **ret, const char *output, FilterKey key, uint64_t n_keys)
{
	BlocklistWriter *writer = calloc(1, sizeof(*writer));
	uint64_t n_counts;

	if (!writer)
		return -ENOMEM;
	writer->fd = -1;
	writer->key = key;
	while (writer->bucket_bits < FILTER_BUCKET_BITS_MAX &&
	       n_keys >> writer->bucket_bits > KEYS_PER_BUCKET)
		writer->bucket_bits++;
	writer->output = strdup(output);
	if (!writer->output || asprintf(&writer->partial, "%s.XXXXXX", output) < 0) {
		writer->partial = NULL;
		blocklist_writer_free(writer);
		return -ENOMEM;
	}
	writer->fd = mkostemp(writer->partial, O_CLOEXEC);
	if (writer->fd < 0) {
		int r = -errno;

		blocklist_writer_free(writer);
		return r;
	}
	n_counts = (UINT64_C(1) << writer->bucket_bits) + 1;
	writer->counts.fd = writer->remainders.fd = writer->fd;
	writer->counts.at = sizeof(PolicyFileHeader);
	writer->remainders.at = (off_t)(sizeof(PolicyFileHeader) + n_counts * sizeof(uint32_t));
	*ret = writer;
	return 0;
}

/* Of all buckets up to and with this one: how many keys stand before it. */
static int counts_up_to(BlocklistWriter *writer, uint64_t bucket)
{
	uint32_t count = (uint32_t)writer->n_keys;

	for (; writer->n_counts <= bucket; writer->n_counts++) {
		int r = stream_put(&writer->counts, &count, sizeof(count));

		if (r < 0)
			return r;
	}
	return 0;
}

int blocklist_writer_add(BlocklistWriter *writer, uint64_t key)
{
	uint32_t remainder = filter_remainder(key, writer->bucket_bits);
	uint8_t bytes[FILTER_REMAINDER_SIZE] = { (uint8_t)(remainder >> 16),
						 (uint8_t)(remainder >> 8), (uint8_t)remainder };
	int r = counts_up_to(writer, filter_bucket(key, writer->bucket_bits));

	if (r < 0)
		return r;
	writer->n_keys++;
	return stream_put(&writer->remainders, bytes, sizeof(bytes));
}

static int header_write(BlocklistWriter *writer)
{
	uint32_t parameters[POLICY_FILE_PARAMETERS] = {
		[FILTER_PARAMETER_KEY] = writer->key,
		[FILTER_PARAMETER_BUCKET_BITS] = writer->bucket_bits,
		[FILTER_PARAMETER_N_KEYS] = (uint32_t)writer->n_keys,
	};
	off_t at = sizeof(PolicyFileHeader), end = writer->remainders.at;
	uint8_t *block = malloc(POLICY_FILE_BLOCK);
	PolicyFileHeader header;
	uint64_t sum = 0;
	int r = block ? 0 : -ENOMEM;

	/* Read back rather than mapped: the file may be larger than memory. */
	while (r == 0 && at < end) {
		size_t n = end - at < (off_t)POLICY_FILE_BLOCK ? (size_t)(end - at)
							       : POLICY_FILE_BLOCK;

		r = blocklist_read_at(writer->fd, block, n, at);
		if (r == 0)
			sum = policy_file_checksum_block(sum, block, n);
		at += (off_t)n;
	}
	free(block);
	if (r < 0)
		return r;
	policy_file_header(&header, POLICY_FILE_FILTER, parameters,
			   (uint64_t)end - sizeof(PolicyFileHeader), sum);
	return blocklist_write_at(writer->fd, &header, sizeof(header), 0);
}

int blocklist_writer_finish(BlocklistWriter *writer, uint64_t *ret_keys)
{
	int r = counts_up_to(writer, UINT64_C(1) << writer->bucket_bits);

	if (r == 0)
		r = stream_flush(&writer->counts);
	if (r == 0)
		r = stream_flush(&writer->remainders);
	if (r == 0)
		r = header_write(writer);
	if (r < 0)
		return r;
	/* mkostemp() makes it private; every worker's user reads it, and it holds no secret. */
	if (fchmod(writer->fd, 0644) < 0 || fsync(writer->fd) < 0 ||
	    rename(writer->partial, writer->output) < 0)
		return -errno;
	close(writer->fd);
	writer->fd = -1;
	*ret_keys = writer->n_keys;
	return 0;
}
