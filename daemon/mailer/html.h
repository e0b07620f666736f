/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where in an HTML document one stands: what a value may do depends on it. */
#pragma once

#include "macros.h"

#define HTML_WORD_MAX 16

typedef enum HtmlPlace {
	HTML_TEXT,
	HTML_OPENING, /* behind '<' */
	HTML_ELEMENT, /* in the name of an element */
	HTML_TAG,     /* in a tag, between attributes */
	HTML_NAME,    /* in the name of an attribute */
	HTML_EQUALS,  /* behind '=' */
	HTML_DOUBLE,  /* in a value between double quotes */
	HTML_SINGLE,
	HTML_BARE,
	HTML_COMMENT,
	HTML_DECLARATION,
	HTML_RAW, /* in a script or a style */
} HtmlPlace;

typedef struct Html {
	HtmlPlace place;
	bool closing; /* the tag is an end tag */
	char element[HTML_WORD_MAX];
	char attribute[HTML_WORD_MAX];
	size_t value_len;         /* bytes of the attribute's value so far */
	char tail[HTML_WORD_MAX]; /* the last bytes, to see how a comment or script ends */
} Html;

#define HTML_START ((Html){ .place = HTML_TEXT })

void html_step(Html *html, char c);

static inline bool html_in_value(const Html *html)
{
	return html->place == HTML_DOUBLE || html->place == HTML_SINGLE;
}
