/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader: one pass over the text, strings unescaped where they stand, nodes in document order.
 * Recursion is bounded by JSON_DEPTH_MAX.
 */

#include <string.h>

#include "json.h"
#include "validate.h"

typedef struct Parser {
	Json *json;
	char *p;
	char *end; /* one behind the last byte; *end is not ours */
	unsigned depth;
} Parser;

static int parse_value(Parser *s);

static void skip_space(Parser *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool skip_char(Parser *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static int node_new(Parser *s, JsonType type, JsonNode **ret)
{
	JsonNode *node;

	if (s->json->n_nodes >= s->json->n_nodes_max)
		return JSON_E_TOO_MANY;
	node = &s->json->nodes[s->json->n_nodes++];
	*node = (JsonNode){ .type = type, .span = 1 };
	*ret = node;
	return 0;
}

static int parse_hex4(Parser *s, uint32_t *ret)
{
	uint32_t v = 0;

	if (s->end - s->p < 4)
		return JSON_E_SYNTAX;
	for (unsigned i = 0; i < 4; i++) {
		char c = *s->p++;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else
			return JSON_E_SYNTAX;
	}
	*ret = v;
	return 0;
}

/*
 * Behind "\u". What it stands for takes at most half the bytes that it took, so out never overtakes
 * the input.
 */
static int parse_unicode_escape(Parser *s, char **out)
{
	uint32_t c, low;
	char *o = *out;

	if (parse_hex4(s, &c) != 0)
		return JSON_E_SYNTAX;
	if (c == 0 || (c >= 0xdc00 && c <= 0xdfff))
		return JSON_E_SYNTAX;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (!skip_char(s, '\\') || !skip_char(s, 'u') || parse_hex4(s, &low) != 0)
			return JSON_E_SYNTAX;
		if (low < 0xdc00 || low > 0xdfff)
			return JSON_E_SYNTAX;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c < 0x80) {
		*o++ = (char)c;
	} else if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
		*o++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*o++ = (char)(0xe0 | c >> 12);
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	} else {
		*o++ = (char)(0xf0 | c >> 18);
		*o++ = (char)(0x80 | (c >> 12 & 0x3f));
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	}
	*out = o;
	return 0;
}

/* Behind a backslash. */
static int parse_escape(Parser *s, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (s->p == s->end)
		return JSON_E_SYNTAX;
	if (skip_char(s, 'u'))
		return parse_unicode_escape(s, out);
	at = memchr(from, *s->p, sizeof(from) - 1);
	if (!at)
		return JSON_E_SYNTAX;
	s->p++;
	*(*out)++ = to[at - from];
	return 0;
}

/* Behind the opening quote. The closing one leaves its place to the terminating NUL. */
static int parse_string(Parser *s)
{
	JsonNode *node;
	char *out = s->p;
	int r;

	r = node_new(s, JSON_STRING, &node);
	if (r != 0)
		return r;
	node->string = s->p;
	while (s->p < s->end && *s->p != '"') {
		unsigned char c = (unsigned char)*s->p;
		size_t n;

		if (c < 0x20)
			return JSON_E_SYNTAX;
		if (c == '\\') {
			s->p++;
			r = parse_escape(s, &out);
			if (r != 0)
				return r;
			continue;
		}
		n = c < 0x80 ? 1 : utf8_length(s->p, (size_t)(s->end - s->p));
		if (n == 0)
			return JSON_E_SYNTAX;
		memmove(out, s->p, n);
		out += n;
		s->p += n;
	}
	if (s->p == s->end)
		return JSON_E_SYNTAX;
	s->p++;
	*out = '\0';
	node->n = (uint32_t)(out - node->string);
	return 0;
}

static int parse_integer(Parser *s)
{
	JsonNode *node;
	bool negative = skip_char(s, '-');
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, v = 0;
	const char *start = s->p;
	int r;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		uint64_t digit = (uint64_t)(*s->p - '0');

		if (v > (limit - digit) / 10)
			return JSON_E_SYNTAX;
		v = v * 10 + digit;
	}
	if (s->p == start || (*start == '0' && s->p - start > 1))
		return JSON_E_SYNTAX;
	/* A fraction or an exponent; anything else that follows is the container's business. */
	if (s->p < s->end && (*s->p == '.' || *s->p == 'e' || *s->p == 'E'))
		return JSON_E_SYNTAX;
	r = node_new(s, JSON_INTEGER, &node);
	if (r != 0)
		return r;
	node->integer = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

static int parse_word(Parser *s, const char *word, JsonType type, bool value)
{
	size_t len = strlen(word);
	JsonNode *node;
	int r;

	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return JSON_E_SYNTAX;
	s->p += len;
	r = node_new(s, type, &node);
	if (r != 0)
		return r;
	if (type == JSON_BOOL)
		node->boolean = value;
	return 0;
}

static int parse_array(Parser *s)
{
	JsonNode *node;
	int r;

	r = node_new(s, JSON_ARRAY, &node);
	if (r != 0)
		return r;
	skip_space(s);
	if (skip_char(s, ']'))
		return 0;
	do {
		r = parse_value(s);
		if (r != 0)
			return r;
		node->n++;
		skip_space(s);
	} while (skip_char(s, ','));
	node->span = (uint32_t)(&s->json->nodes[s->json->n_nodes] - node);
	return skip_char(s, ']') ? 0 : JSON_E_SYNTAX;
}

/* Against all earlier members; JSON_MEMBERS_MAX keeps the square small. */
static bool key_is_duplicate(const JsonNode *object, const JsonNode *key)
{
	for (const JsonNode *it = json_first(object); it < key; it = json_next(json_next(it)))
		if (it->n == key->n && memcmp(it->string, key->string, key->n) == 0)
			return true;
	return false;
}

static int parse_member(Parser *s, JsonNode *object)
{
	const JsonNode *key = &s->json->nodes[s->json->n_nodes];
	int r;

	if (object->n >= JSON_MEMBERS_MAX)
		return JSON_E_TOO_MANY;
	skip_space(s);
	if (!skip_char(s, '"'))
		return JSON_E_SYNTAX;
	r = parse_string(s);
	if (r != 0)
		return r;
	if (key_is_duplicate(object, key))
		return JSON_E_DUPLICATE;
	skip_space(s);
	if (!skip_char(s, ':'))
		return JSON_E_SYNTAX;
	r = parse_value(s);
	if (r != 0)
		return r;
	object->n++;
	return 0;
}

static int parse_object(Parser *s)
{
	JsonNode *node;
	int r;

	r = node_new(s, JSON_OBJECT, &node);
	if (r != 0)
		return r;
	skip_space(s);
	if (skip_char(s, '}'))
		return 0;
	do {
		r = parse_member(s, node);
		if (r != 0)
			return r;
		skip_space(s);
	} while (skip_char(s, ','));
	node->span = (uint32_t)(&s->json->nodes[s->json->n_nodes] - node);
	return skip_char(s, '}') ? 0 : JSON_E_SYNTAX;
}

static int parse_container(Parser *s, int (*parse)(Parser *))
{
	int r;

	if (s->depth >= JSON_DEPTH_MAX)
		return JSON_E_TOO_DEEP;
	s->p++;
	s->depth++;
	r = parse(s);
	s->depth--;
	return r;
}

static int parse_value(Parser *s)
{
	skip_space(s);
	if (s->p == s->end)
		return JSON_E_SYNTAX;
	switch (*s->p) {
	case '{':
		return parse_container(s, parse_object);
	case '[':
		return parse_container(s, parse_array);
	case '"':
		s->p++;
		return parse_string(s);
	case 't':
		return parse_word(s, "true", JSON_BOOL, true);
	case 'f':
		return parse_word(s, "false", JSON_BOOL, false);
	case 'n':
		return parse_word(s, "null", JSON_NULL, false);
	default:
		return parse_integer(s);
	}
}

int json_parse(Json *json, char *text, size_t len)
{
	Parser s = { .json = json, .p = text, .end = text + len };
	int r;

	json->n_nodes = 0;
	r = parse_value(&s);
	if (r != 0)
		return r;
	skip_space(&s);
	return s.p == s.end ? 0 : JSON_E_SYNTAX;
}

const JsonNode *json_get(const JsonNode *node, const char *name)
{
	const JsonNode *key;

	if (!node || node->type != JSON_OBJECT)
		return NULL;
	key = json_first(node);
	for (uint32_t i = 0; i < node->n; i++) {
		if (strcmp(key->string, name) == 0)
			return json_next(key);
		key = json_next(json_next(key));
	}
	return NULL;
}

const char *json_get_string(const JsonNode *node, const char *name)
{
	const JsonNode *member = json_get(node, name);

	return member && member->type == JSON_STRING ? member->string : NULL;
}

bool json_get_integer(const JsonNode *node, const char *name, int64_t *ret)
{
	const JsonNode *member = json_get(node, name);

	if (!member || member->type != JSON_INTEGER)
		return false;
	*ret = member->integer;
	return true;
}

bool json_get_bool(const JsonNode *node, const char *name, bool otherwise)
{
	const JsonNode *member = json_get(node, name);

	return member && member->type == JSON_BOOL ? member->boolean : otherwise;
}
