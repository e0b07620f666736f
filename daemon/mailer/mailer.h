/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker: what it holds from its start to its end, and its methods. */
#pragma once

#include "config.h"
#include "library.h"
#include "message.h"
#include "relay.h"
#include "serve.h"

#define MAILER_RECIPIENTS_MAX 16
#define MAILER_NAME_MAX 192

typedef struct Mailer {
	const Config *config; /* not owned */
	Library *library;
	Relay *relay;
	MailText text;
	Buf message;
	char from_name[MAILER_NAME_MAX];
	char from_address[MAIL_ADDRESS_MAX + 1];
	char site[HOST_NAME_MAX_LEN + 1]; /* what {{site}} is when [web] site-name= is empty */
} Mailer;

/* root: "" or a folder that stands for /. After complaints: a negative errno. password must outlive
 * the Mailer. */
int mailer_init(Mailer *mailer, const Config *config, const char *root, const Secret *password);
void mailer_deinit(Mailer *mailer);

/* What the site says of itself, where the values do not. */
void mailer_defaults(const Mailer *mailer, Values *values);
/* When a call has to be over: [mail] timeout=, or before the caller gives up. caller may be NULL.
 */
Deadline mailer_deadline(const Mailer *mailer, const JsonNode *caller);
/* Renders into mailer->text. Negative errno: a text does not fit. */
int mailer_render(Mailer *mailer, MailKind kind, const char *language, const Values *values);
/* Sends what was rendered to one address. */
RelayResult mailer_deliver(Mailer *mailer, const char *id, unsigned index, const char *to,
			   Deadline deadline, Trace *trace);

/* org.pwreset.Mailer.Send and .Probe; userdata is the Mailer. */
int mailer_send(Serve *serve, const VarlinkCall *call, void *userdata);
int mailer_probe(Serve *serve, const VarlinkCall *call, void *userdata);
