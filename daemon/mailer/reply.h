/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One reply of an SMTP server (RFC 5321 4.2), read strictly and within fixed memory: whatever a
 * hostile server sends, this is all that the rest of the mailer ever sees of it.
 */
#pragma once

#include "buf.h"

#define REPLY_LINE_MAX 1000 /* bytes of a line without its end; RFC 5321 allows 510 */
#define REPLY_LINES_MAX 64
#define REPLY_TEXT_MAX 4096 /* bytes of all lines together, without codes */

typedef struct Reply {
	int code; /* 200 to 599 when complete */
	bool complete;
	unsigned n_lines;
	size_t text_len;
	char text[REPLY_TEXT_MAX +
		  1]; /* the lines, joined by '\n': valid UTF-8 without other controls */
	size_t line_len;
	char line[REPLY_LINE_MAX + 1];
} Reply;

void reply_init(Reply *reply);

/*
 * Takes bytes as they come; *used is how many belong to this reply. 0: look at reply->complete;
 * -EBADMSG: not an SMTP reply (a control character, a NUL, codes that differ, no code); -EMSGSIZE:
 * over one of the limits.
 */
int reply_feed(Reply *reply, const char *bytes, size_t len, size_t *used);

static inline int reply_class(const Reply *reply)
{
	return reply->code / 100;
}

/*
 * In the reply to EHLO: whether the extension is offered. rest (may be NULL): where its parameters
 * start, ended by '\n' or the NUL.
 */
bool reply_offers(const Reply *reply, const char *keyword, const char **rest);
/* Whether a blank-separated word is among the parameters. */
bool reply_parameter(const char *rest, const char *word);

/* "550 5.1.1 no such user": on one line, cut at what fits. */
void reply_print(const Reply *reply, Buf *out);
/* The code and the enhanced status code (RFC 3463) alone: for replies whose words may repeat a
 * password. */
void reply_print_code(const Reply *reply, Buf *out);
