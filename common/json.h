/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A strict JSON reader and writer without heap: it runs inside sshd and login, where the allocator
 * is not ours and secrets must be wiped, which no packaged library does (docs/decisions: own code).
 *
 * Accepted: RFC 8259 in valid UTF-8, integers of 64 bits signed only. Refused: fractions and
 * exponents, duplicate keys, unpaired surrogates, \u0000, control characters in strings, bytes
 * after the value, depth above JSON_DEPTH_MAX, objects of more than JSON_MEMBERS_MAX members.
 */
#pragma once

#include "buf.h"

#define JSON_DEPTH_MAX 16
#define JSON_MEMBERS_MAX 256 /* keeps the search for duplicate keys cheap */

typedef enum JsonType {
	JSON_NULL,
	JSON_BOOL,
	JSON_INTEGER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
} JsonType;

enum {
	_JSON_E_SUCCESS,
	JSON_E_SYNTAX,    /* not JSON, or JSON of the kinds refused above */
	JSON_E_DUPLICATE, /* an object has the same key twice */
	JSON_E_TOO_DEEP,
	/* more values than the caller gave nodes for, or more than JSON_MEMBERS_MAX members */
	JSON_E_TOO_MANY,
};

typedef struct JsonNode {
	JsonType type;
	uint32_t n; /* string: length in bytes; array: elements; object: members */
	/* nodes in this subtree, itself included; the next sibling stands span nodes on */
	uint32_t span;
	union {
		bool boolean;
		int64_t integer;
		const char *string; /* NUL-terminated, inside the text that was parsed */
	};
} JsonNode;

typedef struct Json {
	JsonNode *nodes; /* not owned; nodes[0] is the root */
	size_t n_nodes_max;
	size_t n_nodes;
} Json;

/*
 * Parses len bytes at text in place: strings are unescaped where they stand, so text is changed and
 * must outlive the nodes. The byte at text[len] is never read or written. Returns 0 or JSON_E_*;
 * after an error the content of text is unspecified (wipe it as if it were parsed). An object is
 * laid out as key (JSON_STRING), value, key, value ….
 */
int json_parse(Json *json, char *text, size_t len);

/* The member of that name, or NULL; NULL too when node is NULL or no object. */
const JsonNode *json_get(const JsonNode *node, const char *name);
/*
 * Typed members: the string (or integer, array, object), or NULL/false when absent or of another
 * type.
 */
const char *json_get_string(const JsonNode *node, const char *name);
bool json_get_integer(const JsonNode *node, const char *name, int64_t *ret);
bool json_get_bool(const JsonNode *node, const char *name, bool otherwise);

/*
 * First child of an array (or first key of an object) and the node behind a subtree; bound the walk
 * by n.
 */
static inline const JsonNode *json_first(const JsonNode *node)
{
	return node + 1;
}

static inline const JsonNode *json_next(const JsonNode *node)
{
	return node + node->span;
}

/* Walks the elements of an array. */
#define JSON_FOREACH(it, array)                                                                    \
	for (uint32_t _left_##it = (array)->n, _once_##it = 1; _once_##it; _once_##it = 0)         \
		for (const JsonNode *it = json_first(array); _left_##it > 0;                       \
		     it = json_next(it), _left_##it--)

/* The writer: commas and escapes are its business; a failure is sticky in buf->overflow. */
typedef struct JsonWriter {
	Buf *buf;
	bool comma; /* the next value or key needs one before it */
} JsonWriter;

#define JSON_WRITER(b) ((JsonWriter){ .buf = (b) })

/* '{' or '['; key NULL inside arrays and at the root */
void json_open(JsonWriter *w, const char *key, char bracket);
void json_close(JsonWriter *w, char bracket); /* '}' or ']' */
/*
 * Invalid UTF-8 sets overflow: what cannot be said exactly is not said. A NULL string writes null.
 */
void json_put_string(JsonWriter *w, const char *key, const char *value);
void json_put_string_n(JsonWriter *w, const char *key, const char *value, size_t len);
void json_put_integer(JsonWriter *w, const char *key, int64_t value);
void json_put_bool(JsonWriter *w, const char *key, bool value);
void json_put_null(JsonWriter *w, const char *key);
/* Writes a parsed value again. */
void json_put_node(JsonWriter *w, const char *key, const JsonNode *node);
/* Writes the members of a parsed object (not its braces) into the object that is open. */
void json_put_members(JsonWriter *w, const JsonNode *object);
