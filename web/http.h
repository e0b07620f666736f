/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The HTTP server: libmicrohttpd's epoll descriptor inside our event loop, no thread. Requests come
 * here whole and vetted; an answer may be given at once or later. Every connection carries one
 * request and is closed.
 */
#pragma once

#include <systemd/sd-event.h>

#include "buf.h"
#include "head.h"

#define HTTP_PATH_MAX 512 /* bytes of a path; a longer one is no page of ours */
#define HTTP_QUERY_MAX 64 /* bytes of a query that is looked at */

typedef struct Http Http;
typedef struct Exchange Exchange;

/* One request and its answer. */
struct Exchange {
	bool post;
	bool get;         /* GET or HEAD */
	unsigned refused; /* status to refuse with, 0 for a sound request */
	char path[HTTP_PATH_MAX + 1];
	char query[HTTP_QUERY_MAX + 1];
	Head head;
	char *body; /* of a POST; NUL-terminated, wiped at the end */
	size_t body_len;
	char address[INET6_ADDRSTRLEN]; /* the peer's; "" on a Unix socket */
	void *userdata;                 /* the handler's, for its closed() */
};

typedef struct Answer {
	unsigned status;
	const char *type;
	const char *body; /* has to live until closed() */
	size_t len;
	const char *location; /* NULL: none */
	const char *language; /* NULL: none */
	const char *allow;    /* NULL: none */
	int64_t retry_after;  /* seconds; 0: none */
	bool immutable;       /* may be kept for a year; everything else by nobody */
} Answer;

typedef struct HttpHandler {
	/* Answers with http_answer(), now or later. A refused request has to be answered with an
	 * error page. */
	void (*request)(Exchange *exchange, void *userdata);
	/* The exchange is over, answered or not; frees what hangs on exchange->userdata. */
	void (*closed)(Exchange *exchange);
	/* The last connection has gone, or the first one has come. */
	void (*idle)(bool idle, void *userdata);
} HttpHandler;

typedef struct HttpOptions {
	int fd;   /* listening socket; stays the caller's */
	bool tcp; /* limits connections by address */
	bool hsts;
	uint64_t body_max;
	const HttpHandler *handler;
	void *userdata;
} HttpOptions;

int http_new(Http **ret, sd_event *event, const HttpOptions *options);
Http *http_free(Http *http);
DEFINE_CLEANUP(Http *, http_free)

/*
 * Begins to serve, or goes on with another certificate: connections that are open keep theirs. The
 * PEM texts are copied; NULL: plain HTTP. -EBADMSG when they do not fit together; what was served
 * before goes on then.
 */
int http_listen(Http *http, const char *certificate, const char *key);

/* Takes no new connections; handler->idle tells when the last one has gone. */
void http_quiesce(Http *http);
bool http_is_idle(const Http *http);

void http_answer(Exchange *exchange, const Answer *answer);
