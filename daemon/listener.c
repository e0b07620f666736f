/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accept(), and what to do when there are no descriptors left. */

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "broker.h"
#include "log.h"

/* connections a turn, that a flood on one socket leaves time for the others */
#define ACCEPT_BURST 16
#define DRAIN_MAX 4096
#define OUT_OF_US 200000 /* pause when the system is out of descriptors or memory */

struct Listener {
	Broker *broker;
	Socket socket;
	int fd;
	sd_event_source *io;
	sd_event_source *pause;
};

int listener_check(int fd)
{
	return sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0 ? 0 : -ENOTSOCK;
}

static int on_pause_over(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Listener *listener = userdata;

	sd_event_source_set_enabled(listener->io, SD_EVENT_ON);
	return 0;
}

/* The connection stays in the backlog, and the loop would spin on it. */
static void listener_pause(Listener *listener, int r)
{
	errno = -r;
	log_line(LOG_WARNING, "Cannot take connections on \"%s\" for a moment: %m",
		 socket_name(listener->socket));
	sd_event_source_set_enabled(listener->io, SD_EVENT_OFF);
	sd_event_source_set_time_relative(listener->pause, OUT_OF_US);
	sd_event_source_set_enabled(listener->pause, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED,
		 void *userdata)
{
	Listener *listener = userdata;

	for (unsigned i = 0; i < ACCEPT_BURST; i++) {
		int peer = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (peer < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				listener_pause(listener, -errno);
			return 0; /* none is left, or one has gone again */
		}
		/* Who is not let in sees the connection close; there is nobody to talk to. */
		(void)peer_new(listener->broker, listener->socket, peer);
	}
	return 0;
}

int listener_new(Listener **ret, Broker *broker, Socket socket, int passed)
{
	AUTO_CLOSE int fd = passed;
	Listener *listener = calloc(1, sizeof(*listener));
	int flags, r;

	if (!listener)
		return -ENOMEM;
	*listener = (Listener){ .broker = broker, .socket = socket, .fd = steal_fd(&fd) };
	flags = fcntl(listener->fd, F_GETFL);
	r = flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_add_io(broker->event, &listener->io, listener->fd, EPOLLIN, on_io,
				    listener);
	if (r >= 0)
		r = sd_event_add_time(broker->event, &listener->pause, CLOCK_MONOTONIC, 0, 1000,
				      on_pause_over, listener);
	if (r >= 0)
		r = sd_event_source_set_enabled(listener->pause, SD_EVENT_OFF);
	if (r < 0) {
		listener_free(listener);
		return r;
	}
	*ret = listener;
	return 0;
}

Listener *listener_free(Listener *listener)
{
	if (!listener)
		return NULL;
	sd_event_source_disable_unref(listener->io);
	sd_event_source_disable_unref(listener->pause);
	closep(&listener->fd);
	free(listener);
	return NULL;
}

void listener_drain(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return;
	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (peer < 0)
			return;
		close(peer);
	}
}
