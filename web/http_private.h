/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two files about libmicrohttpd share: http.c (sockets and the loop) and http_exchange.c
 * (requests). */
#pragma once

#include <microhttpd.h>

#include "http.h"
#include "peers.h"

#define LISTENERS_MAX 4 /* certificates in use at a time */

/* One daemon of the library. */
typedef struct Listener {
	Http *http;
	struct MHD_Daemon *daemon;
	sd_event_source *io;
	sd_event_source *timer;
	unsigned n; /* connections */
	bool quiesced;
	char *certificate;
	char *key;
} Listener;

struct Http {
	sd_event *event;
	HttpOptions options;
	Listener listeners[LISTENERS_MAX];
	Listener *current;
	Peers peers;
	sd_event_source *sweep;
	bool starting; /* only then the library's messages are worth a line */
};

/* Has the library look at its connections soon: it does not notice by itself that one was resumed.
 */
void listener_wake(Listener *listener);

/* The library's callbacks: userdata is the Listener. */
void *exchange_line(void *userdata, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_request(void *userdata, struct MHD_Connection *connection, const char *url,
				 const char *method, const char *version, const char *upload,
				 size_t *upload_len, void **state);
void exchange_completed(void *userdata, struct MHD_Connection *connection, void **state,
			enum MHD_RequestTerminationCode why);
/* Before the library is stopped: it cannot end connections that wait for an answer. */
void exchange_abandon(Peer *peer);
