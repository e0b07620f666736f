/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop of a worker process. */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "serve.h"

#define SERVE_DEADLINE_MAX_MS (10 * 60 * 1000) /* whatever a caller asks for */

struct Serve {
	VarlinkStream *stream;
	const ServeOptions *options;
	JsonWriter writer;
	Buf nothing; /* written to when a reply is not wanted */
	bool oneway;
	bool sent;
	bool busy; /* a call has been run since the last rest */
};

/* Death by SIGALRM must not depend on what the parent left to us. */
static int alarm_prepare(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	if (sigaction(SIGALRM, &sa, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0)
		return -errno;
	return 0;
}

static int alarm_set(unsigned ms)
{
	struct itimerval timer = { .it_value = { .tv_sec = ms / 1000,
						 .tv_usec = ms % 1000 * 1000 } };

	return setitimer(ITIMER_REAL, &timer, NULL) < 0 ? -errno : 0;
}

static unsigned call_deadline(const Serve *serve, const VarlinkCall *call)
{
	int64_t ms;

	if (!json_get_integer(json_get(call->parameters, "caller"), "deadline", &ms))
		return serve->options->default_ms;
	if (ms < 1)
		return 1;
	return ms > SERVE_DEADLINE_MAX_MS ? SERVE_DEADLINE_MAX_MS : (unsigned)ms;
}

/* 1 when there is something to read or write, 0 when the time is over. */
static int serve_wait(const Serve *serve, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = varlink_stream_fd(serve->stream), .events = events };
	int n, left = -1;

	do {
		if (deadline > 0) {
			uint64_t now = monotonic_ms();

			if (now >= deadline)
				return 0;
			left = deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
		}
		n = poll(&p, 1, left);
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n > 0 ? 1 : -errno;
}

static JsonWriter *writer_new(Serve *serve)
{
	Buf *buf = serve->oneway ? NULL : varlink_stream_message(serve->stream);

	if (!buf) {
		serve->nothing = (Buf){ .overflow = true };
		buf = &serve->nothing;
	}
	serve->writer = JSON_WRITER(buf);
	return &serve->writer;
}

JsonWriter *serve_reply(Serve *serve)
{
	JsonWriter *w = writer_new(serve);

	varlink_open_reply(w, false);
	return w;
}

JsonWriter *serve_error(Serve *serve, const char *error)
{
	JsonWriter *w = writer_new(serve);

	varlink_open_error(w, error);
	return w;
}

/* The alarm is still armed here, so that a peer that does not read cannot hold the process. */
int serve_send(Serve *serve)
{
	int r;

	if (serve->sent)
		return -EALREADY;
	serve->sent = true;
	if (serve->oneway)
		return 0;
	varlink_close(&serve->writer);
	r = varlink_stream_commit(serve->stream);
	if (r < 0)
		return r;
	while ((r = varlink_stream_flush(serve->stream)) == 0) {
		r = serve_wait(serve, POLLOUT, 0);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int serve_fail(Serve *serve, const char *error)
{
	serve_error(serve, error);
	return serve_send(serve);
}

int serve_invalid(Serve *serve, const char *bad)
{
	JsonWriter *w = serve_error(serve, VARLINK_E_INVALID_PARAMETER);

	json_put_string(w, "parameter", bad);
	return serve_send(serve);
}

static int call_unknown(Serve *serve, const VarlinkCall *call)
{
	JsonWriter *w = serve_error(serve, VARLINK_E_METHOD_NOT_FOUND);

	json_put_string(w, "method", call->method);
	return serve_send(serve);
}

static int call_run(Serve *serve, const VarlinkCall *call)
{
	const ServeMethod *m = serve->options->methods;
	int r, q;

	while (m->name && strcmp(m->name, call->method) != 0)
		m++;
	serve->oneway = call->oneway;
	serve->sent = false;
	serve->busy = true;
	r = alarm_set(call_deadline(serve, call));
	if (r < 0)
		return r;
	r = m->name ? m->handler(serve, call, serve->options->userdata) : call_unknown(serve, call);
	q = alarm_set(0);
	if (r < 0)
		return r;
	/* A handler that forgot its reply would leave the peer waiting. */
	return q < 0 ? q : serve->sent ? 0 : -EPROTO;
}

/*
 * The time without a call is counted from begin. 1: there is something to read; 0: it is time to
 * end.
 */
static int serve_idle(Serve *serve, uint64_t begin)
{
	const ServeOptions *o = serve->options;
	int r;

	if (o->rest && serve->busy) {
		r = serve_wait(serve, POLLIN, begin + o->rest_ms);
		if (r != 0)
			return r;
		serve->busy = false;
		r = alarm_set(o->default_ms);
		if (r < 0)
			return r;
		o->rest(o->userdata);
		r = alarm_set(0);
		if (r < 0)
			return r;
	}
	return serve_wait(serve, POLLIN, o->idle_ms > 0 ? begin + o->idle_ms : 0);
}

/*
 * Whoever sent the call has given up and said that its outcome is not known; what looks that up
 * must not find that it comes to pass only afterwards. So a process that was held up (stopped, or
 * on a host that has no time for it) does nothing that nobody waits for.
 */
static bool peer_gone(const Serve *serve)
{
	struct pollfd p = { .fd = varlink_stream_fd(serve->stream) };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* 1 after a call, 0 when it is time to end. */
static int serve_turn(Serve *serve)
{
	uint64_t begin = monotonic_ms();
	const JsonNode *root;
	VarlinkCall call;
	int r;

	while ((r = varlink_stream_read(serve->stream, &root)) == 0) {
		r = serve_idle(serve, begin);
		if (r <= 0)
			return r;
	}
	if (r == -ECONNRESET)
		return 0;
	if (r < 0)
		return r;
	r = varlink_call_parse(&call, root);
	if (r < 0)
		return r;
	if (!call.oneway && peer_gone(serve))
		return 0;
	r = call_run(serve, &call);
	return r < 0 ? r : 1;
}

int serve_prepare(void)
{
	int r = alarm_prepare();

	return r < 0 ? r : alarm_set(SERVE_START_MS);
}

int serve_run(int fd, const ServeOptions *options)
{
	Serve serve = { .options = options };
	int r;

	r = varlink_stream_new(&serve.stream, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = alarm_prepare();
	if (r == 0)
		r = alarm_set(0);
	if (r == 0)
		do
			r = serve_turn(&serve);
		while (r > 0);
	varlink_stream_free(serve.stream);
	return r;
}
