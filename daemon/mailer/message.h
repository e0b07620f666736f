/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One mail as it goes over the wire: header, multipart/alternative, text and HTML in base64. */
#pragma once

#include <time.h>

#include "buf.h"

#define MESSAGE_ID_MAX 64 /* bytes of a request's id */
#define MESSAGE_SUBJECT_MAX 512

typedef struct Message {
	const char *id; /* the request's: [A-Za-z0-9_-] */
	unsigned index; /* of the recipient; both together make the Message-ID, which a retry
			   repeats */
	time_t date;
	const char *from_name; /* "" or NULL: none */
	const char *from_address;
	const char *to;       /* the stored address, byte for byte */
	const char *language; /* tag */
	const char *subject;
	const char *text;
	const char *html;
} Message;

enum {
	_MESSAGE_E_SUCCESS,
	MESSAGE_E_ID,
	MESSAGE_E_FROM,
	MESSAGE_E_TO,
	MESSAGE_E_SUBJECT, /* empty, too long, a control in it */
	MESSAGE_E_BODY,    /* no UTF-8, a NUL or another control but the line feed */
	MESSAGE_E_TOO_LONG,
};

/* Lines ended by CR LF, none longer than 998 bytes. 0 or MESSAGE_E_*; out is wiped on failure. */
int message_write(const Message *message, Buf *out);

/* "Example Help <help@example.com>" into name (may be "") and address; -EINVAL. */
int message_sender(const char *from, char *ret_name, size_t name_size, char *ret_address,
		   size_t address_size);
