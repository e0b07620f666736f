/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the header fields of a request say, and whether it may be served. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "head.h"

typedef void (*FieldReader)(Head *head, const char *value, size_t len);

static bool field_is(const char *name, size_t len, const char *wanted)
{
	return strlen(wanted) == len && strncasecmp(name, wanted, len) == 0;
}

/* RFC 9110 5.6.2; "Content-Length " and folded lines arrive as names that are no token. */
static bool token_valid(const char *text, size_t len)
{
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c != '\0' && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return true;
}

static bool value_valid(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return false;
	return true;
}

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && (**text == ' ' || **text == '\t')) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
		(*len)--;
}

static void read_host(Head *head, const char *value, size_t len)
{
	head->n_host++;
	if (len == 0 || memchr(value, ',', len) || memchr(value, '/', len))
		head->bad = true;
}

static void read_length(Head *head, const char *value, size_t len)
{
	uint64_t length = 0;

	head->n_length++;
	/* Ten digits: no overflow, and far above any body that is taken. */
	if (len == 0 || len > 10)
		head->bad = true;
	for (size_t i = 0; i < len && !head->bad; i++) {
		if (value[i] < '0' || value[i] > '9')
			head->bad = true;
		else
			length = length * 10 + (uint64_t)(value[i] - '0');
	}
	head->length = length;
}

static void read_encoding(Head *head, const char *value UNUSED, size_t len UNUSED)
{
	head->bad = true;
}

static void read_type(Head *head, const char *value, size_t len)
{
	const char *end = memchr(value, ';', len);
	size_t type_len = end ? (size_t)(end - value) : len;

	trim(&value, &type_len);
	head->n_type++;
	head->form = field_is(value, type_len, "application/x-www-form-urlencoded");
}

static void read_expect(Head *head, const char *value, size_t len)
{
	if (!field_is(value, len, "100-continue"))
		head->foreign_expect = true;
}

static void read_origin(Head *head, const char *value, size_t len)
{
	head->n_origin++;
	/* Cut off, a long one could look like ours. */
	if (len > HEAD_ORIGIN_MAX)
		len = 0;
	memcpy(head->origin, value, len);
	head->origin[len] = '\0';
}

static void read_site(Head *head, const char *value, size_t len)
{
	head->n_site++;
	head->site = field_is(value, len, "same-origin") || field_is(value, len, "none")
			     ? HEAD_SITE_SAME
			     : HEAD_SITE_FOREIGN;
}

static void read_language(Head *head, const char *value, size_t len)
{
	if (len > ACCEPT_LANGUAGE_MAX)
		len = ACCEPT_LANGUAGE_MAX;
	memcpy(head->language, value, len);
	head->language[len] = '\0';
}

/* The last element of the last field: what our own proxy has added, all before it is the client's
 * say. */
static void read_forwarded(Head *head, const char *value, size_t len)
{
	const char *comma = memrchr(value, ',', len);
	char address[INET6_ADDRSTRLEN];
	uint8_t binary[sizeof(struct in6_addr)];

	head->forwarded[0] = '\0';
	if (comma) {
		len -= (size_t)(comma + 1 - value);
		value = comma + 1;
	}
	trim(&value, &len);
	if (len >= sizeof(address))
		return;
	memcpy(address, value, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, binary) == 1)
		inet_ntop(AF_INET, binary, head->forwarded, sizeof(head->forwarded));
	else if (inet_pton(AF_INET6, address, binary) == 1)
		inet_ntop(AF_INET6, binary, head->forwarded, sizeof(head->forwarded));
}

static const struct {
	const char *name;
	FieldReader read;
} field_table[] = {
	{ "host", read_host },
	{ "content-length", read_length },
	{ "transfer-encoding", read_encoding },
	{ "content-type", read_type },
	{ "expect", read_expect },
	{ "origin", read_origin },
	{ "sec-fetch-site", read_site },
	{ "accept-language", read_language },
	{ "x-forwarded-for", read_forwarded },
};

void head_add(Head *head, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (++head->n_fields > HEAD_FIELDS_MAX || !token_valid(name, name_len) ||
	    !value_valid(value, value_len)) {
		head->bad = true;
		return;
	}
	trim(&value, &value_len);
	for (size_t i = 0; i < ARRAY_SIZE(field_table); i++)
		if (field_is(name, name_len, field_table[i].name))
			field_table[i].read(head, value, value_len);
}

unsigned head_check(const Head *head, bool post, uint64_t body_max)
{
	if (head->bad || head->n_host != 1 || head->n_length > 1 || head->n_type > 1 ||
	    head->n_origin > 1 || head->n_site > 1)
		return 400;
	if (head->foreign_expect)
		return 417;
	if (!post)
		return head->length > 0 ? 400 : 0;
	if (head->n_length == 0)
		return 411;
	if (head->length > body_max)
		return 413;
	return head->form ? 0 : 415;
}

bool head_foreign(const Head *head, const char *origin)
{
	if (head->site == HEAD_SITE_FOREIGN)
		return true;
	return head->n_origin > 0 && strcmp(head->origin, "null") != 0 &&
	       strcmp(head->origin, origin) != 0;
}
