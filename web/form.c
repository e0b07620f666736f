/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A strict reader of application/x-www-form-urlencoded. */
#include <string.h>

#include "form.h"
#include "validate.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Decodes len bytes in place and ends them with NUL, which never stands beyond text[len]. */
static int text_decode(char *text, size_t len, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int high, low;

			if (len - i < 3)
				return FORM_E_SYNTAX;
			high = hex_digit(text[i + 1]);
			low = hex_digit(text[i + 2]);
			if (high < 0 || low < 0)
				return FORM_E_SYNTAX;
			c = high << 4 | low;
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c == '\0')
			return FORM_E_SYNTAX;
		text[n++] = (char)c;
	}
	text[n] = '\0';
	if (!utf8_valid(text, n))
		return FORM_E_SYNTAX;
	*ret_len = n;
	return 0;
}

static int pair_parse(Form *form, char *pair, size_t len, const FormField *fields)
{
	char *equals = memchr(pair, '=', len);
	size_t name_len, value_len;
	int r;

	if (!equals)
		return FORM_E_SYNTAX;
	/* The value first: decoding the name may write its NUL onto the "=". */
	r = text_decode(equals + 1, len - (size_t)(equals + 1 - pair), &value_len);
	if (r == 0)
		r = text_decode(pair, (size_t)(equals - pair), &name_len);
	if (r != 0)
		return r;
	for (size_t i = 0; i < FORM_FIELDS_MAX && fields[i].name; i++) {
		if (strcmp(fields[i].name, pair) != 0)
			continue;
		if (form->values[i])
			return FORM_E_REPEATED;
		if (value_len > fields[i].max)
			return FORM_E_TOO_LONG;
		form->values[i] = equals + 1;
		return 0;
	}
	return FORM_E_UNKNOWN;
}

int form_parse(Form *ret, char *body, size_t len, const FormField *fields)
{
	Form form = {};
	size_t at = 0;

	*ret = (Form){};
	/* An empty body is a form without fields; after that every "&" has a pair on both sides. */
	while (len > 0) {
		char *end = memchr(body + at, '&', len - at);
		size_t n = end ? (size_t)(end - body) - at : len - at;
		int r = pair_parse(&form, body + at, n, fields);

		if (r != 0)
			return r;
		if (!end)
			break;
		at += n + 1;
	}
	for (size_t i = 0; i < FORM_FIELDS_MAX && fields[i].name; i++)
		if (!form.values[i] && !fields[i].optional)
			return FORM_E_MISSING;
	*ret = form;
	return 0;
}
