/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request: somebody is to get a mail. Who asked for what, for whom, from where and when; never a
 * token, a code, a password or a mail's text, for it lies on a disk.
 */
#pragma once

#include "token.h"
#include "json.h"

typedef enum RequestKind {
	REQUEST_NONE,
	REQUEST_LINK,
	REQUEST_CODE,
	REQUEST_USERNAME,
	REQUEST_CHANGED,
	REQUEST_MAIL_CHANGED,
	REQUEST_MAIL_CONFIRM,
	REQUEST_ENROLLED,
	REQUEST_TEMPORARY,
	REQUEST_EXPIRY,
	_REQUEST_KIND_MAX,
} RequestKind;

const char *request_kind_name(RequestKind kind);
RequestKind request_kind_parse(const char *name); /* REQUEST_NONE: no such kind */

#define ORIGIN_MAX 255 /* bytes of each member */

typedef struct Origin { /* NULL: not known */
	const char *service;
	const char *host;
	const char *address;
	const char *terminal;
} Origin;

/* Strings are NULL when absent. In a Request of request_copy() they stand in its own memory. */
typedef struct Request {
	char id[TOKEN_ID_TEXT + 1];
	RequestKind kind;
	const char *user;
	const char *ticket;    /* the public part */
	const char *requester; /* NULL: the person */
	const char *language;
	Origin origin;
	unsigned roles;  /* of the requester, Role */
	uint64_t run;    /* batch_mark() of its run; 0: none */
	int64_t created; /* seconds since the epoch */
	int64_t expires;
	int64_t due; /* milliseconds since the epoch: not to be acted on before */
	unsigned attempts;
	/* attempts of which it is not known whether the mail went out: each may be a duplicate */
	unsigned unknown;
	bool done; /* a notice: the call was answered with success … */
	/* … or nobody heard how it ended, and no directory server knew of it yet */
	bool missed;
	uint32_t reached;   /* addresses that have the mail, by their places in a list … */
	int64_t reached_of; /* … of this hash (delivery_reached.c) */
	/* The spool's own. */
	size_t size;       /* of its record */
	size_t memory;     /* that it takes */
	uint32_t position; /* in the queue */
	uint8_t state;
	/* by a call that will say what became of it: not taken, whatever the clock says */
	bool held;
	uint8_t told; /* whose failure was told already (delivery_tell.c) */
	struct Request *chain;
} Request;

/*
 * 22 characters of base64url from the kernel's random source; -EIO when that fails, and nothing may
 * be issued then.
 */
int request_id_new(char ret[static TOKEN_ID_TEXT + 1]);

/* A copy with its strings in one piece of memory; free() it. NULL: no memory. */
Request *request_copy(const Request *request);

/* The members of org.pwreset.Directory.Request, into the object that is open. */
void request_write(JsonWriter *w, const Request *request);

/*
 * Reads what request_write() wrote, with the further members due and unknown, and perhaps reached
 * and reachedOf. Its strings stay in the message. 0 or -EBADMSG.
 */
int request_parse(Request *request, const JsonNode *object);
