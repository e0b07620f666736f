/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dictionary: a minimal acyclic automaton over the folded words' UTF-8 bytes, mapped read only,
 * with the commonest beginnings and endings of words in it as words of two edges of their own,
 * and a model of spelling (how likely a letter is after three others) for words it does not have.
 */
#include "policy_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy_file.h"
#include "policy_words.h"

struct Words {
	PolicyFile file;
	const uint32_t *edges;
	uint32_t n_edges;
	uint32_t root;
	uint32_t prefixes, endings;
	const uint8_t *spelling[_SCRIPT_MAX];
	uint32_t first[256]; /* the root's edges by byte: most look-ups end here */
};

static const unsigned script_symbols[_SCRIPT_MAX] = { SCRIPT_LATIN_SYMBOLS,
						      SCRIPT_CYRILLIC_SYMBOLS };

size_t script_model_size(Script script)
{
	size_t n = script_symbols[script];

	return n * n * n * n;
}

unsigned script_index(Script script, uint32_t base)
{
	if (script == SCRIPT_LATIN)
		return base >= 'a' && base <= 'z' ? base - 'a' + 1 : 0;
	if (base >= 0x430 && base <= 0x44f)
		return base - 0x430 + 1;
	return base == 0x456 ? 33 : base == 0x454 ? 6 : 0;
}

static int words_check(Words *words)
{
	const uint32_t *parameters = words->file.header->parameters;
	size_t n = (size_t)parameters[0] * sizeof(uint32_t);
	const uint8_t *rest;

	words->n_edges = parameters[0];
	words->root = parameters[1];
	for (size_t i = 0; i < _SCRIPT_MAX; i++)
		if (parameters[2 + i] != script_symbols[i])
			return POLICY_E_FORMAT;
	for (size_t i = 0; i < _SCRIPT_MAX; i++)
		n += script_model_size((Script)i);
	if (n != words->file.n_payload || words->root >= words->n_edges || words->n_edges == 0)
		return POLICY_E_CORRUPT;
	/* Then no walk along edges leaves the array. */
	words->edges = (const uint32_t *)(const void *)words->file.payload;
	if (!(words->edges[words->n_edges - 1] & WORDS_EDGE_LAST))
		return POLICY_E_CORRUPT;
	for (uint32_t i = 0; i < words->n_edges; i++)
		if (words->edges[i] >> WORDS_EDGE_TARGET_SHIFT >= words->n_edges)
			return POLICY_E_CORRUPT;

	rest = words->file.payload + (size_t)words->n_edges * sizeof(uint32_t);
	for (size_t i = 0; i < _SCRIPT_MAX; i++) {
		words->spelling[i] = rest;
		rest += script_model_size((Script)i);
	}
	return 0;
}

int words_open(Words **ret, const char *path)
{
	Words *words = calloc(1, sizeof(*words));
	int r;

	if (!words)
		return -ENOMEM;
	r = policy_file_open(&words->file, path, POLICY_FILE_WORDS);
	if (r == 0)
		r = words_check(words);
	if (r) {
		words_free(words);
		return r;
	}
	for (size_t i = 0; i < 256; i++)
		words->first[i] = WORDS_NONE;
	for (uint32_t i = words->root;; i++) {
		uint32_t edge = words->edges[i];

		words->first[edge & 0xff] = edge >> WORDS_EDGE_TARGET_SHIFT;
		if (edge & WORDS_EDGE_LAST)
			break;
	}
	words->prefixes = words->first[WORDS_PREFIXES];
	words->endings = words->first[WORDS_ENDINGS];
	if (words->prefixes == WORDS_NONE || words->endings == WORDS_NONE) {
		words_free(words);
		return POLICY_E_FORMAT;
	}
	*ret = words;
	return 0;
}

Words *words_free(Words *words)
{
	if (words)
		policy_file_close(&words->file);
	free(words);
	return NULL;
}

uint32_t words_root(const Words *words)
{
	return words->root;
}

uint32_t words_prefixes(const Words *words)
{
	return words->prefixes;
}

uint32_t words_endings(const Words *words)
{
	return words->endings;
}

uint32_t words_step(const Words *words, uint32_t node, uint8_t byte)
{
	if (node == words->root)
		return words->first[byte];
	for (uint32_t i = node;; i++) {
		uint32_t edge = words->edges[i];

		if ((edge & 0xff) == byte)
			return edge >> WORDS_EDGE_TARGET_SHIFT;
		/* A node's edges stand in the order of their bytes. */
		if ((edge & 0xff) > byte || (edge & WORDS_EDGE_LAST))
			return WORDS_NONE;
	}
}

uint32_t words_cost(const Words *words, uint32_t node)
{
	uint32_t byte = words->edges[node] & 0xff;

	return byte && byte <= WORDS_COST_BYTES ? COST_BITS(byte + WORDS_COST_BASE) : COST_NONE;
}

uint32_t words_letter_cost(const Words *words, Script script, const unsigned index[static 4])
{
	size_t n = script_symbols[script];
	size_t at = 0;

	for (size_t i = 0; i < 4; i++)
		at = at * n + index[i];
	return words->spelling[script][at];
}
