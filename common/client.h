/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A blocking Varlink client with a deadline for each call, for callers that may not use threads or
 * an event loop: the PAM module and pwresetctl. No signals, no globals, no name look-ups.
 */
#pragma once

#include "varlink.h"

typedef struct Client Client;

/*
 * Connects to a Unix socket. With root_peer the other side must be uid 0 by SO_PEERCRED (the
 * listener is systemd's): else -EPERM. timeout_ms bounds the connect (a full backlog blocks) and is
 * the default for calls.
 */
int client_connect(Client **ret, const char *path, bool root_peer, unsigned timeout_ms);
Client *client_free(Client *client);
DEFINE_CLEANUP(Client *, client_free)

/*
 * A new call: returns the open writer, positioned inside "parameters"; never NULL (failures come
 * out of client_call()).
 */
JsonWriter *client_open(Client *client, const char *method, bool more);
/*
 * Sends it and waits for the (first) reply; *reply is valid until the next call. 0 when a reply
 * arrived, be it an error reply; -ETIMEDOUT, -ECONNRESET, -EBADMSG, -EMSGSIZE, -EPIPE … when none
 * did. timeout_ms 0: the default. -EMSGSIZE of a call that does not fit (or is no UTF-8) sends
 * nothing; after any other failure the connection is of no use any more, lest a late reply be taken
 * for the next call's, and further calls get -EPIPE.
 */
int client_call(Client *client, unsigned timeout_ms, VarlinkReply *reply);
/* The next reply of a call with more, while the previous one had continues. */
int client_next(Client *client, unsigned timeout_ms, VarlinkReply *reply);

/*
 * The socket, for a caller that passes bytes of others on after its last call. Stays the client's.
 */
int client_fd(const Client *client);
