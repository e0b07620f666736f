/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads SMTP replies byte by byte; no limit depends on the server's good will. */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "reply.h"
#include "validate.h"

void reply_init(Reply *reply)
{
	reply->code = 0;
	reply->complete = false;
	reply->n_lines = 0;
	reply->text_len = 0;
	reply->text[0] = '\0';
	reply->line_len = 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The text goes into JSON and into a journal: what is no UTF-8 becomes question marks. */
static void line_clean(char *line, size_t len)
{
	bool utf8 = utf8_valid(line, len);

	for (size_t i = 0; i < len; i++)
		if (line[i] == '\t')
			line[i] = ' ';
		else if (!utf8 && (unsigned char)line[i] >= 0x80)
			line[i] = '?';
}

static int line_take(Reply *reply)
{
	char *line = reply->line;
	size_t len = reply->line_len;
	int code;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	/* A NUL would hide the rest, a CR alone or an escape sequence would forge what an
	 * administrator reads. */
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return -EBADMSG;
	if (len < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
		return -EBADMSG;
	if (len > 3 && line[3] != ' ' && line[3] != '-')
		return -EBADMSG;
	code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	if (reply->n_lines > 0 && code != reply->code)
		return -EBADMSG;
	if (++reply->n_lines > REPLY_LINES_MAX)
		return -EMSGSIZE;
	reply->code = code;
	reply->complete = len == 3 || line[3] == ' ';

	line_clean(line, len);
	line += len > 3 ? 4 : 3;
	len -= len > 3 ? 4 : 3;
	if (len + 1 > REPLY_TEXT_MAX - reply->text_len)
		return -EMSGSIZE;
	if (reply->n_lines > 1)
		reply->text[reply->text_len++] = '\n';
	memcpy(reply->text + reply->text_len, line, len);
	reply->text_len += len;
	reply->text[reply->text_len] = '\0';
	reply->line_len = 0;
	return 0;
}

int reply_feed(Reply *reply, const char *bytes, size_t len, size_t *used)
{
	size_t i;

	for (i = 0; i < len && !reply->complete; i++) {
		int r;

		if (bytes[i] != '\n') {
			if (reply->line_len >= REPLY_LINE_MAX)
				return -EMSGSIZE;
			reply->line[reply->line_len++] = bytes[i];
			continue;
		}
		r = line_take(reply);
		if (r < 0)
			return r;
	}
	*used = i;
	return 0;
}

bool reply_offers(const Reply *reply, const char *keyword, const char **rest)
{
	const char *line = strchr(reply->text, '\n'); /* the first line is the greeting */
	size_t len = strlen(keyword);

	while (line) {
		line++;
		if (strncasecmp(line, keyword, len) == 0 &&
		    (line[len] == '\0' || line[len] == '\n' || line[len] == ' ')) {
			if (rest)
				*rest = line + len;
			return true;
		}
		line = strchr(line, '\n');
	}
	return false;
}

bool reply_parameter(const char *rest, const char *word)
{
	size_t len = strlen(word);

	for (;;) {
		rest += strspn(rest, " ");
		if (*rest == '\0' || *rest == '\n')
			return false;
		if (strcspn(rest, " \n") == len && strncasecmp(rest, word, len) == 0)
			return true;
		rest += strcspn(rest, " \n");
	}
}

void reply_print(const Reply *reply, Buf *out)
{
	buf_printf(out, "%03d", reply->code);
	if (reply->text_len > 0)
		buf_putc(out, ' ');
	for (size_t i = 0, n; i < reply->text_len; i += n) {
		/* Room for the whole character or none of it. */
		n = utf8_length(reply->text + i, reply->text_len - i);
		if (n == 0 || out->size - out->len <= n)
			return;
		if (reply->text[i] == '\n')
			buf_putc(out, ' ');
		else
			buf_append(out, reply->text + i, n);
	}
}

/* The length of "5.7.8" at text, or 0. */
static size_t enhanced_length(const char *text)
{
	size_t i = 0;

	for (int part = 0; part < 3; part++) {
		size_t digits = 0;

		if (part > 0 && text[i++] != '.')
			return 0;
		while (digits < 4 && is_digit(text[i])) {
			i++;
			digits++;
		}
		if (digits == 0 || digits > 3)
			return 0;
	}
	return text[i] == ' ' || text[i] == '\0' || text[i] == '\n' ? i : 0;
}

void reply_print_code(const Reply *reply, Buf *out)
{
	size_t n = enhanced_length(reply->text);

	buf_printf(out, "%03d", reply->code);
	if (n > 0)
		buf_printf(out, " %.*s", (int)n, reply->text);
}
