/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the relay: bytes and replies, in clear text or over TLS, nothing without a
 * deadline. */
#pragma once

#include <sys/socket.h>

#include "reply.h"
#include "tls.h"

typedef struct Wire Wire;

/* CLOCK_MONOTONIC in milliseconds: not a duration but the moment at which everything is over. */
typedef uint64_t Deadline;

/* poll() for one descriptor: 0, -ETIMEDOUT, other negative errno. */
int deadline_poll(int fd, short events, Deadline deadline);

/* Connects with TCP_NODELAY, or Nagle's rule costs 42 ms for each message above one segment. */
int wire_connect(Wire **ret, const struct sockaddr *address, socklen_t len, Deadline deadline);
Wire *wire_free(Wire *wire);
DEFINE_CLEANUP(Wire *, wire_free)

/* -ETIMEDOUT, -ECONNRESET, other negative errno. */
int wire_write(Wire *wire, const char *bytes, size_t len, Deadline deadline);
/* The same, and what reply_feed() says. */
int wire_reply(Wire *wire, Reply *reply, Deadline deadline);

/* False when something has arrived (or the peer has gone) although nothing was asked. */
bool wire_quiet(Wire *wire);

/*
 * -EBADMSG when bytes are already there: what came in clear text must never count as having come
 * through TLS. -EPROTO when the handshake failed: tls_explain() says why.
 */
int wire_start_tls(Wire *wire, SSL_CTX *context, const char *host, TlsVerdict *verdict,
		   Deadline deadline);
/* NULL while the connection is in clear text. */
const SSL *wire_tls(const Wire *wire);
