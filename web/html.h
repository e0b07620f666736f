/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing HTML. html_text() is the one function that escapes: whatever is not a literal of this
 * program goes through it, texts of the site and of the translators as well.
 */
#pragma once

#include "buf.h"

/* Escapes for element content and for quoted attributes alike. */
void html_text(Buf *out, const char *text);
void html_text_n(Buf *out, const char *text, size_t len);

/* A value for a {name} in a text. An array of them ends with name NULL. */
typedef struct HtmlValue {
	const char *name;
	const char *value;
} HtmlValue;

/* A text with its {names} filled in, both escaped. A name without a value is a bug and sets
 * overflow. */
void html_fill(Buf *out, const char *text, const HtmlValue *values);

/* Plain text from the configuration; a mail address or https address in it, alone, becomes a link.
 */
void html_contact(Buf *out, const char *text);
