/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections: admission, reading, writing, and patience with its end. */

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "broker.h"
#include "call.h"
#include "log.h"

#define HALF_US (10 * 1000000)       /* to finish a message that has begun */
#define SLOW_US (10 * 1000000)       /* to take an answer */
#define SILENT_US (5 * 60 * 1000000) /* between calls */

static unsigned socket_number(Socket socket)
{
	return (unsigned)__builtin_ctz((unsigned)socket);
}

static bool peer_idle(const Peer *peer)
{
	return !peer->call && !varlink_stream_pending(peer->stream);
}

static void list_add(PeerList *list, Peer *peer)
{
	peer->next = list->first;
	if (list->first)
		list->first->previous = peer;
	list->first = peer;
	list->n++;
	list->n_socket[socket_number(peer->socket)]++;
}

static void list_remove(PeerList *list, Peer *peer)
{
	if (list->first == peer)
		list->first = peer->next;
	else
		peer->previous->next = peer->next;
	if (peer->next)
		peer->next->previous = peer->previous;
	list->n--;
	list->n_socket[socket_number(peer->socket)]--;
}

Peer *peer_free(Peer *peer)
{
	if (!peer)
		return NULL;
	if (peer->call)
		call_free(STEAL(peer->call));
	list_remove(&peer->broker->peers, peer);
	sd_event_source_disable_unref(peer->io);
	sd_event_source_disable_unref(peer->again);
	varlink_stream_free(peer->stream);
	free(peer->host);
	free(peer);
	return NULL;
}

static void peer_listen(Peer *peer)
{
	uint32_t events = EPOLLIN;

	if (varlink_stream_pending(peer->stream))
		events = EPOLLOUT;
	else if (peer->call)
		events = 0; /* a hang-up is told all the same */
	sd_event_source_set_io_events(peer->io, events);
}

/* The peer may be gone afterwards. */
static void peer_flush(Peer *peer)
{
	int r = varlink_stream_flush(peer->stream);

	if (r < 0 || (r == 1 && peer->last)) {
		peer_free(peer);
		return;
	}
	if (r == 1) {
		peer->active_us = broker_now_us(peer->broker);
		sd_event_source_set_enabled(peer->again, SD_EVENT_ONESHOT);
	}
	peer_listen(peer);
}

void peer_call_done(Peer *peer)
{
	peer->call = NULL;
	/* a password in it must not lie there until the peer says more */
	varlink_stream_done(peer->stream);
	peer->active_us = broker_now_us(peer->broker);
	/* From the loop, so that nobody on the way here sees the peer freed. */
	sd_event_source_set_enabled(peer->again, SD_EVENT_ONESHOT);
}

void peer_part(Peer *peer)
{
	peer->part = true;
	peer->active_us = broker_now_us(peer->broker);
	sd_event_source_set_enabled(peer->again, SD_EVENT_ONESHOT);
}

/*
 * The peer may be gone afterwards: a call between two parts has nothing in hand that must be seen
 * to.
 */
static void peer_part_flush(Peer *peer)
{
	int r = varlink_stream_flush(peer->stream);

	if (r < 0) {
		peer_free(peer);
		return;
	}
	peer->part = r == 0;
	peer_listen(peer);
	if (r == 1)
		bulk_go_on(peer->call);
}

static void peer_read(Peer *peer)
{
	const JsonNode *root;
	int r;

	r = varlink_stream_read(peer->stream, &root);
	if (r < 0) {
		peer_free(peer);
		return;
	}
	if (r == 0) {
		/* Behind a call that wanted no answer it was not listened to. */
		peer_listen(peer);
		return;
	}
	peer->half_us = 0;
	peer->active_us = broker_now_us(peer->broker);
	r = call_begin(peer, root);
	if (r < 0)
		peer_free(peer);
	else
		peer_listen(peer);
}

static int on_again(sd_event_source *source UNUSED, void *userdata)
{
	Peer *peer = userdata;

	if (peer->part) {
		peer_part_flush(peer);
		return 0;
	}
	if (peer->call)
		return 0;
	/* The last call may have wanted no answer. */
	if (peer->gone || (peer->last && !varlink_stream_pending(peer->stream)))
		peer_free(peer);
	else if (varlink_stream_pending(peer->stream))
		peer_flush(peer);
	else
		peer_read(peer);
	return 0;
}

static int on_io(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events, void *userdata)
{
	Peer *peer = userdata;

	if (peer->part && !(events & (EPOLLHUP | EPOLLERR))) {
		peer_part_flush(peer);
		return 0;
	}
	if (peer->call) {
		/*
		 * Only a hang-up is told now. What a worker has in hand goes on, for it may have
		 * happened already.
		 */
		sd_event_source_set_enabled(peer->io, SD_EVENT_OFF);
		peer->gone = true;
		if (!call_survives(peer->call))
			peer_free(peer);
		return 0;
	}
	if (varlink_stream_pending(peer->stream)) {
		peer_flush(peer);
		return 0;
	}
	if ((events & EPOLLIN) && peer->half_us == 0)
		peer->half_us = broker_now_us(peer->broker);
	peer_read(peer);
	return 0;
}

static bool peer_welcome(const Broker *broker, Socket socket, uid_t uid)
{
	switch (socket) {
	case SOCKET_PAM:
		return uid == 0;
	case SOCKET_WEB:
		return uid == broker->identities.web && uid != IDENTITY_NOBODY;
	case SOCKET_RELAY:
		/* Root could become that user anyway. */
		return uid == 0 || (uid == broker->identities.relay && uid != IDENTITY_NOBODY);
	case SOCKET_CTL:
		return true;
	}
	return false;
}

/* The one that has been silent longest, of that socket and uid (or any uid). */
static Peer *silent_find(const PeerList *list, Socket socket, bool any_uid, uid_t uid)
{
	Peer *found = NULL;

	for (Peer *peer = list->first; peer; peer = peer->next)
		if (peer->socket == socket && (any_uid || peer->uid == uid) && peer_idle(peer) &&
		    (!found || peer->active_us < found->active_us))
			found = peer;
	return found;
}

static unsigned uid_count(const PeerList *list, Socket socket, uid_t uid)
{
	unsigned n = 0;

	for (const Peer *peer = list->first; peer; peer = peer->next)
		n += peer->socket == socket && peer->uid == uid;
	return n;
}

/*
 * Room for one more: a newcomer takes the place of the longest silent of his like. All programs
 * with PAM are one uid, so there the number is the socket's; the other sockets have a quarter each,
 * that none may crowd out the prompt.
 */
static int place_find(Broker *broker, Socket socket, uid_t uid)
{
	const unsigned all = broker->config->limits.clients,
		       each = broker->config->limits.clients_per_uid;
	PeerList *list = &broker->peers;
	bool by_uid = socket == SOCKET_WEB || socket == SOCKET_CTL;
	unsigned share = socket == SOCKET_PAM ? all : all / 4 + 1;
	Peer *silent;

	if (by_uid && uid_count(list, socket, uid) >= each) {
		silent = silent_find(list, socket, false, uid);
		if (!silent)
			return -EMFILE;
		peer_free(silent);
	}
	if (list->n_socket[socket_number(socket)] < share && list->n < all)
		return 0;
	silent = silent_find(list, socket, true, 0);
	if (!silent)
		return -EMFILE;
	peer_free(silent);
	return 0;
}

static bool peer_is_host(const Peer *peer, const char *host)
{
	return peer->host && strcasecmp(peer->host, host) == 0;
}

unsigned peers_count_host(const Broker *broker, const char *host)
{
	unsigned n = 0;

	for (const Peer *peer = broker->peers.first; peer; peer = peer->next)
		n += peer_is_host(peer, host);
	return n;
}

int peer_set_host(Peer *peer, const char *host)
{
	Broker *broker = peer->broker;
	Peer *silent = NULL;

	if (peers_count_host(broker, host) >= broker->config->limits.clients_per_uid) {
		for (Peer *it = broker->peers.first; it; it = it->next)
			if (peer_is_host(it, host) && peer_idle(it) &&
			    (!silent || it->active_us < silent->active_us))
				silent = it;
		if (!silent)
			return -EMFILE;
		peer_free(silent);
	}
	peer->host = strdup(host);
	return peer->host ? 0 : -ENOMEM;
}

void peers_cut_host(Broker *broker, const char *host)
{
	for (Peer *peer = broker->peers.first, *next; peer; peer = next) {
		next = peer->next;
		if (!peer_is_host(peer, host))
			continue;
		peer->last = true;
		if (peer_idle(peer))
			peer_free(peer);
	}
}

static int peer_attach(Peer *peer, int fd)
{
	sd_event *event = peer->broker->event;
	int r;

	r = sd_event_add_io(event, &peer->io, fd, EPOLLIN, on_io, peer);
	if (r >= 0)
		r = sd_event_add_defer(event, &peer->again, on_again, peer);
	if (r >= 0)
		r = sd_event_source_set_enabled(peer->again, SD_EVENT_OFF);
	return r;
}

int peer_new(Broker *broker, Socket socket, int passed)
{
	AUTO_CLOSE int fd = passed;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	Peer *peer;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	if (!peer_welcome(broker, socket, cred.uid))
		return -EPERM;
	r = place_find(broker, socket, cred.uid);
	if (r < 0)
		return r;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	*peer = (Peer){ .broker = broker, .socket = socket, .uid = cred.uid, .gid = cred.gid };
	peer->active_us = broker_now_us(broker);
	list_add(&broker->peers, peer);
	r = varlink_stream_new(&peer->stream, fd);
	if (r >= 0)
		r = peer_attach(peer, steal_fd(&fd));
	if (r < 0)
		peer_free(peer);
	return r;
}

static bool peer_overdue(const Peer *peer, uint64_t now)
{
	if (peer->call && !peer->part)
		return false;
	if (varlink_stream_pending(peer->stream))
		return now - peer->active_us > SLOW_US;
	/*
	 * Who it speaks for comes at once: until then it takes a place that no host is charged for.
	 */
	if (peer->socket == SOCKET_RELAY && !peer->host)
		return now - peer->active_us > HALF_US;
	return (peer->half_us > 0 && now - peer->half_us > HALF_US) ||
	       now - peer->active_us > SILENT_US;
}

void peers_sweep(Broker *broker)
{
	uint64_t now = broker_now_us(broker);

	for (Peer *peer = broker->peers.first, *next; peer; peer = next) {
		next = peer->next;
		if (peer_overdue(peer, now))
			peer_free(peer);
	}
}

void peers_drop_idle(Broker *broker)
{
	for (Peer *peer = broker->peers.first, *next; peer; peer = next) {
		next = peer->next;
		if (peer_idle(peer))
			peer_free(peer);
	}
}
