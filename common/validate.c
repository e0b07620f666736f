/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may come in. Nothing here depends on a locale: this runs in other people's processes. */

#include <string.h>

#include "buf.h"
#include "validate.h"

#define LOCAL_PART_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define LABEL_MAX 63      /* RFC 1035 2.3.4 */

static bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool ascii_is_alnum(char c)
{
	return ascii_is_alpha(c) || (c >= '0' && c <= '9');
}

/* Overlong forms, surrogates and what is above U+10FFFF show in the second byte. */
size_t utf8_length(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		n = 3;
		if (p[0] == 0xe0)
			low = 0xa0;
		else if (p[0] == 0xed)
			high = 0x9f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4;
		if (p[0] == 0xf0)
			low = 0x90;
		else if (p[0] == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	if (len < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

bool utf8_valid(const char *text, size_t len)
{
	while (len > 0) {
		size_t n = utf8_length(text, len);

		if (n == 0)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

/* One character of valid UTF-8, decoded. */
static uint32_t utf8_decode(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t c;

	if (n == 1)
		return p[0];
	c = p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

/*
 * C0, DEL, C1, line and paragraph separators, and what turns the direction of the text around it.
 */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* The property White_Space of Unicode, as far as it is not a control. */
static bool is_space(uint32_t c)
{
	return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Valid UTF-8 without controls of at most max bytes; counts what is not white space. */
static bool text_scan(const char *text, size_t max, size_t *ret_visible)
{
	size_t len = strnlen(text, max + 1), visible = 0;

	if (len > max)
		return false;
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c;

		n = utf8_length(text + i, len - i);
		if (n == 0)
			return false;
		c = utf8_decode(text + i, n);
		if (is_control(c))
			return false;
		if (!is_space(c))
			visible++;
	}
	*ret_visible = visible;
	return true;
}

bool text_valid(const char *text, size_t max)
{
	size_t visible;

	return text_scan(text, max, &visible);
}

bool user_name_valid(const char *name)
{
	size_t visible;

	return text_scan(name, USER_NAME_MAX, &visible) && visible > 0;
}

/* atext of RFC 5322, or beyond ASCII (RFC 6531) what is neither control nor space. */
static bool is_atom_char(uint32_t c)
{
	if (c >= 0x80)
		return !is_control(c) && !is_space(c);
	return c != 0 && (ascii_is_alnum((char)c) || strchr("!#$%&'*+-/=?^_`{|}~", (int)c));
}

static bool is_label_char(uint32_t c)
{
	return c >= 0x80 ? is_atom_char(c) : ascii_is_alnum((char)c) || c == '-';
}

/* Characters of one kind, in pieces of at most max bytes with single dots between. */
static bool dotted_valid(const char *text, size_t len, size_t max, bool (*valid)(uint32_t))
{
	size_t piece = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_length(text + i, len - i);
		if (n == 0)
			return false;
		if (text[i] == '.') {
			if (piece == 0)
				return false;
			piece = 0;
			continue;
		}
		piece += n;
		if (piece > max || !valid(utf8_decode(text + i, n)))
			return false;
	}
	return piece > 0;
}

bool mail_address_valid(const char *address)
{
	size_t len = strnlen(address, MAIL_ADDRESS_MAX + 1), local;
	const char *at;

	if (len > MAIL_ADDRESS_MAX)
		return false;
	at = memchr(address, '@', len);
	if (!at)
		return false;
	local = (size_t)(at - address);
	return local <= LOCAL_PART_MAX &&
	       dotted_valid(address, local, LOCAL_PART_MAX, is_atom_char) &&
	       dotted_valid(at + 1, len - local - 1, LABEL_MAX, is_label_char);
}

/*
 * A subset of RFC 5646: a language of letters, then subtags. It names a folder, so nothing else may
 * pass.
 */
bool language_valid(const char *tag)
{
	size_t piece = 0;
	bool first = true;

	if (strnlen(tag, LANGUAGE_MAX + 1) > LANGUAGE_MAX)
		return false;
	for (const char *p = tag; *p; p++) {
		if (*p == '-') {
			if (piece == 0 || (first && piece < 2))
				return false;
			piece = 0;
			first = false;
			continue;
		}
		if (!(first ? ascii_is_alpha(*p) : ascii_is_alnum(*p)) || ++piece > 8)
			return false;
	}
	return piece > (first ? 1 : 0);
}

bool host_valid(const char *host)
{
	size_t len = strnlen(host, HOST_NAME_MAX_LEN + 1);

	/* A leading hyphen would be an option to whom the name is passed. */
	if (len == 0 || len > HOST_NAME_MAX_LEN || host[0] == '-' || host[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum(host[i]) && !strchr(".-:%", host[i]))
			return false;
	return true;
}

void mail_address_mask(const char *address, char *ret, size_t size)
{
	const char *at, *dot;
	Buf buf;

	buf_init(&buf, ret, size);
	if (mail_address_valid(address)) {
		at = strchr(address, '@');
		dot = strrchr(at, '.');
		buf_append(&buf, address, utf8_length(address, strlen(address)));
		buf_puts(&buf, "***@");
		buf_append(&buf, at + 1, utf8_length(at + 1, strlen(at + 1)));
		buf_puts(&buf, "***");
		if (dot)
			buf_puts(&buf, dot);
	} else {
		buf_puts(&buf, "***");
	}
	if (buf.overflow && size > 0)
		ret[0] = '\0';
}
