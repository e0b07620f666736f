/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The writer: compact JSON that json_parse() accepts. */

#include <inttypes.h>
#include <string.h>

#include "json.h"
#include "validate.h"

static void put_quoted(Buf *buf, const char *text, size_t len)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	size_t done = 0;

	/* A NUL could be written as an escape, but our own reader would refuse it. */
	if (!utf8_valid(text, len) || (len > 0 && memchr(text, '\0', len))) {
		buf->overflow = true;
		return;
	}
	buf_putc(buf, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		const char *at;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_append(buf, text + done, i - done);
		done = i + 1;
		at = memchr(from, c, sizeof(from) - 1);
		if (at) {
			buf_putc(buf, '\\');
			buf_putc(buf, to[at - from]);
		} else {
			buf_printf(buf, "\\u%04x", c);
		}
	}
	buf_append(buf, text + done, len - done);
	buf_putc(buf, '"');
}

/* What stands before a value: the comma and the key. */
static void put_prefix(JsonWriter *w, const char *key)
{
	if (w->comma)
		buf_putc(w->buf, ',');
	w->comma = true;
	if (key) {
		put_quoted(w->buf, key, strlen(key));
		buf_putc(w->buf, ':');
	}
}

void json_open(JsonWriter *w, const char *key, char bracket)
{
	put_prefix(w, key);
	buf_putc(w->buf, bracket);
	w->comma = false;
}

void json_close(JsonWriter *w, char bracket)
{
	buf_putc(w->buf, bracket);
	w->comma = true;
}

void json_put_string_n(JsonWriter *w, const char *key, const char *value, size_t len)
{
	if (!value) {
		json_put_null(w, key);
		return;
	}
	put_prefix(w, key);
	put_quoted(w->buf, value, len);
}

void json_put_string(JsonWriter *w, const char *key, const char *value)
{
	json_put_string_n(w, key, value, value ? strlen(value) : 0);
}

void json_put_integer(JsonWriter *w, const char *key, int64_t value)
{
	put_prefix(w, key);
	buf_printf(w->buf, "%" PRId64, value);
}

void json_put_bool(JsonWriter *w, const char *key, bool value)
{
	put_prefix(w, key);
	buf_puts(w->buf, value ? "true" : "false");
}

void json_put_null(JsonWriter *w, const char *key)
{
	put_prefix(w, key);
	buf_puts(w->buf, "null");
}

/* The depth of the recursion is the parsed value's: JSON_DEPTH_MAX. */
void json_put_node(JsonWriter *w, const char *key, const JsonNode *node)
{
	switch (node->type) {
	case JSON_NULL:
		json_put_null(w, key);
		break;
	case JSON_BOOL:
		json_put_bool(w, key, node->boolean);
		break;
	case JSON_INTEGER:
		json_put_integer(w, key, node->integer);
		break;
	case JSON_STRING:
		json_put_string_n(w, key, node->string, node->n);
		break;
	case JSON_ARRAY:
		json_open(w, key, '[');
		JSON_FOREACH(element, node)
			json_put_node(w, NULL, element);
		json_close(w, ']');
		break;
	case JSON_OBJECT:
		json_open(w, key, '{');
		json_put_members(w, node);
		json_close(w, '}');
		break;
	}
}

void json_put_members(JsonWriter *w, const JsonNode *object)
{
	const JsonNode *key = json_first(object);

	for (uint32_t i = 0; i < object->n; i++) {
		const JsonNode *value = json_next(key);

		json_put_node(w, key->string, value);
		key = json_next(value);
	}
}
