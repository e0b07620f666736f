/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing HTML: the one place that escapes. */
#include <string.h>

#include "html.h"
#include "validate.h"

void html_text_n(Buf *out, const char *text, size_t len)
{
	size_t plain = 0;

	for (size_t i = 0; i < len; i++) {
		const char *entity;

		switch (text[i]) {
		case '&':
			entity = "&amp;";
			break;
		case '<':
			entity = "&lt;";
			break;
		case '>':
			entity = "&gt;";
			break;
		case '"':
			entity = "&quot;";
			break;
		case '\'':
			entity = "&#39;";
			break;
		default:
			continue;
		}
		buf_append(out, text + plain, i - plain);
		buf_puts(out, entity);
		plain = i + 1;
	}
	buf_append(out, text + plain, len - plain);
}

void html_text(Buf *out, const char *text)
{
	html_text_n(out, text, strlen(text));
}

static const char *value_find(const HtmlValue *values, const char *name, size_t len)
{
	for (; values && values->name; values++)
		if (strlen(values->name) == len && memcmp(values->name, name, len) == 0)
			return values->value;
	return NULL;
}

void html_fill(Buf *out, const char *text, const HtmlValue *values)
{
	for (;;) {
		const char *open = strchr(text, '{');
		const char *close = open ? strchr(open, '}') : NULL;
		const char *value;

		if (!close) {
			html_text(out, text);
			return;
		}
		html_text_n(out, text, (size_t)(open - text));
		value = value_find(values, open + 1, (size_t)(close - open - 1));
		if (!value) {
			out->overflow = true;
			return;
		}
		html_text(out, value);
		text = close + 1;
	}
}

void html_contact(Buf *out, const char *text)
{
	bool address = mail_address_valid(text);
	bool link = strncmp(text, "https://", 8) == 0 && !strpbrk(text, " \t\"'<>");

	if (address || link) {
		buf_puts(out, address ? "<a href=\"mailto:" : "<a href=\"");
		html_text(out, text);
		buf_puts(out, "\">");
	}
	html_text(out, text);
	if (address || link)
		buf_puts(out, "</a>");
}
