/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files about workers. */
#pragma once

#include "broker_play.h"

#define MINT_LINKS "org.pwreset.Directory.MintLinks"

typedef struct Hand {
	int fd; /* -1: none */
	bool mailer;
	char *in;
	size_t in_len;
	bool busy;
	/* The call in hand. */
	char method[VARLINK_NAME_MAX + 1];
	const Rule *rule;
	char id[TOKEN_ID_TEXT + 1]; /* of operation, request or mail */
	RequestKind kind;           /* of Mint's request */
	char user[USER_NAME_MAX + 1];
	char ticket[512];
	char users[PROMISED_MAX][USER_NAME_MAX + 1];
	unsigned n_users;
	unsigned serial;
} Hand;

typedef struct Asked { /* a request that was minted */
	char id[TOKEN_ID_TEXT + 1];
	RequestKind kind;
	char *mail;
	bool ended;
	unsigned unsure; /* mails of which the broker does not know */
} Asked;

typedef struct Operation { /* of which somebody must be told if it happens */
	char id[TOKEN_ID_TEXT + 1];
	const Rule *rule;
	Fate fate;
} Operation;

void books_open(void);
void books_close(void);
Asked *asked_add(RequestKind kind, const char *id);
/* REQUEST_NONE: of any kind; NULL: there is none */
Asked *asked_find(RequestKind kind, const char *id);
void operation_add(const char *id, const Rule *rule);
Operation *operation_find(const char *id); /* NULL: there is none */
/* A request of those that somebody was promised has come; one too many fails. */
void promise_kept(RequestKind kind, const char *user);
bool is_notice(RequestKind kind);

/* What the worker has said of an operation, or what is known when it says nothing more. */
void hand_fate(Hand *hand, Fate fate, const char *error, const char *text);
void hand_drop(Hand *hand);
/* The mail in hand may have gone: as often as this is bounded. */
void hand_unsure(const Hand *hand);

void deeds_open(void);
/* What the worker does with the call in hand. 0, 0: what is right. */
void hand_act(Hand *hand, unsigned what, unsigned more);
