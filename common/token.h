/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text forms of what a person holds. Only the directory worker knows whether one is good; the
 * others take the public part, to route and to limit, and can keep it: it opens nothing.
 *
 * Ticket (a link's secret or a grant): base64url of
 *     version (1 byte, 1) | selector length (1) | selector | request id (16) | secret (32)
 * selector: 'u' and the 16 bytes of entryUUID, or 'n' and the user name (for servers without
 * entryUUID).
 *
 * Code: eight symbols of CODE_ALPHABET, shown as XXXX-XXXX. The first two (the label) say which
 * token is meant and are not secret; six are: 30 bits, kept only as HMAC under the pepper.
 */
#pragma once

#include "validate.h"

#define TOKEN_VERSION 1
#define TOKEN_ID_SIZE 16
#define TOKEN_SECRET_SIZE 32
#define TOKEN_SELECTOR_MAX 129 /* bytes with its type letter */
#define TICKET_TEXT_MAX 240    /* bytes of base64url, without NUL */
#define TOKEN_ID_TEXT 22       /* an id in base64url */
#define CODE_LABEL 2
#define CODE_SECRET 6
#define CODE_SYMBOLS 8
#define CODE_ALPHABET                                                                              \
	"23456789ABCDEFGHJKLMNPQRSTUVWXYZ" /* 32 symbols; 0, 1, I and O are not among them */

typedef struct Ticket {
	char selector[TOKEN_SELECTOR_MAX];
	uint8_t selector_len;
	uint8_t id[TOKEN_ID_SIZE];
	uint8_t secret[TOKEN_SECRET_SIZE];
} Ticket;

void ticket_wipe(Ticket *ticket);
#define AUTO_TICKET CLEANUP(ticket_wipe)

/* -EBADMSG for anything that is not exactly one ticket. */
int ticket_parse(Ticket *ticket, const char *text);
/* ret: TICKET_TEXT_MAX + 1 bytes. */
int ticket_format(const Ticket *ticket, char *ret, size_t size);
/* The selector and id without the secret, as base64url: what may be stored and logged. */
int ticket_public(const char *text, char *ret, size_t size);
/* Reads what ticket_public() wrote; the secret is zero. -EBADMSG. */
int ticket_public_parse(Ticket *ticket, const char *text);

/*
 * What a person typed, into the canonical eight symbols: lower case, hyphens and white space are
 * forgiven, O is read as nothing else (it is no symbol). -EBADMSG otherwise. ret: CODE_SYMBOLS + 1
 * bytes, secret.
 */
int code_parse(const char *text, char ret[static CODE_SYMBOLS + 1]);
/* XXXX-XXXX: ret has CODE_SYMBOLS + 2 bytes. */
void code_format(const char code[static CODE_SYMBOLS + 1], char ret[static CODE_SYMBOLS + 2]);
