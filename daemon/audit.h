/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happened, in the journal with structured fields, for IT and for "pwresetctl audit". Never a
 * secret; a mail address only masked; a user's name only when it is known to be one, because people
 * type passwords where a name is asked for. Without a journal the same goes to stderr as one line.
 */
#pragma once

#include <sys/types.h>

#include "macros.h"

typedef enum AuditEvent {
	AUDIT_CALL,    /* a method of METHOD_AUDIT was answered */
	AUDIT_DENIED,  /* somebody asked for what is not theirs */
	AUDIT_LIMITED, /* a source asks too often */
	AUDIT_CUT,     /* a host of the fleet has guessed wrong too often */
	AUDIT_MAIL,    /* a request has come to its end: sent, or not and why */
	AUDIT_PUT_OFF, /* a request has failed for the first time, and is tried again */
	AUDIT_RESUMED, /* what failed works again */
	_AUDIT_MAX,
} AuditEvent;

/* Members are NULL when there is nothing to say. */
typedef struct Audit {
	AuditEvent event;
	const char *method;
	const char *result;  /* "ok", the name of an error, "sent", a reason of Mint … */
	const char *user;    /* see above; an address is masked here */
	const char *address; /* mail address, masked here */
	const char *socket;
	const char *host;      /* of the relay, or the host where the person is */
	const char *source;    /* the remote address */
	const char *request;   /* id of the operation or the request */
	const char *kind;      /* of the request */
	const char *requester; /* the staff member's uid */
	const char *detail;    /* the relay's words, and what to do about them */
	bool has_uid;
	uid_t uid; /* of the caller */
} Audit;

void audit_write(const Audit *audit);
