/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The worker side of Varlink: one connection, one call at a time, plain blocking code. A worker
 * process of the broker is a table of methods and a loop.
 */
#pragma once

#include "varlink.h"

typedef struct Serve Serve;

/*
 * A method: writes its reply with serve_reply() or serve_error(); a negative errno ends the
 * connection.
 */
typedef int (*ServeHandler)(Serve *serve, const VarlinkCall *call, void *userdata);

typedef struct ServeMethod {
	const char *name; /* fully qualified; the table ends with NULL */
	ServeHandler handler;
} ServeMethod;

typedef struct ServeOptions {
	const ServeMethod *methods;
	void *userdata;
	unsigned idle_ms;    /* without a call, and it is over; 0: never */
	unsigned default_ms; /* for a call without a deadline */
	/*
	 * Once after each run of calls, when rest_ms (less than idle_ms) have passed without
	 * another: time to tidy up. NULL: nothing.
	 */
	void (*rest)(void *userdata);
	unsigned rest_ms;
} ServeOptions;

/*
 * For a process that is to serve, before it does anything that may block: it dies by SIGALRM if it
 * has not come to serve_run() in SERVE_START_MS, for whoever waits for it does not know it yet.
 */
#define SERVE_START_MS (15 * 1000)
int serve_prepare(void);

/*
 * Serves fd until the peer closes it (0), or idle_ms pass without a call (0), or a handler fails
 * (its errno) or the peer speaks no Varlink (-EBADMSG …). Takes fd in any case. The alarm clock
 * (SIGALRM, default action: death) is armed for the member "deadline" (milliseconds) of the
 * parameter "caller" of each call, or default_ms, and disarmed after it, so that a call that blocks
 * for ever ends its process; rest() has default_ms.
 */
int serve_run(int fd, const ServeOptions *options);

/*
 * Opens the reply; finish with serve_send(). One reply a call (calls with more are not for
 * workers).
 */
JsonWriter *serve_reply(Serve *serve);
JsonWriter *serve_error(Serve *serve, const char *error);
int serve_send(Serve *serve);
/* An error with no parameters, and InvalidParameter for the member *bad, in one step. */
int serve_fail(Serve *serve, const char *error);
int serve_invalid(Serve *serve, const char *bad);
