/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking and telling through the application's conversation. Replies are told apart as empty or not
 * empty and never by what they say: for users that it does not know, sshd puts junk of the same
 * length in their place.
 */
#pragma once

#include "context.h"
#include "secret.h"

typedef enum Reply {
	REPLY_END,      /* the conversation failed or was given up: ask nothing more */
	REPLY_EMPTY,    /* just Enter */
	REPLY_TEXT,     /* in *text */
	REPLY_TOO_LONG, /* above SECRET_MAX bytes; *text is empty */
} Reply;

/* With echo the reply may be seen; *text is wiped first, whatever is returned. */
Reply conv_ask(const Context *ctx, bool echo, const char *prompt, Secret *text);
/* A choice: REPLY_END, REPLY_EMPTY or REPLY_TEXT for anything else. */
Reply conv_choose(const Context *ctx, TextId prompt);

/* For the eye only: applications may drop them, so nothing that is needed stands in them. */
void conv_info(const Context *ctx, TextId text);
void conv_error(const Context *ctx, TextId text);
/* Several, a line each, as one message. */
void conv_errors(const Context *ctx, const TextId *texts, size_t n);
