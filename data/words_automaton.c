/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the minimal acyclic automaton from sorted words: as soon as no further word can share a
 * node, it is replaced by an equal one that already stands, or written (Daciuk and others, 2000).
 */
#include "words_build.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX (WORD_SYMBOLS_MAX * 4U + 2U)
#define NODE_EDGES_MAX 256U
#define REGISTER_SIZE (1U << 24)

typedef struct Open {
	uint32_t edges[NODE_EDGES_MAX];
	unsigned n;
} Open;

typedef struct Automaton {
	uint32_t *edges;
	uint32_t n_edges;
	uint32_t *seen; /* hash table of node indices, 0 for none */
	Open open[DEPTH_MAX + 1];
} Automaton;

static uint32_t node_hash(const Open *node)
{
	uint32_t hash = 2166136261U;

	for (unsigned i = 0; i < node->n; i++)
		hash = ((hash ^ node->edges[i]) * 16777619U) ^ (hash >> 15);
	return hash * 2654435761U >> 8;
}

static uint32_t node_close(Automaton *automaton, Open *node)
{
	uint32_t slot;

	if (node->n == 0)
		return 0;
	node->edges[node->n - 1] |= WORDS_EDGE_LAST;
	slot = node_hash(node) % REGISTER_SIZE;
	for (; automaton->seen[slot]; slot = (slot + 1) % REGISTER_SIZE)
		if (memcmp(automaton->edges + automaton->seen[slot], node->edges,
			   node->n * sizeof(*node->edges)) == 0) {
			node->n = 0;
			return automaton->seen[slot];
		}
	if (automaton->n_edges + NODE_EDGES_MAX * 2 >= WORDS_EDGES_MAX)
		die("too many words for the format", NULL);
	automaton->seen[slot] = automaton->n_edges;
	memcpy(automaton->edges + automaton->n_edges, node->edges, node->n * sizeof(*node->edges));
	automaton->n_edges += node->n;
	node->n = 0;
	return automaton->seen[slot];
}

/* Closes the nodes below depth; the edge to each waits in its parent with target 0. */
static void close_below(Automaton *automaton, size_t depth, size_t deepest)
{
	for (size_t i = deepest; i > depth; i--) {
		uint32_t target = node_close(automaton, &automaton->open[i]);
		Open *parent = &automaton->open[i - 1];

		parent->edges[parent->n - 1] |= target << WORDS_EDGE_TARGET_SHIFT;
	}
}

uint32_t *automaton_build(const Entries *entries, uint32_t *ret_n_edges, uint32_t *ret_root)
{
	Automaton *automaton = calloc(1, sizeof(*automaton));
	const char *before = "";
	uint32_t *edges;

	if (!automaton)
		die("out of memory", NULL);
	automaton->edges = calloc(WORDS_EDGES_MAX, sizeof(*automaton->edges));
	automaton->seen = calloc(REGISTER_SIZE, sizeof(*automaton->seen));
	if (!automaton->edges || !automaton->seen)
		die("out of memory", NULL);
	/* Node 0 has no meaning: one edge that no byte of text takes. */
	automaton->edges[0] = 0xff | WORDS_EDGE_LAST;
	automaton->n_edges = 1;

	for (size_t i = 0; i < entries->n; i++) {
		const char *word = entries->bytes + entries->entries[i].offset;
		size_t n = strlen(word), shared = 0;
		Open *end;

		while (before[shared] && before[shared] == word[shared])
			shared++;
		close_below(automaton, shared, strlen(before));
		for (size_t k = shared; k < n; k++) {
			Open *node = &automaton->open[k];

			node->edges[node->n++] = (uint8_t)word[k];
		}
		end = &automaton->open[n];
		end->edges[end->n++] = entries->entries[i].cost - WORDS_COST_BASE;
		before = word;
	}
	close_below(automaton, 0, strlen(before));
	*ret_root = node_close(automaton, &automaton->open[0]);
	*ret_n_edges = automaton->n_edges;
	edges = automaton->edges;
	free(automaton->seen);
	free(automaton);
	return edges;
}
