/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection, one call at a time, every wait bounded by the call's deadline. */

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "client.h"

struct Client {
	VarlinkStream *stream;
	unsigned timeout_ms;
	Buf nothing; /* written to when there is no memory for a message */
	JsonWriter writer;
	bool more;      /* the call's */
	bool continues; /* the last reply's */
	bool broken;
};

static int time_left(uint64_t deadline)
{
	uint64_t now = monotonic_ms();

	if (now >= deadline)
		return 0;
	return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}

/* 0 when the descriptor is ready (or broken, which the next call tells). */
static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int left, n;

	for (;;) {
		left = time_left(deadline);
		if (left == 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/*
 * A full backlog of a Unix socket cannot be polled for; the send time-out bounds the wait of a
 * blocking connect().
 */
static int connect_by(int fd, const struct sockaddr_un *sa, uint64_t deadline)
{
	for (;;) {
		int left = time_left(deadline);
		struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

		if (left == 0)
			return -ETIMEDOUT;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
			return 0;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

static int peer_check_root(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	return len == sizeof(peer) && peer.uid == 0 ? 0 : -EPERM;
}

int client_connect(Client **ret, const char *path, bool root_peer, unsigned timeout_ms)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	CLEANUP(client_freep) Client *client = NULL;
	AUTO_CLOSE int fd = -1;
	size_t len = strlen(path);
	int r;

	if (len == 0 || len >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect_by(fd, &sa, monotonic_ms() + timeout_ms);
	if (r < 0)
		return r;
	if (root_peer) {
		r = peer_check_root(fd);
		if (r < 0)
			return r;
	}
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	r = varlink_stream_new(&client->stream, fd);
	if (r < 0)
		return r;
	steal_fd(&fd);
	client->timeout_ms = timeout_ms;
	*ret = STEAL(client);
	return 0;
}

Client *client_free(Client *client)
{
	if (!client)
		return NULL;
	varlink_stream_free(client->stream);
	free(client);
	return NULL;
}

JsonWriter *client_open(Client *client, const char *method, bool more)
{
	Buf *buf = client->broken ? NULL : varlink_stream_message(client->stream);

	if (!buf) {
		client->broken = true;
		client->nothing = (Buf){ .overflow = true };
		buf = &client->nothing;
	}
	client->writer = JSON_WRITER(buf);
	client->more = more;
	client->continues = false;
	varlink_open_call(&client->writer, method, more);
	return &client->writer;
}

static int reply_read(Client *client, uint64_t deadline, VarlinkReply *reply)
{
	int fd = varlink_stream_fd(client->stream), r;
	const JsonNode *root;

	while ((r = varlink_stream_read(client->stream, &root)) == 0) {
		r = wait_for(fd, POLLIN, deadline);
		if (r < 0)
			return r;
	}
	/* Too long for a message is no Varlink; -EMSGSIZE is what the caller's own words were. */
	if (r < 0)
		return r == -EMSGSIZE ? -EBADMSG : r;
	r = varlink_reply_parse(reply, root);
	if (r < 0)
		return r;
	if (reply->continues && !client->more)
		return -EBADMSG;
	client->continues = reply->continues;
	return 0;
}

static uint64_t deadline_of(const Client *client, unsigned timeout_ms)
{
	return monotonic_ms() + (timeout_ms > 0 ? timeout_ms : client->timeout_ms);
}

static int call_exchange(Client *client, uint64_t deadline, VarlinkReply *reply)
{
	int fd = varlink_stream_fd(client->stream), r;

	while ((r = varlink_stream_flush(client->stream)) == 0) {
		r = wait_for(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : reply_read(client, deadline, reply);
}

int client_call(Client *client, unsigned timeout_ms, VarlinkReply *reply)
{
	int r;

	if (client->broken)
		return -EPIPE;
	varlink_close(&client->writer);
	r = varlink_stream_commit(client->stream);
	if (r < 0)
		return r;
	r = call_exchange(client, deadline_of(client, timeout_ms), reply);
	client->broken = r < 0;
	return r;
}

int client_next(Client *client, unsigned timeout_ms, VarlinkReply *reply)
{
	int r;

	if (client->broken || !client->continues)
		return -EPIPE;
	r = reply_read(client, deadline_of(client, timeout_ms), reply);
	client->broken = r < 0;
	return r;
}

int client_fd(const Client *client)
{
	return varlink_stream_fd(client->stream);
}
