/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text forms of links, grants and codes: exactly one spelling of each is accepted. */

#include <string.h>

#include "token.h"

#define HEAD_SIZE 2 /* version and selector length */
#define TICKET_SIZE_MAX (HEAD_SIZE + TOKEN_SELECTOR_MAX + TOKEN_ID_SIZE + TOKEN_SECRET_SIZE)
#define UUID_SELECTOR_SIZE 17
#define CODE_TEXT_MAX 64 /* bytes of what is typed, blanks and hyphens with it */

void ticket_wipe(Ticket *ticket)
{
	if (ticket)
		memory_wipe(ticket, sizeof(*ticket));
}

static bool selector_valid(const char *selector, size_t len)
{
	char name[TOKEN_SELECTOR_MAX];

	if (len < 2 || len > TOKEN_SELECTOR_MAX)
		return false;
	if (selector[0] == 'u')
		return len == UUID_SELECTOR_SIZE;
	if (selector[0] != 'n')
		return false;
	memcpy(name, selector + 1, len - 1);
	name[len - 1] = '\0';
	return strlen(name) == len - 1 && user_name_valid(name);
}

/* With the secret or without it. */
static int ticket_decode(Ticket *ticket, const char *text, size_t secret_size)
{
	uint8_t bytes[TICKET_SIZE_MAX];
	size_t text_len = strnlen(text, TICKET_TEXT_MAX + 1), len, selector_len;
	const uint8_t *p = bytes + HEAD_SIZE;
	int r = -EBADMSG;

	if (text_len > TICKET_TEXT_MAX ||
	    base64url_decode(text, text_len, bytes, sizeof(bytes), &len) < 0)
		return -EBADMSG;
	if (len < HEAD_SIZE || bytes[0] != TOKEN_VERSION)
		goto finish;
	selector_len = bytes[1];
	if (len != HEAD_SIZE + selector_len + TOKEN_ID_SIZE + secret_size ||
	    !selector_valid((const char *)p, selector_len))
		goto finish;

	*ticket = (Ticket){ .selector_len = (uint8_t)selector_len };
	memcpy(ticket->selector, p, selector_len);
	p += selector_len;
	memcpy(ticket->id, p, TOKEN_ID_SIZE);
	p += TOKEN_ID_SIZE;
	memcpy(ticket->secret, p, secret_size);
	r = 0;
finish:
	memory_wipe(bytes, sizeof(bytes));
	return r;
}

static int ticket_encode(const Ticket *ticket, size_t secret_size, char *ret, size_t size)
{
	uint8_t bytes[TICKET_SIZE_MAX], *p = bytes;
	size_t n;

	if (!selector_valid(ticket->selector, ticket->selector_len))
		return -EINVAL;
	*p++ = TOKEN_VERSION;
	*p++ = ticket->selector_len;
	memcpy(p, ticket->selector, ticket->selector_len);
	p += ticket->selector_len;
	memcpy(p, ticket->id, TOKEN_ID_SIZE);
	p += TOKEN_ID_SIZE;
	memcpy(p, ticket->secret, secret_size);
	p += secret_size;
	n = base64url_encode(bytes, (size_t)(p - bytes), ret, size);
	memory_wipe(bytes, sizeof(bytes));
	return n > 0 ? 0 : -ENOBUFS;
}

int ticket_parse(Ticket *ticket, const char *text)
{
	return ticket_decode(ticket, text, TOKEN_SECRET_SIZE);
}

int ticket_format(const Ticket *ticket, char *ret, size_t size)
{
	return ticket_encode(ticket, TOKEN_SECRET_SIZE, ret, size);
}

int ticket_public(const char *text, char *ret, size_t size)
{
	AUTO_TICKET Ticket ticket = { 0 };
	int r;

	r = ticket_parse(&ticket, text);
	if (r < 0)
		return r;
	return ticket_encode(&ticket, 0, ret, size);
}

int ticket_public_parse(Ticket *ticket, const char *text)
{
	return ticket_decode(ticket, text, 0);
}

int code_parse(const char *text, char ret[static CODE_SYMBOLS + 1])
{
	char code[CODE_SYMBOLS + 1] = { 0 };
	size_t n = 0;
	int r = -EBADMSG;

	if (strnlen(text, CODE_TEXT_MAX + 1) > CODE_TEXT_MAX)
		return -EBADMSG;
	for (const char *p = text; *p; p++) {
		char c = *p;

		if (c == ' ' || c == '-' || (c >= '\t' && c <= '\r'))
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (n == CODE_SYMBOLS || !memchr(CODE_ALPHABET, c, sizeof(CODE_ALPHABET) - 1))
			goto finish;
		code[n++] = c;
	}
	if (n != CODE_SYMBOLS)
		goto finish;
	memcpy(ret, code, sizeof(code));
	r = 0;
finish:
	memory_wipe(code, sizeof(code));
	return r;
}

void code_format(const char code[static CODE_SYMBOLS + 1], char ret[static CODE_SYMBOLS + 2])
{
	memcpy(ret, code, CODE_SYMBOLS / 2);
	ret[CODE_SYMBOLS / 2] = '-';
	memcpy(ret + CODE_SYMBOLS / 2 + 1, code + CODE_SYMBOLS / 2, CODE_SYMBOLS / 2);
	ret[CODE_SYMBOLS + 1] = '\0';
}
