/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Varlink messages (https://varlink.org/Method-Call): JSON objects, each ended by a NUL byte, at
 * most VARLINK_MESSAGE_MAX bytes with it. Here are calls, replies, checked parameters and a
 * non-blocking stream of messages; who talks to whom is the callers' business. libc only, no heap
 * but VarlinkStream's.
 */
#pragma once

#include "json.h"

#define VARLINK_MESSAGE_MAX (64 * 1024)
#define VARLINK_NODES_MAX 4096
#define VARLINK_NAME_MAX 255 /* bytes of a method, interface or error name */

#define VARLINK_E_INTERFACE_NOT_FOUND "org.varlink.service.InterfaceNotFound"
#define VARLINK_E_METHOD_NOT_FOUND "org.varlink.service.MethodNotFound"
#define VARLINK_E_INVALID_PARAMETER "org.varlink.service.InvalidParameter"
#define VARLINK_E_PERMISSION_DENIED "org.varlink.service.PermissionDenied"
#define VARLINK_E_EXPECTED_MORE "org.varlink.service.ExpectedMore"

typedef struct VarlinkCall {
	const char *method;
	const JsonNode *parameters; /* an object or NULL */
	bool oneway;
	bool more;
} VarlinkCall;

typedef struct VarlinkReply {
	const char *error;          /* NULL: success */
	const JsonNode *parameters; /* an object or NULL */
	bool continues;
} VarlinkReply;

/*
 * Both take the root of a parsed message; -EBADMSG when it is no call (reply), has unknown members
 * or "upgrade".
 */
int varlink_call_parse(VarlinkCall *call, const JsonNode *root);
int varlink_reply_parse(VarlinkReply *reply, const JsonNode *root);

/* Writers: open, put parameters, close. The NUL is added by the stream, not here. */
void varlink_open_call(JsonWriter *w, const char *method, bool more);
void varlink_open_reply(JsonWriter *w, bool continues);
void varlink_open_error(JsonWriter *w, const char *error);
void varlink_close(JsonWriter *w);

/* Parameters by table: strict about types, unknown and missing members and length. */
typedef struct VarlinkField {
	const char *name;
	JsonType type;
	/* string: const char *; integer: int64_t; bool: bool; array, object: const JsonNode * */
	size_t offset;
	bool mandatory; /* absent and null optional members leave the target as it was */
	uint32_t max;   /* string: bytes; array: elements; 0: no limit beyond the message's */
} VarlinkField;

/*
 * 0, or 1 and *bad names the first offending member (inside the message or the table). fields ends
 * with name NULL.
 */
int varlink_dispatch(const JsonNode *parameters, const VarlinkField *fields, void *target,
		     const char **bad);

/*
 * A stream of messages over a non-blocking descriptor that it owns. One message is parsed at a time
 * and stays valid until the next varlink_stream_read(). All memory is wiped after use.
 */
typedef struct VarlinkStream VarlinkStream;

int varlink_stream_new(VarlinkStream **ret, int fd); /* takes fd on success; sets O_NONBLOCK */
VarlinkStream *varlink_stream_free(VarlinkStream *stream);
DEFINE_CLEANUP(VarlinkStream *, varlink_stream_free)
int varlink_stream_fd(const VarlinkStream *stream);

/*
 * 1 and *root: a message; 0: none yet (wait for POLLIN); -EBADMSG: not Varlink (drop the peer);
 * -EMSGSIZE: too long; -ECONNRESET: the peer has gone (or has gone in mid-message); other negative
 * errno from read.
 */
int varlink_stream_read(VarlinkStream *stream, const JsonNode **root);
/*
 * Done with the message that was read last: it is wiped now and not only when the next one comes.
 */
void varlink_stream_done(VarlinkStream *stream);

/*
 * The buffer to write one message into (empty, VARLINK_MESSAGE_MAX); NULL while VARLINK_QUEUE_MAX
 * bytes wait.
 */
#define VARLINK_QUEUE_MAX (256 * 1024)
Buf *varlink_stream_message(VarlinkStream *stream);
/*
 * Queues what was written there: 0, or -EMSGSIZE on overflow (nothing queued). Wipes the message
 * buffer.
 */
int varlink_stream_commit(VarlinkStream *stream);
/*
 * Sends what it can: 1 when all has gone, 0 when some waits for POLLOUT, negative errno. Never
 * raises SIGPIPE.
 */
int varlink_stream_flush(VarlinkStream *stream);
bool varlink_stream_pending(const VarlinkStream *stream);
