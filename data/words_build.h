/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of the tool that makes the dictionary from word lists, at build time. */
#pragma once

#include "policy_words.h"

/* Folded words: UTF-8 and NUL, one after another, and where each begins. */
typedef struct Entry {
	uint32_t offset;
	uint8_t cost; /* bits */
} Entry;

typedef struct Entries {
	char *bytes;
	size_t n_bytes, size_bytes;
	Entry *entries;
	size_t n, size;
} Entries;

/* Appends; exits with a message when memory is out, as the whole tool does. */
void entries_add(Entries *entries, const uint32_t *symbols, size_t n, unsigned cost);

/* words_automaton.c: entries sorted and without duplicates; edges to be freed by the caller. */
uint32_t *automaton_build(const Entries *entries, uint32_t *ret_n_edges, uint32_t *ret_root);

/* words_spelling.c */
typedef struct Spelling Spelling;

Spelling *spelling_new(void);
void spelling_learn(Spelling *spelling, const uint32_t *symbols, size_t n, unsigned cost);
/* script_model_size(script) bytes, to be freed. */
uint8_t *spelling_model(Spelling *spelling, Script script);
void spelling_free(Spelling *spelling);

/* words_affixes.c: adds the commonest beginnings and endings of the entries' words, marked as such.
 */
void affixes_add(Entries *entries);
/* The array with room for as many elements, doubled as needed. */
void *grown(void *old, size_t need, size_t *size, size_t element);
_Noreturn void die(const char *message, const char *detail);
