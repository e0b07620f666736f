/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One call to the daemon: connect, write the parameters, wait, and turn whatever comes back into an
 * Outcome.
 */
#pragma once

#include "call.h"
#include "client.h"

typedef struct Exchange {
	const Context *ctx;
	const char *method;
	/*
	 * A lost reply leaves it open whether a password was written; the directory gets double
	 * time.
	 */
	bool writes;
	unsigned timeout_ms;
	Client *client; /* the reply lives as long as it does */
	JsonWriter *w;
	VarlinkReply reply;
} Exchange;

/*
 * Leaves the writer inside the parameters, with "user" put. OUTCOME_OK or OUTCOME_UNAVAILABLE,
 * logged.
 */
Outcome exchange_open(Exchange *e, const Context *ctx, const char *method, bool writes,
		      unsigned timeout_ms);
/* Sends and waits. reasons may be NULL where the method cannot refuse a password. */
Outcome exchange_finish(Exchange *e, Reasons *reasons);
void exchange_close(Exchange *e);
#define AUTO_EXCHANGE CLEANUP(exchange_close)

/*
 * Where the person is, as PAM knows it. The daemon trusts a person at the console more than one who
 * comes over the network: with recovery nothing that is unclear looks like the console.
 */
void exchange_put_origin(Exchange *e, bool recovery);
void exchange_put_language(Exchange *e);
/* As base64: passwords are bytes. */
void exchange_put_password(Exchange *e, const char *key, const Secret *password);
/* A code or an answer as text; key NULL in arrays. */
void exchange_put_text(Exchange *e, const char *key, const Secret *text);

/* Of a refused password: at least one reason, and a hint if there is one. */
void exchange_read_reasons(const Exchange *e, Reasons *reasons);
