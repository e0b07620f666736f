/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base64, both alphabets. Passwords and link secrets pass through here, so a symbol is translated
 * by arithmetic, not by a table whose cache lines would tell which.
 */

#include <string.h>

#include "validate.h"

typedef enum Alphabet { ALPHABET_STANDARD, ALPHABET_URL } Alphabet;

static const char extra[2][2] = { { '+', '/' }, { '-', '_' } };
/* From where '9' leads on to the symbol of 62, and from there to that of 63. */
static const int steps[2][2] = { { '9' + 1 - '+', '/' - '+' - 1 },
				 { '9' + 1 - '-', '_' - '-' - 1 } };

/* All ones when low <= c <= high, else 0; all are below 256. */
static int mask_between(int c, int low, int high)
{
	return ((low - 1 - c) & (c - high - 1)) >> 8;
}

/* The six bits that a symbol stands for, or -1. */
static int symbol_decode(unsigned char symbol, Alphabet alphabet)
{
	const char *e = extra[alphabet];
	int c = symbol, v = -1;

	v += mask_between(c, 'A', 'Z') & (c - 'A' + 1);
	v += mask_between(c, 'a', 'z') & (c - 'a' + 27);
	v += mask_between(c, '0', '9') & (c - '0' + 53);
	v += mask_between(c, e[0], e[0]) & 63;
	v += mask_between(c, e[1], e[1]) & 64;
	return v;
}

/* All ones when b > most, else 0. */
static int mask_above(int b, int most)
{
	return (most - b) >> 8;
}

static inline char symbol_encode(unsigned bits, Alphabet alphabet)
{
	int b = (int)bits;

	return (char)(b + 'A' + (mask_above(b, 25) & ('a' - 'Z' - 1)) -
		      (mask_above(b, 51) & ('z' + 1 - '0')) -
		      (mask_above(b, 61) & steps[alphabet][0]) +
		      (mask_above(b, 62) & steps[alphabet][1]));
}

/* len: without padding. */
static int symbols_decode(const char *text, size_t len, Alphabet alphabet, unsigned char *ret,
			  size_t size, size_t *ret_len)
{
	size_t n = len / 4 * 3 + (len % 4 > 0 ? len % 4 - 1 : 0), done = 0;
	unsigned bits = 0, n_bits = 0;
	int bad = 0;

	if (len % 4 == 1)
		return -EBADMSG;
	if (n > size)
		return -E2BIG;
	for (size_t i = 0; i < len; i++) {
		int v = symbol_decode((unsigned char)text[i], alphabet);

		bad |= v;
		bits = (bits << 6 | ((unsigned)v & 63)) & 0xfff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			ret[done++] = (unsigned char)(bits >> n_bits);
		}
	}
	/* The bits left over must be zero, or two texts would mean the same. */
	if (bad < 0 || (bits & ((1U << n_bits) - 1)) != 0) {
		memory_wipe(ret, done);
		return -EBADMSG;
	}
	*ret_len = done;
	return 0;
}

static size_t symbols_encode(const unsigned char *bytes, size_t len, Alphabet alphabet, bool pad,
			     char *ret, size_t size)
{
	size_t n = 0, i = 0,
	       need = pad ? BASE64_SIZE(len) : len / 3 * 4 + (len % 3 > 0 ? len % 3 + 1 : 0) + 1;
	unsigned bits;

	if (len > SIZE_MAX / 2 || size < need) {
		if (size > 0)
			ret[0] = '\0';
		return 0;
	}
	for (; len - i >= 3; i += 3) {
		bits = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
		for (unsigned shift = 24; shift > 0; shift -= 6)
			ret[n++] = symbol_encode(bits >> (shift - 6) & 63, alphabet);
	}
	if (i < len) {
		bits = (unsigned)bytes[i] << 8 | (len - i > 1 ? bytes[i + 1] : 0);
		ret[n++] = symbol_encode(bits >> 10 & 63, alphabet);
		ret[n++] = symbol_encode(bits >> 4 & 63, alphabet);
		if (len - i > 1)
			ret[n++] = symbol_encode(bits << 2 & 63, alphabet);
	}
	while (pad && n % 4 != 0)
		ret[n++] = '=';
	ret[n] = '\0';
	return n;
}

int base64_decode(const char *text, size_t len, void *ret, size_t size, size_t *ret_len)
{
	if (len % 4 != 0)
		return -EBADMSG;
	for (unsigned i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
		len--;
	return symbols_decode(text, len, ALPHABET_STANDARD, ret, size, ret_len);
}

size_t base64_encode(const void *bytes, size_t len, char *ret, size_t size)
{
	return symbols_encode(bytes, len, ALPHABET_STANDARD, true, ret, size);
}

int base64url_decode(const char *text, size_t len, void *ret, size_t size, size_t *ret_len)
{
	return symbols_decode(text, len, ALPHABET_URL, ret, size, ret_len);
}

size_t base64url_encode(const void *bytes, size_t len, char *ret, size_t size)
{
	return symbols_encode(bytes, len, ALPHABET_URL, false, ret, size);
}

int secret_from_base64(Secret *secret, const char *text)
{
	size_t len = 0;
	int r;

	secret_wipe(secret);
	r = base64_decode(text, strlen(text), secret->bytes, SECRET_MAX, &len);
	/* Behind a NUL the libraries that take C strings would not look. */
	if (r == 0 && len > 0 && memchr(secret->bytes, '\0', len))
		r = -EBADMSG;
	if (r < 0) {
		secret_wipe(secret);
		return r;
	}
	secret->len = len;
	return 0;
}
