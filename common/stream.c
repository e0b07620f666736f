/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages over a non-blocking socket. Memory is taken when there is something to hold and given
 * back, wiped, when there is not, so that an idle peer costs a descriptor and this struct.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "secret.h"
#include "varlink.h"

#define CHUNK_MIN 4096

/* Bytes [start, end) of data wait for their reader. */
typedef struct Chunk {
	char *data;
	size_t size;
	size_t start;
	size_t end;
} Chunk;

struct VarlinkStream {
	int fd;
	Chunk in;
	size_t scanned;  /* in.data before this holds no NUL behind in.start */
	size_t consumed; /* bytes of the message that the caller looks at, at in.start */
	JsonNode *nodes; /* of that message */
	size_t n_nodes;
	Chunk out;
	Buf message; /* being written */
};

static void chunk_release(Chunk *chunk)
{
	memory_wipe(chunk->data, chunk->size);
	free(chunk->data);
	*chunk = (Chunk){ 0 };
}

/*
 * Room for more bytes behind end, in at most limit bytes; never by realloc(), which would leave a
 * copy unwiped.
 */
static int chunk_reserve(Chunk *chunk, size_t more, size_t limit)
{
	size_t used = chunk->end - chunk->start, size = chunk->size > 0 ? chunk->size : CHUNK_MIN;
	char *data;

	if (more <= chunk->size - chunk->end)
		return 0;
	if (used > limit || more > limit - used)
		return -EMSGSIZE;
	if (used + more <= chunk->size) {
		memmove(chunk->data, chunk->data + chunk->start, used);
		memory_wipe(chunk->data + used, chunk->end - used);
		chunk->start = 0;
		chunk->end = used;
		return 0;
	}
	while (size < used + more)
		size *= 2;
	if (size > limit)
		size = limit;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	if (used > 0)
		memcpy(data, chunk->data + chunk->start, used);
	chunk_release(chunk);
	*chunk = (Chunk){ .data = data, .size = size, .end = used };
	return 0;
}

static void nodes_release(VarlinkStream *stream)
{
	if (stream->nodes)
		memory_wipe(stream->nodes, stream->n_nodes * sizeof(*stream->nodes));
	free(stream->nodes);
	stream->nodes = NULL;
	stream->n_nodes = 0;
}

static void message_release(VarlinkStream *stream)
{
	buf_wipe(&stream->message);
	free(stream->message.data);
	stream->message = (Buf){ 0 };
}

int varlink_stream_new(VarlinkStream **ret, int fd)
{
	VarlinkStream *stream;
	int flags;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	stream->fd = fd;
	*ret = stream;
	return 0;
}

VarlinkStream *varlink_stream_free(VarlinkStream *stream)
{
	if (!stream)
		return NULL;
	chunk_release(&stream->in);
	chunk_release(&stream->out);
	nodes_release(stream);
	message_release(stream);
	closep(&stream->fd);
	free(stream);
	return NULL;
}

int varlink_stream_fd(const VarlinkStream *stream)
{
	return stream->fd;
}

void varlink_stream_done(VarlinkStream *stream)
{
	Chunk *in = &stream->in;

	nodes_release(stream);
	if (stream->consumed == 0)
		return;
	memory_wipe(in->data + in->start, stream->consumed);
	in->start += stream->consumed;
	stream->consumed = 0;
	stream->scanned = in->start;
	if (in->start == in->end)
		chunk_release(in);
}

/*
 * len: without its NUL. The nodes that a text can have grow with it; VARLINK_NODES_MAX is the limit
 * of all.
 */
static int message_parse(VarlinkStream *stream, size_t len, const JsonNode **root)
{
	size_t n = len / 2 + JSON_DEPTH_MAX;
	Json json;
	int r;

	if (n > VARLINK_NODES_MAX)
		n = VARLINK_NODES_MAX;
	/*
	 * Pointers into the text are in them, and nothing but those that were written is read or
	 * wiped.
	 */
	stream->nodes = reallocarray(NULL, n, sizeof(*stream->nodes));
	if (!stream->nodes)
		return -ENOMEM;
	json = (Json){ .nodes = stream->nodes, .n_nodes_max = n };
	r = json_parse(&json, stream->in.data + stream->in.start, len);
	stream->n_nodes = json.n_nodes;
	if (r != 0)
		return -EBADMSG;
	*root = stream->nodes;
	return 1;
}

/* 1 when bytes came, 0 when there are none yet. */
static int bytes_receive(VarlinkStream *stream)
{
	Chunk *in = &stream->in;
	size_t used = in->end - in->start;
	ssize_t n;
	int r;

	if (used >= VARLINK_MESSAGE_MAX)
		return -EMSGSIZE;
	if (in->end == in->size) {
		r = chunk_reserve(in, 1, VARLINK_MESSAGE_MAX);
		if (r < 0)
			return r;
		stream->scanned = in->start + used;
	}
	do
		n = read(stream->fd, in->data + in->end, in->size - in->end);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		in->end += (size_t)n;
		return 1;
	}
	r = n == 0 ? -ECONNRESET : errno == EAGAIN ? 0 : -errno;
	if (used == 0)
		chunk_release(in);
	return r;
}

int varlink_stream_read(VarlinkStream *stream, const JsonNode **root)
{
	Chunk *in = &stream->in;
	int r;

	varlink_stream_done(stream);
	/*
	 * Ends: each round without a NUL adds a byte at least, and VARLINK_MESSAGE_MAX is the most.
	 */
	for (;;) {
		const char *nul = NULL;

		if (in->end > stream->scanned)
			nul = memchr(in->data + stream->scanned, '\0', in->end - stream->scanned);
		if (nul) {
			size_t len = (size_t)(nul - (in->data + in->start));

			stream->consumed = len + 1;
			return message_parse(stream, len, root);
		}
		stream->scanned = in->end;
		r = bytes_receive(stream);
		if (r <= 0)
			return r;
	}
}

Buf *varlink_stream_message(VarlinkStream *stream)
{
	void *memory;

	if (stream->out.end - stream->out.start >= VARLINK_QUEUE_MAX)
		return NULL;
	if (!stream->message.data) {
		memory = malloc(VARLINK_MESSAGE_MAX);
		if (!memory)
			return NULL;
		buf_init(&stream->message, memory, VARLINK_MESSAGE_MAX);
	} else {
		buf_wipe(&stream->message);
	}
	return &stream->message;
}

int varlink_stream_commit(VarlinkStream *stream)
{
	Buf *message = &stream->message;
	Chunk *out = &stream->out;
	int r = -EMSGSIZE;

	if (!message->overflow && message->len > 0)
		r = chunk_reserve(out, message->len + 1, VARLINK_QUEUE_MAX + VARLINK_MESSAGE_MAX);
	if (r == 0) {
		/* With the NUL that ends a Buf, which is the one that ends a message. */
		memcpy(out->data + out->end, message->data, message->len + 1);
		out->end += message->len + 1;
	}
	message_release(stream);
	return r;
}

int varlink_stream_flush(VarlinkStream *stream)
{
	Chunk *out = &stream->out;

	while (out->start < out->end) {
		ssize_t n = send(stream->fd, out->data + out->start, out->end - out->start,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return errno == EAGAIN ? 0 : -errno;
		}
		memory_wipe(out->data + out->start, (size_t)n);
		out->start += (size_t)n;
	}
	if (out->data)
		chunk_release(out);
	return 1;
}

bool varlink_stream_pending(const VarlinkStream *stream)
{
	return stream->out.start < stream->out.end;
}
