/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The HTTP server: libmicrohttpd in the event loop.
 *
 * A change of certificate starts a second daemon of the library on the same socket and lets the
 * first one end with its connections: the library can only replace one by a callback into GnuTLS,
 * whose objects would have to outlive handshakes that are under way.
 */
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "http_private.h"
#include "secret.h"

/* A connection's memory; above 32 KiB it is mapped, and so wiped by the kernel. */
#define POOL_SIZE (40 * 1024)
#define STALL_S 10          /* without a byte */
#define ROUNDS_MAX 64       /* of the library in a row, before other events have their turn */
#define PER_ADDRESS_MAX 128 /* connections of one address; many people may stand behind it */
#define SWEEP_US (1000 * 1000ULL)
#define TIMER_ACCURACY_US 1000ULL /* sd-event's default would stall large headers */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1"

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- connections ---- */

static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata)
{
	Http *http = userdata;

	peers_sweep(&http->peers, now_ms());
	(void)sd_event_source_set_time(source, usec + SWEEP_US);
	return sd_event_source_set_enabled(source, http->peers.n > 0 ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode what)
{
	Listener *listener = userdata;
	Http *http = listener->http;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		peers_remove(&http->peers, *socket_context);
		*socket_context = NULL;
		listener->n--;
		if (http_is_idle(http))
			http->options.handler->idle(true, http->options.userdata);
		return;
	}
	if (http_is_idle(http)) {
		http->options.handler->idle(false, http->options.userdata);
		(void)sd_event_source_set_time_relative(http->sweep, SWEEP_US);
		(void)sd_event_source_set_enabled(http->sweep, SD_EVENT_ON);
	}
	listener->n++;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*socket_context = info ? peers_add(&http->peers, info->connect_fd, now_ms()) : NULL;
}

bool http_is_idle(const Http *http)
{
	unsigned n = 0;

	for (size_t i = 0; i < LISTENERS_MAX; i++)
		n += http->listeners[i].n;
	return n == 0;
}

/* Paths are compared as they came: an escape in one is no page of ours. */
static size_t unescape_nothing(void *userdata UNUSED, struct MHD_Connection *connection UNUSED,
			       char *text)
{
	return strlen(text);
}

/* ---- the library in the event loop ---- */

static void listener_close(Listener *listener)
{
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	sd_event_source_disable_unref(listener->io);
	sd_event_source_disable_unref(listener->timer);
	free(listener->certificate);
	if (listener->key)
		memory_wipe(listener->key, strlen(listener->key));
	free(listener->key);
	*listener = (Listener){};
}

/* Runs the library until it has nothing more to do at once, then arms the timer for its next
 * deadline. */
static int listener_run(Listener *listener)
{
	for (unsigned i = 0;; i++) {
		MHD_UNSIGNED_LONG_LONG ms;

		if (MHD_run(listener->daemon) != MHD_YES)
			return -EIO;
		if (listener->quiesced && listener->n == 0) {
			listener_close(listener);
			return 0;
		}
		if (MHD_get_timeout(listener->daemon, &ms) != MHD_YES)
			return sd_event_source_set_enabled(listener->timer, SD_EVENT_OFF);
		/* After some rounds others have their turn. */
		if (ms > 0 || i >= ROUNDS_MAX) {
			(void)sd_event_source_set_time_relative(listener->timer, ms * 1000);
			return sd_event_source_set_enabled(listener->timer, SD_EVENT_ONESHOT);
		}
	}
}

void listener_wake(Listener *listener)
{
	(void)sd_event_source_set_time_relative(listener->timer, 0);
	(void)sd_event_source_set_enabled(listener->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED,
		 void *userdata)
{
	return listener_run(userdata);
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	return listener_run(userdata);
}

PRINTF(2, 0)
static void on_library_message(void *userdata, const char *format, va_list arguments)
{
	Http *http = userdata;

	/* Later ones speak of requests. */
	if (http->starting)
		vfprintf(stderr, format, arguments);
}

static int listener_start(Listener *listener, int fd)
{
	Http *http = listener->http;
	bool tls = listener->certificate != NULL;
	const struct MHD_OptionItem tls_options[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, listener->certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, listener->key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem no_options[] = { { MHD_OPTION_END, 0, NULL } };

	http->starting = true;
	/* clang-format off: an option and its values in a line */
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			(tls ? MHD_USE_TLS : 0u),
		0, NULL, NULL, exchange_request, listener,
		/* First, so that what goes wrong with the others is told to us. */
		MHD_OPTION_EXTERNAL_LOGGER, on_library_message, http, MHD_OPTION_LISTEN_SOCKET, fd,
		/* Not MHD_OPTION_STRICT_FOR_CLIENT: head.c is stricter, and its refusals carry
	     * our headers. */
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)PEERS_MAX + 64,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		http->options.tcp ? (unsigned)PER_ADDRESS_MAX : 0u, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)STALL_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_SIZE,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_NOTIFY_COMPLETED,
		exchange_completed, listener, MHD_OPTION_URI_LOG_CALLBACK, exchange_line, listener,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_ARRAY,
		tls ? tls_options : no_options, MHD_OPTION_END);
	/* clang-format on */
	http->starting = false;
	return listener->daemon ? 0 : -EBADMSG;
}

static int listener_attach(Listener *listener)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	sd_event *event = listener->http->event;
	int r;

	if (!info)
		return -EIO;
	r = sd_event_add_io(event, &listener->io, info->epoll_fd, EPOLLIN, on_io, listener);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &listener->timer, CLOCK_MONOTONIC, 0,
					       TIMER_ACCURACY_US, on_timer, listener);
	return r < 0 ? r : 0;
}

/* Its connections go on; the dup of the socket is closed, the caller's own stays open. */
static void listener_quiesce(Listener *listener)
{
	MHD_socket fd;

	if (!listener || listener->quiesced)
		return;
	fd = MHD_quiesce_daemon(listener->daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
	listener->quiesced = true;
	listener_wake(listener);
}

static Listener *listener_free_slot(Http *http)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		if (!http->listeners[i].daemon)
			return &http->listeners[i];
	return NULL;
}

int http_listen(Http *http, const char *certificate, const char *key)
{
	Listener *listener = listener_free_slot(http);
	AUTO_CLOSE int fd = -1;
	int r;

	if (!listener)
		return -EBUSY;
	*listener = (Listener){ .http = http };
	if (certificate) {
		listener->certificate = strdup(certificate);
		listener->key = strdup(key);
		if (!listener->certificate || !listener->key) {
			listener_close(listener);
			return -ENOMEM;
		}
	}
	fd = fcntl(http->options.fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	r = listener_start(listener, fd);
	/* After some failures the library has closed it: a second close() hits nothing, there being
	 * no threads. */
	if (r == 0) {
		(void)steal_fd(&fd);
		r = listener_attach(listener);
		if (r < 0)
			listener_quiesce(listener);
	}
	if (r < 0) {
		listener_close(listener);
		return r;
	}
	listener_quiesce(http->current);
	http->current = listener;
	return 0;
}

void http_quiesce(Http *http)
{
	listener_quiesce(http->current);
	http->current = NULL;
}

int http_new(Http **ret, sd_event *event, const HttpOptions *options)
{
	CLEANUP(http_freep) Http *http = calloc(1, sizeof(*http));
	int r;

	if (!http)
		return -ENOMEM;
	http->event = sd_event_ref(event);
	http->options = *options;
	r = sd_event_add_time_relative(event, &http->sweep, CLOCK_MONOTONIC, SWEEP_US, 0, on_sweep,
				       http);
	if (r < 0)
		return r;
	(void)sd_event_source_set_enabled(http->sweep, SD_EVENT_OFF);
	*ret = STEAL(http);
	return 0;
}

Http *http_free(Http *http)
{
	if (!http)
		return NULL;
	http_quiesce(http);
	for (Peer *peer = http->peers.first; peer; peer = peer->next)
		exchange_abandon(peer);
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		listener_close(&http->listeners[i]);
	sd_event_source_disable_unref(http->sweep);
	sd_event_unref(http->event);
	free(http);
	return NULL;
}
