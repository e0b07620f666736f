/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encoded words, quoted strings, folding. */

#include <string.h>

#include "header.h"
#include "validate.h"

#define COLUMNS 78
#define WORD_MAX 75 /* RFC 2047 2 */
#define WORD_START "=?UTF-8?B?"
#define WORD_END "?="

static bool is_plain(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x7f || (unsigned char)*p < 0x20)
			return false;
	/* What looks like an encoded word would be decoded. */
	return !strstr(text, "=?");
}

/* Whether it can be folded at single blanks, without a word that is too long. */
static bool is_foldable(const char *text, size_t column)
{
	if (*text == ' ' || *text == '\0')
		return false;
	for (const char *p = text; *p != '\0';) {
		size_t len = strcspn(p, " ");

		if (len == 0 || column + len > COLUMNS)
			return false;
		p += len;
		if (*p == ' ' && *++p == '\0')
			return false;
		column = 1;
	}
	return true;
}

static size_t put_folded(Buf *out, const char *text, size_t column)
{
	bool first = true;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (!first && column + 1 + len > COLUMNS) {
			buf_puts(out, "\r\n");
			column = 0;
		}
		if (!first) {
			buf_putc(out, ' ');
			column++;
		}
		buf_append(out, text, len);
		column += len;
		text += len;
		text += *text == ' ';
		first = false;
	}
	return column;
}

/* As many whole characters as fit into the rest of the line. */
static size_t chunk_length(const char *text, size_t len, size_t column)
{
	size_t frame = strlen(WORD_START WORD_END), room = COLUMNS - column, n = 0;

	if (room > WORD_MAX)
		room = WORD_MAX;
	room = (room - frame) / 4 * 3;
	while (n < len) {
		size_t c = utf8_length(text + n, len - n);

		if (c == 0)
			c = 1;
		if (n + c > room)
			break;
		n += c;
	}
	return n;
}

static size_t put_encoded(Buf *out, const char *text, size_t column)
{
	char word[BASE64_SIZE(WORD_MAX)];
	size_t len = strlen(text);

	while (len > 0) {
		size_t n = chunk_length(text, len, column);

		buf_puts(out, WORD_START);
		base64_encode(text, n, word, sizeof(word));
		buf_puts(out, word);
		buf_puts(out, WORD_END);
		column += strlen(WORD_START) + strlen(word) + strlen(WORD_END);
		text += n;
		len -= n;
		if (len > 0) {
			buf_puts(out, "\r\n ");
			column = 1;
		}
	}
	memory_wipe(word, sizeof(word));
	return column;
}

void header_put_text(Buf *out, const char *name, const char *text)
{
	size_t column = strlen(name) + 2;

	buf_printf(out, "%s: ", name);
	if (is_plain(text) && is_foldable(text, column))
		put_folded(out, text, column);
	else
		put_encoded(out, text, column);
	buf_puts(out, "\r\n");
}

static bool is_phrase(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+"
			    "-/=?^_`{|}~ ") == strlen(text);
}

static size_t put_quoted(Buf *out, const char *text)
{
	size_t start = out->len;

	buf_putc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
	buf_putc(out, '"');
	return out->len - start;
}

void header_put_address(Buf *out, const char *name, const char *display, const char *address)
{
	size_t column = strlen(name) + 2;

	buf_printf(out, "%s: ", name);
	if (display && *display != '\0') {
		if (is_plain(display) && is_phrase(display) && is_foldable(display, column))
			column = put_folded(out, display, column);
		else if (is_plain(display) && column + 2 * strlen(display) + 2 <= COLUMNS)
			column += put_quoted(out, display);
		else
			column = put_encoded(out, display, column);
		if (column + strlen(address) + 3 > COLUMNS)
			buf_puts(out, "\r\n");
		buf_putc(out, ' ');
	}
	buf_printf(out, "<%s>\r\n", address);
}

void header_put(Buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s: %s\r\n", name, value);
}
