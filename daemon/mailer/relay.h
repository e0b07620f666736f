/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The relay: a session with it is opened when there is something to send and carries what follows,
 * within bounds of number and age. Every call ends at its deadline. The child of a session
 * remembers the messages that it carried, so it is to live no longer than there is something to
 * send.
 */
#pragma once

#include "config.h"
#include "smtp.h"
#include "trace.h"
#include "wire.h"

#define RELAY_SESSION_MESSAGES_MAX 100
#define RELAY_SESSION_AGE_MS (60 * 1000)
#define RELAY_REST_MS 1000 /* without a message the owner of the relay hangs up */

/* Several bits apart, so that no flipped one turns a failure into a success. */
typedef enum RelayResult {
	RELAY_SENT = 0x35c9,      /* the relay has taken responsibility for the message */
	RELAY_TEMPORARY = 0x4a36, /* it has not, or nobody knows: to be tried again */
	RELAY_PERMANENT = 0x1f6a, /* it refused this address or this text for good */
} RelayResult;

/* Where and how; strings are owned by the Config or the struct. */
typedef struct RelaySettings {
	char host[HOST_NAME_MAX_LEN + 1];
	char port[8];
	ConfigTls tls;
	SSL_CTX *context; /* NULL without TLS */
	char helo[HOST_NAME_MAX_LEN + 1];
	const char *user; /* "": no AUTH */
	const Secret *password;
} RelaySettings;

typedef struct RelayMail {
	const char *from;
	const char *to; /* the stored address, byte for byte */
	const char *text;
	size_t len;
} RelayMail;

typedef struct Relay Relay;

/* config and password must outlive it. -EINVAL with *problem, a sentence that names the key. */
int relay_new(Relay **ret, const Config *config, const Secret *password, const char **problem);
Relay *relay_free(Relay *relay); /* ends the session politely, within a second */
DEFINE_CLEANUP(Relay *, relay_free)

RelayResult relay_send(Relay *relay, const RelayMail *mail, Deadline deadline, Trace *trace);

/* Ends the session, so that the next message shows every step from the first. */
void relay_hang_up(Relay *relay);

/* Splits "host", "host:port", "[address]:port"; -EINVAL. ret_port stays "" when there is none. */
int relay_split(const char *text, char *ret_host, size_t host_size, char *ret_port,
		size_t port_size);
