/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Non-blocking socket, blocking calls: each wait is a poll() that ends at the deadline. */

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>

#include "wire.h"

#define CHUNK 4096
#define QUIET_MS 100
#define QUIET_RECORDS_MAX 64 /* session tickets: servers send two, and four at most */

struct Wire {
	int fd;
	SSL *ssl;
	Deadline deadline; /* of the TLS call under way */
	size_t start;      /* bytes [start, end) of in were read and not used */
	size_t end;
	char in[CHUNK];
};

int deadline_poll(int fd, short events, Deadline deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		Deadline now = monotonic_ms();
		int n;

		if (now >= deadline)
			return -ETIMEDOUT;
		n = poll(&p, 1, deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int connect_finish(int fd, Deadline deadline)
{
	socklen_t len = sizeof(int);
	int error, r;

	r = deadline_poll(fd, POLLOUT, deadline);
	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

int wire_connect(Wire **ret, const struct sockaddr *address, socklen_t len, Deadline deadline)
{
	AUTO_CLOSE int fd = -1;
	int on = 1, r;
	Wire *wire;

	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return -errno;
	if (connect(fd, address, len) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		r = connect_finish(fd, deadline);
		if (r < 0)
			return r;
	}
	wire = calloc(1, sizeof(*wire));
	if (!wire)
		return -ENOMEM;
	wire->fd = steal_fd(&fd);
	*ret = wire;
	return 0;
}

Wire *wire_free(Wire *wire)
{
	if (!wire)
		return NULL;
	if (wire->ssl) {
		/* Our close_notify, if it can leave at once; the peer's is not waited for. */
		SSL_shutdown(wire->ssl);
		SSL_free(wire->ssl);
		ERR_clear_error();
	}
	close(wire->fd);
	free(wire);
	return NULL;
}

/*
 * OpenSSL comes back when it needs bytes that are not there; but messages that it drops
 * (HelloRequest, tickets, key updates) it reads one after the other as long as they come. So each
 * read below it looks at the clock first.
 */
static long tls_clock(BIO *bio, int operation, const char *data UNUSED, size_t len UNUSED,
		      int argi UNUSED, long argl UNUSED, int result, size_t *processed UNUSED)
{
	const Wire *wire = (const void *)BIO_get_callback_arg(bio);

	if (operation != BIO_CB_READ || monotonic_ms() < wire->deadline)
		return result;
	BIO_clear_retry_flags(bio);
	return -1;
}

/* After an SSL call that did not succeed: waits for what it wants. 0: call it again. */
static int tls_wait(Wire *wire, int result, Deadline deadline)
{
	if (monotonic_ms() >= deadline)
		return -ETIMEDOUT;
	switch (SSL_get_error(wire->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		/* OpenSSL reads no further than the record at hand, so nothing can be waiting
		 * inside of it. */
		return deadline_poll(wire->fd, POLLIN, deadline);
	case SSL_ERROR_WANT_WRITE:
		return deadline_poll(wire->fd, POLLOUT, deadline);
	case SSL_ERROR_ZERO_RETURN:
		return -ECONNRESET;
	case SSL_ERROR_SYSCALL:
		return errno > 0 ? -errno : -ECONNRESET;
	default:
		return -EPROTO;
	}
}

static int tls_fill(Wire *wire, Deadline deadline)
{
	int n, r;

	wire->deadline = deadline;
	for (;;) {
		ERR_clear_error();
		errno = 0;
		n = SSL_read(wire->ssl, wire->in, sizeof(wire->in));
		if (n > 0) {
			wire->end = (size_t)n;
			return 0;
		}
		r = tls_wait(wire, n, deadline);
		if (r < 0)
			return r;
	}
}

static int plain_fill(Wire *wire, Deadline deadline)
{
	for (;;) {
		ssize_t n = recv(wire->fd, wire->in, sizeof(wire->in), 0);
		int r;

		if (n > 0) {
			wire->end = (size_t)n;
			return 0;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = deadline_poll(wire->fd, POLLIN, deadline);
		if (r < 0)
			return r;
	}
}

int wire_reply(Wire *wire, Reply *reply, Deadline deadline)
{
	reply_init(reply);
	for (;;) {
		size_t used;
		int r;

		r = reply_feed(reply, wire->in + wire->start, wire->end - wire->start, &used);
		if (r < 0)
			return r;
		wire->start += used;
		if (reply->complete)
			return 0;
		/* One byte a second must not outlive the deadline either. */
		if (monotonic_ms() >= deadline)
			return -ETIMEDOUT;
		wire->start = wire->end = 0;
		r = wire->ssl ? tls_fill(wire, deadline) : plain_fill(wire, deadline);
		if (r < 0)
			return r;
	}
}

static int tls_write(Wire *wire, const char *bytes, size_t len, Deadline deadline)
{
	wire->deadline = deadline;
	while (len > 0) {
		int n, r;

		ERR_clear_error();
		errno = 0;
		n = SSL_write(wire->ssl, bytes, len > INT_MAX ? INT_MAX : (int)len);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		r = tls_wait(wire, n, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

int wire_write(Wire *wire, const char *bytes, size_t len, Deadline deadline)
{
	if (wire->ssl)
		return tls_write(wire, bytes, len, deadline);
	while (len > 0) {
		ssize_t n = send(wire->fd, bytes, len, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
		r = deadline_poll(wire->fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool socket_quiet(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EINTR);
}

bool wire_quiet(Wire *wire)
{
	char byte;

	if (wire->start < wire->end)
		return false;
	if (!wire->ssl)
		return socket_quiet(wire->fd);
	wire->deadline = monotonic_ms() + QUIET_MS;
	/* Session tickets may have come after the handshake, a record each; they are no speech. */
	for (int i = 0; i < QUIET_RECORDS_MAX; i++) {
		int n;

		ERR_clear_error();
		n = SSL_peek(wire->ssl, &byte, 1);
		if (n > 0 || SSL_get_error(wire->ssl, n) != SSL_ERROR_WANT_READ)
			return false;
		if (socket_quiet(wire->fd))
			return true;
	}
	return false;
}

int wire_start_tls(Wire *wire, SSL_CTX *context, const char *host, TlsVerdict *verdict,
		   Deadline deadline)
{
	int n, r;

	if (!wire_quiet(wire))
		return -EBADMSG;
	wire->ssl = tls_connection_new(context, wire->fd, host, verdict);
	if (!wire->ssl)
		return -ENOMEM;
	BIO_set_callback_ex(SSL_get_rbio(wire->ssl), tls_clock);
	BIO_set_callback_arg(SSL_get_rbio(wire->ssl), (char *)wire);
	wire->deadline = deadline;
	for (;;) {
		ERR_clear_error();
		errno = 0;
		n = SSL_do_handshake(wire->ssl);
		if (n == 1)
			break;
		r = tls_wait(wire, n, deadline);
		if (r == -ETIMEDOUT)
			return r;
		if (r < 0)
			return -EPROTO;
	}
	/* Verification is on, so this cannot be otherwise; nothing is sent on the strength of that
	 * belief. */
	return SSL_get_verify_result(wire->ssl) == X509_V_OK && verdict->error == X509_V_OK
		       ? 0
		       : -EPROTO;
}

const SSL *wire_tls(const Wire *wire)
{
	return wire->ssl;
}
