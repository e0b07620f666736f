/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call in hand, from the moment that it is read until its answer has been handed to the peer:
 * admitted, charged, routed, answered, held back until the end of its slot, and noted in the
 * journal.
 */
#pragma once

#include "bulk.h"
#include "limit.h"
#include "methods.h"
#include "peer.h"
#include "spool.h"
#include "worker.h"

struct Call {
	Broker *broker;
	Peer *peer;
	const Method *method;
	/* stands in the peer's stream, which is not read before the call is over */
	VarlinkCall message;
	Parameters parameters;
	unsigned roles;
	char id[TOKEN_ID_TEXT + 1];       /* of the operation; "" before it is admitted */
	char source[ORIGIN_MAX + 8];      /* whom the limits count it to */
	char ticket[TICKET_TEXT_MAX + 1]; /* the public part of a ticket or link; "" without one */
	LimitSubject subject;
	uint64_t arrived_us;
	sd_event_source *slot; /* NULL: not held back */
	bool answered;         /* the answer is written and waits for the slot's end */
	bool rounded;
	Work *work;
	SpoolWaiter waiter;
	bool waiting; /* for the spool's commit */
	int spooled;  /* what adding to the spool came to */
	Request *notices[METHOD_NOTICES];
	Bulk bulk;
	JsonWriter writer;
	Buf nothing; /* is written into when there is no memory for an answer */
	char result[VARLINK_NAME_MAX + 1]; /* for the journal and the limits */
	char proven[USER_NAME_MAX + 1];    /* the name that the worker's reply gives */
};

#define RESULT_NOBODY "nobody" /* an answer that names nobody */

/*
 * By the peer, for a message that it read (admit.c). Negative errno: it is no call, and the peer is
 * to be dropped.
 */
int call_begin(Peer *peer, const JsonNode *root);
/* The peer has hung up. False: the call has no more to do and can be freed. */
bool call_survives(Call *call);
/* Not while it waits for the spool. */
void call_free(Call *call);

/*
 * The writer of the answer, inside its parameters; call_finish() ends it. An answer begun before is
 * replaced.
 */
JsonWriter *call_reply(Call *call);
JsonWriter *call_error(Call *call, const char *error);
/* The call may be gone afterwards, its peer not. result: for the journal. */
void call_finish(Call *call, const char *result);
/* Both in one step, without parameters, or for a bad parameter. */
void call_fail(Call *call, const char *error);
void call_fail_parameter(Call *call, const char *parameter);
void call_fail_try_later(Call *call, unsigned seconds);

/* From now on the answer comes at the end of a slot, if the table says so. */
int call_begin_slot(Call *call);
