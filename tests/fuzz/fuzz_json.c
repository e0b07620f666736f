/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON reader on any bytes: its tree is in order, and written and read again it is the same. */

#include "fuzz.h"
#include "json.h"

#define NODES 1024

/* Every subtree lies within its parent's, keys are strings, strings end where they say. */
static void check_node(const JsonNode *node, const JsonNode *end, const char *text, size_t size)
{
	const JsonNode *it = json_first(node);
	uint32_t children = node->type == JSON_OBJECT  ? 2 * node->n
			    : node->type == JSON_ARRAY ? node->n
						       : 0;

	assert(node->span >= 1 && node->span <= end - node);
	if (node->type == JSON_STRING) {
		assert(node->string >= text && node->string + node->n < text + size);
		assert(strlen(node->string) == node->n);
	}
	for (uint32_t i = 0; i < children; i++) {
		assert(it < node + node->span);
		assert(node->type == JSON_ARRAY || i % 2 == 1 || it->type == JSON_STRING);
		check_node(it, node + node->span, text, size);
		it = json_next(it);
	}
	assert(it == node + node->span);
}

static void write_tree(const JsonNode *root, char *memory, size_t room)
{
	JsonWriter w;
	Buf buf;

	buf_init(&buf, memory, room);
	w = JSON_WRITER(&buf);
	json_put_node(&w, NULL, root);
	assert(!buf.overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static JsonNode nodes[NODES];
	Json json = { .nodes = nodes, .n_nodes_max = NODES };
	size_t room = 6 * size + 16;
	char *text = fuzz_copy(data, size), *first = malloc(room), *again = malloc(room),
	     *second = malloc(room);
	int r;

	assert(first && again && second);
	if (json_parse(&json, text, size) == 0) {
		check_node(nodes, nodes + json.n_nodes, text, size);
		write_tree(nodes, first, room);
		memcpy(again, first, strlen(first));
		r = json_parse(&json, again, strlen(first));
		assert(r == 0);
		write_tree(nodes, second, room);
		assert(strcmp(first, second) == 0);
	}
	free(text);
	free(first);
	free(again);
	free(second);
	return 0;
}
