/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gate between libesmtp and the relay. Commands and replies alternate strictly (libesmtp is
 * told of no extension but one way of AUTH, so it does not pipeline); each command is held against
 * what the configuration and this message allow, each reply is read by reply.h, and libesmtp gets a
 * short one made from it. So a hostile relay never reaches libesmtp's parser, and libesmtp's errors
 * never reach the relay.
 */
#pragma once

#include "child.h"
#include "wire.h"

#define GATE_TURNS_MAX 32 /* commands for one message, with AUTH; it takes about eight */
#define GATE_TURN_MAX (SMTP_MESSAGE_MAX + 4096)

enum {
	_GATE_E_SUCCESS,
	GATE_E_LOST, /* the session is over, and the relay has not got the text: another session may
			try */
	GATE_E_UNKNOWN, /* over after the text was handed over: nobody knows */
	GATE_E_REFUSED, /* the session does not fulfil what the configuration demands */
	GATE_E_BROKEN,  /* libesmtp died, gave up or said something that it may not */
};

/* Status codes as they came from the relay, 0 where none came. */
typedef struct GateCodes {
	int sender;
	int recipient;
	int data;
	int transfer;
} GateCodes;

typedef struct Gate {
	Wire *wire; /* none of these is owned */
	const Child *child;
	const SmtpJob *job;
	Trace *trace;
	Deadline deadline;
	bool needs_auth; /* [mail] user= is set: nothing passes before it succeeded */
	bool needs_utf8; /* this address cannot be written without SMTPUTF8 */
	bool offers_utf8;
	bool authenticated;
	int expects; /* GateTurn: what libesmtp's next line is, when its first word does not tell */
	GateCodes codes;
	Reply reply;
	size_t turn_len;
	char turn[GATE_TURN_MAX];
} Gate;

/* Passes the greeting that dial() has read. */
int gate_greet(Gate *gate);
/* From the order to the report of one message. 0 or GATE_E_*; the trace says which step. */
int gate_message(Gate *gate, SmtpReport *report);
/* QUIT. */
int gate_quit(Gate *gate);
