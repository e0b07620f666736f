/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer that sends any bytes in pieces of any size, to both sides of the wire: each message is
 * taken for a call and for a reply, its parameters are dispatched by a table, and an answer is
 * written. The first byte is the size of a piece.
 */

#include <sys/socket.h>

#include "fuzz.h"
#include "varlink.h"

typedef struct Parameters {
	const char *user;
	int64_t seconds;
	bool once;
	const JsonNode *users;
	const JsonNode *origin;
} Parameters;

static const VarlinkField fields[] = {
	{ "user", JSON_STRING, offsetof(Parameters, user), true, 256 },
	{ "seconds", JSON_INTEGER, offsetof(Parameters, seconds), false, 0 },
	{ "once", JSON_BOOL, offsetof(Parameters, once), false, 0 },
	{ "users", JSON_ARRAY, offsetof(Parameters, users), false, 500 },
	{ "origin", JSON_OBJECT, offsetof(Parameters, origin), false, 0 },
	{ 0 },
};

static void answer(VarlinkStream *stream, const VarlinkCall *call)
{
	Parameters p = { 0 };
	const char *bad = NULL;
	Buf *buf = varlink_stream_message(stream);
	JsonWriter w = JSON_WRITER(buf);
	int r;

	if (!buf)
		return;
	if (varlink_dispatch(call->parameters, fields, &p, &bad) == 0) {
		assert(p.user && strlen(p.user) <= 256);
		assert(!p.users || p.users->n <= 500);
		varlink_open_reply(&w, call->more);
		json_put_members(&w, call->parameters);
	} else {
		assert(bad);
		varlink_open_error(&w, VARLINK_E_INVALID_PARAMETER);
		json_put_string(&w, "parameter", bad);
	}
	varlink_close(&w);
	r = varlink_stream_commit(stream);
	assert(r == 0 || r == -EMSGSIZE || r == -ENOMEM);
}

static int take(VarlinkStream *stream)
{
	const JsonNode *root;
	VarlinkCall call;
	VarlinkReply reply;
	int r;

	while ((r = varlink_stream_read(stream, &root)) == 1) {
		bool is_call = varlink_call_parse(&call, root) == 0;

		/* "method" makes the one, and the other does not know it. */
		assert(!(varlink_reply_parse(&reply, root) == 0 && is_call));
		if (is_call)
			answer(stream, &call);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VarlinkStream *stream;
	size_t piece;
	int fds[2], r;
	char sink[4096];

	if (size == 0)
		return 0;
	piece = data[0] + 1U;
	r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
	assert(r == 0);
	r = varlink_stream_new(&stream, fds[0]);
	assert(r == 0);
	for (size_t at = 1; at < size && r == 0; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (send(fds[1], data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
			break;
		r = take(stream);
		varlink_stream_flush(stream);
		while (recv(fds[1], sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
	close(fds[1]);
	if (r == 0)
		r = take(stream);
	assert(r < 0);
	varlink_stream_free(stream);
	return 0;
}
