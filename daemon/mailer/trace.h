/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happened on the way of a message, step by step: the journal gets the last step, test-mail
 * all of them. Secrets of the message are taken out of every text before it is kept.
 */
#pragma once

#include "buf.h"

#define TRACE_STEPS_MAX 24
#define TRACE_TEXT_MAX 400 /* bytes with the NUL */
#define TRACE_SECRETS_MAX 4

/* Why a step failed, as far as there is a remedy to name. */
typedef enum TraceCause {
	CAUSE_NONE,
	CAUSE_RESOLVE,
	CAUSE_REFUSED,
	CAUSE_UNREACHABLE,
	CAUSE_TIMEOUT,
	CAUSE_NOT_LOCAL,
	CAUSE_NOT_SMTP,
	CAUSE_BUSY,
	CAUSE_HELO,
	CAUSE_NO_STARTTLS,
	CAUSE_INJECTED,
	CAUSE_TLS,
	CAUSE_CERTIFICATE_NAME,
	CAUSE_CERTIFICATE_EXPIRED,
	CAUSE_CERTIFICATE_EARLY,
	CAUSE_CERTIFICATE_CHAIN,
	CAUSE_NO_AUTH,
	CAUSE_AUTH_REFUSED,
	CAUSE_AUTH_LATER,
	CAUSE_SENDER,
	CAUSE_RECIPIENT,
	CAUSE_RECIPIENT_LATER,
	CAUSE_SMTPUTF8,
	CAUSE_CONTENT,
	CAUSE_LATER,
	CAUSE_LOST,
	CAUSE_INTERNAL,
	_CAUSE_MAX,
} TraceCause;

typedef struct TraceStep {
	const char *step;
	TraceCause cause; /* CAUSE_NONE: it went well */
	char text[TRACE_TEXT_MAX];
} TraceStep;

typedef struct Trace {
	size_t n_steps;
	TraceStep steps[TRACE_STEPS_MAX];
	size_t n_secrets;
	const char *secrets[TRACE_SECRETS_MAX]; /* not owned */
	const char *address;                    /* not owned */
} Trace;

void trace_init(Trace *trace);
/* A value that no text may repeat: a link, a code, a password. A relay quotes what it did not like.
 */
void trace_hide(Trace *trace, const char *secret);

/*
 * The recipient: texts repeat it masked, for they stand in a journal that more people read than the
 * mail.
 */
void trace_mask(Trace *trace, const char *address);

void trace_ok(Trace *trace, const char *step, const char *text);
void trace_fail(Trace *trace, const char *step, TraceCause cause, const char *text);

/* The step that failed, else the last one; NULL when there is none. */
const TraceStep *trace_last(const Trace *trace);
/* "RCPT: 550 5.1.1 no such user". */
void trace_detail(const Trace *trace, Buf *out);

/* What the administrator can do about it, or NULL. */
const char *trace_remedy(TraceCause cause);
