/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small reading of the HTML tokenizer, a byte at a time. It is no judge of documents: where it is
 * in doubt it believes to be inside a tag, where values are refused.
 */

#include <string.h>

#include "html.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

/* A name too long for the buffer matches none that is allowed: it ends in a byte that no name has.
 */
static void word_add(char word[static HTML_WORD_MAX], char c)
{
	size_t len = strlen(word);

	word[len < HTML_WORD_MAX - 1 ? len : HTML_WORD_MAX - 2] =
		len < HTML_WORD_MAX - 1 ? lower(c) : '!';
	if (len < HTML_WORD_MAX - 1)
		word[len + 1] = '\0';
}

static bool tail_is(const Html *html, const char *end)
{
	size_t len = strlen(html->tail), n = strlen(end);

	return len >= n && strcmp(html->tail + len - n, end) == 0;
}

static void tail_add(Html *html, char c)
{
	size_t len = strlen(html->tail);

	if (len == HTML_WORD_MAX - 1) {
		memmove(html->tail, html->tail + 1, len);
		len--;
	}
	html->tail[len] = lower(c);
	html->tail[len + 1] = '\0';
}

static bool is_raw(const Html *html)
{
	return !html->closing &&
	       (strcmp(html->element, "script") == 0 || strcmp(html->element, "style") == 0);
}

static void tag_step(Html *html, char c)
{
	if (c == '>') {
		html->place = is_raw(html) ? HTML_RAW : HTML_TEXT;
		html->tail[0] = '\0';
	} else if (c == '=') {
		html->place = HTML_EQUALS;
		html->value_len = 0;
	} else if (is_blank(c) || c == '/') {
		html->place = HTML_TAG;
	} else {
		if (html->place != HTML_NAME)
			html->attribute[0] = '\0';
		html->place = HTML_NAME;
		word_add(html->attribute, c);
	}
}

static void value_step(Html *html, char c)
{
	if ((html->place == HTML_DOUBLE && c == '"') || (html->place == HTML_SINGLE && c == '\'')) {
		html->place = HTML_TAG;
		html->attribute[0] = '\0';
	} else if (html->place == HTML_BARE && (is_blank(c) || c == '>')) {
		html->place = HTML_TAG;
		tag_step(html, c);
	} else {
		html->value_len++;
	}
}

static void opening_step(Html *html, char c)
{
	if (c == '!' || c == '?' || (html->closing && !is_letter(c))) {
		html->place = HTML_DECLARATION;
		html->tail[0] = '\0';
	} else if (c == '/') {
		html->closing = true;
	} else if (c == '<') {
		html->place = HTML_OPENING;
	} else if (is_letter(c)) {
		html->place = HTML_ELEMENT;
		html->element[0] = '\0';
		word_add(html->element, c);
	} else {
		html->place = HTML_TEXT;
	}
}

static void raw_step(Html *html, char c)
{
	char end[HTML_WORD_MAX + 2] = "</";

	tail_add(html, c);
	memcpy(end + 2, html->element, strlen(html->element) + 1);
	if (!tail_is(html, end))
		return;
	html->closing = true;
	html->place = HTML_TAG;
}

void html_step(Html *html, char c)
{
	switch (html->place) {
	case HTML_TEXT:
		if (c == '<') {
			html->place = HTML_OPENING;
			html->closing = false;
		}
		break;
	case HTML_OPENING:
		opening_step(html, c);
		break;
	case HTML_ELEMENT:
		if (is_blank(c) || c == '/' || c == '>')
			tag_step(html, c);
		else
			word_add(html->element, c);
		break;
	case HTML_TAG:
	case HTML_NAME:
		tag_step(html, c);
		break;
	case HTML_EQUALS:
		if (is_blank(c))
			break;
		html->place = c == '"' ? HTML_DOUBLE : c == '\'' ? HTML_SINGLE : HTML_BARE;
		if (html->place == HTML_BARE)
			value_step(html, c);
		break;
	case HTML_DOUBLE:
	case HTML_SINGLE:
	case HTML_BARE:
		value_step(html, c);
		break;
	case HTML_DECLARATION:
		tail_add(html, c);
		if (strcmp(html->tail, "--") == 0)
			html->place = HTML_COMMENT;
		else if (c == '>')
			html->place = HTML_TEXT;
		break;
	case HTML_COMMENT:
		tail_add(html, c);
		if (tail_is(html, "-->"))
			html->place = HTML_TEXT;
		break;
	case HTML_RAW:
		raw_step(html, c);
		break;
	}
}
