/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks and encodings of what comes from outside, shared so that every door accepts the same. */
#pragma once

#include "secret.h"

#define USER_NAME_MAX 256    /* bytes */
#define MAIL_ADDRESS_MAX 254 /* bytes, RFC 5321 4.5.3.1.3 */
#define LANGUAGE_MAX 16      /* bytes of a language tag such as pt-BR */
#define HOST_NAME_MAX_LEN 255

/*
 * Bytes of the first character, 1 to 4; 0 when text does not start with valid UTF-8 (or len is 0).
 */
size_t utf8_length(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);
/*
 * A name that may be looked up: 1 to USER_NAME_MAX bytes of UTF-8 without controls, not only white
 * space.
 */
bool user_name_valid(const char *name);
/*
 * local@domain, ASCII or UTF-8 without controls, spaces, quotes, <>()[],;: or a second @; a
 * dot-atom each side.
 */
bool mail_address_valid(const char *address);
bool language_valid(const char *tag);
/*
 * Letters, digits, dot, hyphen, colon, percent (a host name, IPv4 or IPv6 address), 1 to
 * HOST_NAME_MAX_LEN.
 */
bool host_valid(const char *host);
/* Text for a log or a mail: UTF-8, no controls, at most max bytes. */
bool text_valid(const char *text, size_t max);

/* "a***@e***.com": what may stand in a log or an answer. ret has room for MAIL_ADDRESS_MAX + 1. */
void mail_address_mask(const char *address, char *ret, size_t size);

/*
 * base64 with padding, standard alphabet, strict (canonical padding bits): passwords as raw bytes
 * in JSON.
 */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)
/* -EBADMSG, -E2BIG */
int base64_decode(const char *text, size_t len, void *ret, size_t size, size_t *ret_len);
/* ret_len without NUL; 0 if it does not fit */
size_t base64_encode(const void *bytes, size_t len, char *ret, size_t size);
/* The URL alphabet without padding (RFC 4648 5): links and ids. */
int base64url_decode(const char *text, size_t len, void *ret, size_t size, size_t *ret_len);
size_t base64url_encode(const void *bytes, size_t len, char *ret, size_t size);
/* A password in base64 straight into a Secret: -EBADMSG, -E2BIG. */
int secret_from_base64(Secret *secret, const char *text);
