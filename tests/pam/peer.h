/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon by script: a child process that answers Varlink calls on a Unix socket by rules, well or
 * badly. It shares no code with the product, and its log shows what the module really sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum PeerFault {
	PEER_ANSWERS,
	PEER_CLOSES,  /* without an answer */
	PEER_HALF,    /* half of the answer, then closes */
	PEER_HANGS,   /* takes the call and says nothing */
	PEER_STALLS,  /* half of the answer, then nothing */
	PEER_ENDLESS, /* bytes without a NUL until the other side closes */
	PEER_DRIPS,   /* a byte each 250 ms, so that every single wait succeeds */
} PeerFault;

/* The first rule whose method and words fit answers; times counts down, 0 is without end. */
typedef struct PeerRule {
	const char *method;   /* "Recovery.VerifyCode"; NULL: any */
	const char *contains; /* bytes of the message, or NULL */
	const char
		*reply; /* "{...}": the parameters; "!Error {...}": an error; "=...": these bytes */
	PeerFault fault;
	unsigned times;
	unsigned delay_ms;
} PeerRule;

#define PEER_RULES_MAX 32

typedef struct Peer Peer;

/* rules end with an all-zero one. uid: whom the listener belongs to. */
Peer *peer_start(const char *path, const PeerRule *rules, uid_t uid);
/*
 * The calls so far, each "Method {parameters}\n" as they came; valid until the next peer_reset().
 */
const char *peer_log(Peer *peer);
unsigned peer_calls(Peer *peer);
void peer_reset(Peer *peer);
void peer_stop(Peer *peer);

/* Rules of a daemon on a good day: GOOD_CODE and the like are right, everything else is Refused. */
#define GOOD_CODE "7KQ4-M2XD"
#define GOOD_SAVED "SAVE-DCOD-E234-5678"
#define GOOD_PASSWORD "correct horse battery staple"
extern const PeerRule peer_good[];
