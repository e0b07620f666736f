/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to the daemon that do not block. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "rpc.h"

#define RPC_RETRY_US (50 * 1000ULL) /* while the daemon's backlog is full */
#define RPC_ACCURACY_US (20 * 1000ULL)

typedef enum CallState { CALL_OPEN, CALL_WAITING, CALL_ACTIVE } CallState;

struct RpcCall {
	Rpc *rpc;
	RpcCall *previous; /* in the queue of those that wait */
	RpcCall *next;
	CallState state;
	bool further;
	VarlinkStream *stream;
	JsonWriter writer;
	sd_event_source *io;
	sd_event_source *deadline;
	RpcDone done;
	void *userdata;
};

struct Rpc {
	sd_event *event;
	struct sockaddr_un address;
	sd_event_source *retry;
	unsigned n_active;
	unsigned n_waiting;
	RpcCall *first;
	RpcCall *last;
};

static void rpc_advance(Rpc *rpc);

static void queue_insert(RpcCall *call)
{
	Rpc *rpc = call->rpc;

	call->state = CALL_WAITING;
	rpc->n_waiting++;
	if (call->further) {
		call->next = rpc->first;
		*(rpc->first ? &rpc->first->previous : &rpc->last) = call;
		rpc->first = call;
	} else {
		call->previous = rpc->last;
		*(rpc->last ? &rpc->last->next : &rpc->first) = call;
		rpc->last = call;
	}
}

static void queue_remove(RpcCall *call)
{
	Rpc *rpc = call->rpc;

	*(call->previous ? &call->previous->next : &rpc->first) = call->next;
	*(call->next ? &call->next->previous : &rpc->last) = call->previous;
	call->previous = call->next = NULL;
	rpc->n_waiting--;
}

/* The caller's function may start another call; this one is out of the way by then, but its reply
 * is still valid. */
static int call_finish(RpcCall *call, int error, const VarlinkReply *reply)
{
	Rpc *rpc = call->rpc;
	RpcDone done = call->done;
	void *userdata = call->userdata;

	call->done = NULL;
	done(error, reply, userdata);
	rpc_call_free(call);
	rpc_advance(rpc);
	return 0;
}

static int on_deadline(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	RpcCall *call = userdata;

	return call_finish(call, call->state == CALL_ACTIVE ? -ETIMEDOUT : -EHOSTDOWN, NULL);
}

static int call_write(RpcCall *call)
{
	int r = varlink_stream_flush(call->stream);

	if (r < 0)
		return r;
	(void)sd_event_source_set_io_events(call->io, r == 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return 0;
}

static int on_io(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events, void *userdata)
{
	RpcCall *call = userdata;
	const JsonNode *root;
	VarlinkReply reply;
	int r = 0;

	if (events & EPOLLOUT)
		r = call_write(call);
	/* A reply may stand in the socket although the daemon has closed it. */
	if (r >= 0 || events & EPOLLIN)
		r = varlink_stream_read(call->stream, &root);
	if (r == 0)
		return 0;
	if (r > 0)
		r = varlink_reply_parse(&reply, root);
	if (r == 0 && reply.continues)
		r = -EBADMSG;
	return call_finish(call, r < 0 ? r : 0, r < 0 ? NULL : &reply);
}

/* 0 when it is under way, -EAGAIN when the daemon's backlog is full, another error when it will not
 * be. */
static int call_start(RpcCall *call)
{
	Rpc *rpc = call->rpc;
	int fd = varlink_stream_fd(call->stream);
	int r;

	if (connect(fd, (const struct sockaddr *)&rpc->address, sizeof(rpc->address)) < 0)
		return -errno;
	r = sd_event_add_io(rpc->event, &call->io, fd, EPOLLIN, on_io, call);
	if (r >= 0)
		r = call_write(call);
	if (r < 0)
		return r;
	queue_remove(call);
	call->state = CALL_ACTIVE;
	rpc->n_active++;
	return 0;
}

static void rpc_retry_after(Rpc *rpc, uint64_t usec)
{
	(void)sd_event_source_set_time_relative(rpc->retry, usec);
	(void)sd_event_source_set_enabled(rpc->retry, SD_EVENT_ONESHOT);
}

static int on_retry(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Rpc *rpc = userdata;

	while (rpc->first && rpc->n_active < RPC_ACTIVE_MAX) {
		RpcCall *call = rpc->first;
		int r = call_start(call);

		if (r == -EAGAIN) {
			rpc_retry_after(rpc, RPC_RETRY_US);
			break;
		}
		if (r < 0)
			(void)call_finish(call, -EHOSTDOWN, NULL);
	}
	return 0;
}

/* From the event loop and not from here, so that done is never called within rpc_call_send(). */
static void rpc_advance(Rpc *rpc)
{
	if (rpc->first && rpc->n_active < RPC_ACTIVE_MAX)
		rpc_retry_after(rpc, 0);
}

int rpc_call_new(RpcCall **ret, Rpc *rpc, const char *method, bool further, RpcDone done,
		 void *userdata)
{
	RpcCall *call;
	Buf *message;
	AUTO_CLOSE int fd = -1;
	int r;

	if (!further && rpc->n_waiting >= RPC_WAITING_MAX)
		return -EBUSY;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->rpc = rpc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : varlink_stream_new(&call->stream, fd);
	if (r < 0) {
		rpc_call_free(call);
		return r;
	}
	(void)steal_fd(&fd);
	call->further = further;
	call->done = done;
	call->userdata = userdata;
	message = varlink_stream_message(call->stream);
	if (!message) {
		rpc_call_free(call);
		return -ENOMEM;
	}
	call->writer = JSON_WRITER(message);
	varlink_open_call(&call->writer, method, false);
	*ret = call;
	return 0;
}

JsonWriter *rpc_call_writer(RpcCall *call)
{
	return &call->writer;
}

int rpc_call_send(RpcCall *call)
{
	int r;

	varlink_close(&call->writer);
	r = varlink_stream_commit(call->stream);
	if (r >= 0)
		r = sd_event_add_time_relative(call->rpc->event, &call->deadline, CLOCK_MONOTONIC,
					       RPC_DEADLINE_MS * 1000ULL, RPC_ACCURACY_US,
					       on_deadline, call);
	if (r < 0)
		return r;
	queue_insert(call);
	rpc_advance(call->rpc);
	return 0;
}

RpcCall *rpc_call_free(RpcCall *call)
{
	if (!call)
		return NULL;
	if (call->state == CALL_WAITING)
		queue_remove(call);
	else if (call->state == CALL_ACTIVE)
		call->rpc->n_active--;
	sd_event_source_disable_unref(call->io);
	sd_event_source_disable_unref(call->deadline);
	varlink_stream_free(call->stream);
	free(call);
	return NULL;
}

int rpc_new(Rpc **ret, sd_event *event, const char *path)
{
	CLEANUP(rpc_freep) Rpc *rpc = calloc(1, sizeof(*rpc));
	int r;

	if (!rpc)
		return -ENOMEM;
	rpc->address.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(rpc->address.sun_path))
		return -ENAMETOOLONG;
	memcpy(rpc->address.sun_path, path, strlen(path) + 1);
	rpc->event = sd_event_ref(event);
	r = sd_event_add_time_relative(event, &rpc->retry, CLOCK_MONOTONIC, 0, RPC_ACCURACY_US / 10,
				       on_retry, rpc);
	if (r < 0)
		return r;
	(void)sd_event_source_set_enabled(rpc->retry, SD_EVENT_OFF);
	*ret = STEAL(rpc);
	return 0;
}

Rpc *rpc_free(Rpc *rpc)
{
	if (!rpc)
		return NULL;
	sd_event_source_disable_unref(rpc->retry);
	sd_event_unref(rpc->event);
	free(rpc);
	return NULL;
}
