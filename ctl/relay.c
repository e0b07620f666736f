/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The forced command of a fleet's host: says for whom it speaks, then passes bytes on, both ways.
 * What the host sends is the broker's to judge; here it is neither read nor changed.
 */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "validate.h"
#include "verbs.h"
#include "version.h"

#define RELAY_SOCKET PWRESET_RUNDIR "/relay"
#define PIPE_SIZE (64 * 1024)
#define IDLE_MS (15 * 60 * 1000)   /* above LoginGraceTime; a person may think */
#define LAST_ANSWER_MS (60 * 1000) /* above the longest deadline of a call */

/* One direction. */
typedef struct Pipe {
	int from, to;
	bool to_socket; /* send() without a signal */
	size_t start, end;
	bool over; /* from has ended */
	bool shut; /* and to has been told */
	char data[PIPE_SIZE];
} Pipe;

static int hello(Ctl *ctl, const char *host)
{
	JsonWriter *w;
	int r;

	r = ctl_open(ctl, "org.pwreset.Relay.Hello", &w);
	if (r != 0)
		return r;
	json_put_string(w, "host", host);
	return ctl_call(ctl, NULL);
}

/* Takes what there is; 0, or negative when the direction is at its end for good. */
static int pipe_fill(Pipe *p)
{
	ssize_t n;

	n = read(p->from, p->data + p->end, sizeof(p->data) - p->end);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		p->over = true;
	p->end += (size_t)n;
	return 0;
}

static int pipe_drain(Pipe *p)
{
	ssize_t n;

	n = p->to_socket ? send(p->to, p->data + p->start, p->end - p->start,
				MSG_NOSIGNAL | MSG_DONTWAIT)
			 : write(p->to, p->data + p->start, p->end - p->start);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	memory_wipe(p->data + p->start, (size_t)n);
	p->start += (size_t)n;
	if (p->start == p->end)
		p->start = p->end = 0;
	return 0;
}

static bool pipe_holds(const Pipe *p)
{
	return p->start < p->end;
}

/*
 * The end of one direction is passed on when all before it has been; the answer to what was asked
 * last may still come.
 */
static void pipe_end(Pipe *p)
{
	if (!p->over || p->shut || pipe_holds(p))
		return;
	if (p->to_socket)
		shutdown(p->to, SHUT_WR);
	p->shut = true;
}

static int pipes_move(Pipe *up, Pipe *down)
{
	Pipe *const pipes[] = { up, down };
	struct pollfd fds[4];
	int n, r;

	for (size_t i = 0; i < ARRAY_SIZE(pipes); i++) {
		Pipe *p = pipes[i];

		fds[2 * i] =
			(struct pollfd){ .fd = p->over || p->end == sizeof(p->data) ? -1 : p->from,
					 .events = POLLIN };
		fds[2 * i + 1] =
			(struct pollfd){ .fd = pipe_holds(p) ? p->to : -1, .events = POLLOUT };
	}
	n = poll(fds, ARRAY_SIZE(fds), up->over ? LAST_ANSWER_MS : IDLE_MS);
	if (n == 0)
		return -ETIMEDOUT;
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (size_t i = 0; i < ARRAY_SIZE(pipes); i++) {
		r = fds[2 * i].revents ? pipe_fill(pipes[i]) : 0;
		if (r == 0 && fds[2 * i + 1].revents)
			r = pipe_drain(pipes[i]);
		if (r < 0)
			return r;
		pipe_end(pipes[i]);
	}
	return 0;
}

/* Until the service has said its last: a host that says no more may still wait for an answer. */
static int join(Pipe *up, Pipe *down)
{
	int r = 0;

	while (r == 0 && !(down->over && !pipe_holds(down)))
		r = pipes_move(up, down);
	return r;
}

static int pass_on(Ctl *ctl)
{
	int fd = client_fd(ctl->client), r = -ENOMEM;
	Pipe *up = calloc(1, sizeof(*up)), *down = calloc(1, sizeof(*down));

	if (up && down) {
		up->from = STDIN_FILENO;
		up->to = fd;
		up->to_socket = true;
		down->from = fd;
		down->to = STDOUT_FILENO;
		r = join(up, down);
		memory_wipe(up, sizeof(*up));
		memory_wipe(down, sizeof(*down));
	}
	free(up);
	free(down);
	return r;
}

int verb_relay(Ctl *ctl)
{
	const char *host = ctl->args[0];
	int r;

	if (!host_valid(host))
		return complain_usage(ctl, _("\"%s\" is no host name."), host);
	ctl->default_socket = RELAY_SOCKET;
	/*
	 * ssh would wait for a reader that does not read; a full pipe must not hold the other
	 * direction.
	 */
	fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
	r = hello(ctl, host);
	if (r != 0)
		return r;
	r = pass_on(ctl);
	/* The host or the service has gone: that is how connections end. */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET) {
		complain(_("The connection of %s ends: %s"), host, strerror(-r));
		return EXIT_FAILED;
	}
	return 0;
}
