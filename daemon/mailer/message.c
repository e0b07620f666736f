/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds the message; what could break its form is refused, not mended. */

#include <string.h>

#include "header.h"
#include "message.h"
#include "validate.h"

/* Neither '_' nor a line that begins with "--" occurs in base64, so no text can contain it. */
#define BOUNDARY "=_pwreset_alternative"
#define LINE_BYTES 57 /* 76 columns of base64 */

static bool id_valid(const char *id)
{
	size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return len > 0 && len <= MESSAGE_ID_MAX && id[len] == '\0';
}

/* Lines of text: UTF-8, of the controls only the line feed. */
static bool body_valid(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || !utf8_valid(text, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			return false;
	return true;
}

static int message_check(const Message *m)
{
	if (!id_valid(m->id))
		return MESSAGE_E_ID;
	if (!mail_address_valid(m->from_address) ||
	    (m->from_name && !text_valid(m->from_name, MESSAGE_SUBJECT_MAX)))
		return MESSAGE_E_FROM;
	if (!mail_address_valid(m->to))
		return MESSAGE_E_TO;
	if (*m->subject == '\0' || !text_valid(m->subject, MESSAGE_SUBJECT_MAX))
		return MESSAGE_E_SUBJECT;
	if (!body_valid(m->text) || !body_valid(m->html) || !language_valid(m->language))
		return MESSAGE_E_BODY;
	return 0;
}

/* RFC 5322 3.3. strftime() is in the C locale: nobody here calls setlocale(). */
static void put_date(Buf *out, time_t date)
{
	char text[64];
	struct tm tm;

	if (!localtime_r(&date, &tm) ||
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S %z", &tm) == 0) {
		out->overflow = true;
		return;
	}
	header_put(out, "Date", text);
}

static void put_header(const Message *m, Buf *out)
{
	put_date(out, m->date);
	header_put_address(out, "From", m->from_name, m->from_address);
	header_put_address(out, "To", NULL, m->to);
	header_put_text(out, "Subject", m->subject);
	buf_printf(out, "Message-ID: <%s.%u%s>\r\n", m->id, m->index,
		   strrchr(m->from_address, '@'));
	header_put(out, "Content-Language", m->language);
	/* Out-of-office answers and the like would tell a stranger's mailbox that somebody asked.
	 */
	header_put(out, "Auto-Submitted", "auto-generated");
	header_put(out, "X-Auto-Response-Suppress", "All");
	header_put(out, "MIME-Version", "1.0");
	buf_puts(out, "Content-Type: multipart/alternative;\r\n boundary=\"" BOUNDARY "\"\r\n\r\n");
}

/* Base64 of the text with its lines ended by CR LF, as RFC 2046 4.1.1 wants it, without a copy of
 * the whole. */
static void put_base64(Buf *out, const char *text)
{
	char line[LINE_BYTES], code[BASE64_SIZE(LINE_BYTES)];
	size_t n = 0;
	bool feed = false;

	while (*text != '\0') {
		char c = *text == '\n' && !feed ? '\r' : feed ? '\n' : *text;

		feed = c == '\r';
		if (!feed)
			text++;
		line[n++] = c;
		if (n == LINE_BYTES || (*text == '\0' && !feed)) {
			base64_encode(line, n, code, sizeof(code));
			buf_puts(out, code);
			buf_puts(out, "\r\n");
			n = 0;
		}
	}
	memory_wipe(line, sizeof(line));
	memory_wipe(code, sizeof(code));
}

static void put_part(Buf *out, const char *subtype, const char *text)
{
	buf_printf(out,
		   "--" BOUNDARY "\r\n"
		   "Content-Type: text/%s; charset=utf-8\r\n"
		   "Content-Transfer-Encoding: base64\r\n\r\n",
		   subtype);
	put_base64(out, text);
}

int message_write(const Message *message, Buf *out)
{
	int r;

	r = message_check(message);
	if (r != 0)
		return r;
	buf_init(out, out->data, out->size);
	put_header(message, out);
	put_part(out, "plain", message->text);
	put_part(out, "html", message->html);
	buf_puts(out, "--" BOUNDARY "--\r\n");
	if (out->overflow) {
		buf_wipe(out);
		return MESSAGE_E_TOO_LONG;
	}
	return 0;
}

int message_sender(const char *from, char *ret_name, size_t name_size, char *ret_address,
		   size_t address_size)
{
	const char *open = strrchr(from, '<');
	size_t name = 0, len;

	if (open) {
		name = (size_t)(open - from);
		while (name > 0 && from[name - 1] == ' ')
			name--;
		/* "Example, Help" <…>: the quotes are those of a mail header, not of the name. */
		if (name >= 2 && from[0] == '"' && from[name - 1] == '"') {
			from++;
			name -= 2;
		}
	}
	len = open ? strcspn(open + 1, ">") : strlen(from);
	if (name >= name_size || len >= address_size ||
	    (open && (open[1 + len] != '>' || open[2 + len] != '\0')))
		return -EINVAL;
	memcpy(ret_name, from, name);
	ret_name[name] = '\0';
	memcpy(ret_address, open ? open + 1 : from, len);
	ret_address[len] = '\0';
	return mail_address_valid(ret_address) && text_valid(ret_name, name_size) ? 0 : -EINVAL;
}
