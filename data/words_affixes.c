/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Learns how words begin and end: no list has all forms of all words, but what stands before and
 * behind the words that it has stands before and behind the others too. An ending is what many
 * words share, a beginning what many words can lose and be words still.
 */
#include "words_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#define STEM_MIN 4U
#define AFFIX_MAX 5U
#define PREFIX_MAX 4U
/* Rarer ones are hardly affixes; as a share of their alphabet's words, in bits. */
#define COST_MAX 12U
#define TABLE_SIZE (1U << 22)
/* From that length on an ending may be a word. */
#define ENDING_WORD_MIN 4U
#define ENDING_WORD_COST 14U

typedef struct Affix {
	uint32_t symbols[AFFIX_MAX + 1]; /* the first is its mark */
	uint32_t count;
} Affix;

typedef enum Alphabet {
	ALPHABET_LATIN,
	ALPHABET_CYRILLIC,
	ALPHABET_GREEK,
	ALPHABET_OTHER,
	_ALPHABET_MAX
} Alphabet;

static Alphabet alphabet_of(uint32_t symbol)
{
	if (symbol < 0x250)
		return ALPHABET_LATIN;
	if (symbol < 0x370 || symbol >= 0x530)
		return ALPHABET_OTHER;
	return symbol < 0x400 ? ALPHABET_GREEK : ALPHABET_CYRILLIC;
}

static void affix_count(Affix *table, uint32_t mark, const uint32_t *symbols, size_t n)
{
	uint32_t key[AFFIX_MAX + 1] = { mark }, hash = 2166136261U;

	memcpy(key + 1, symbols, n * sizeof(*symbols));
	for (size_t i = 0; i <= AFFIX_MAX; i++)
		hash = (hash ^ key[i]) * 16777619U;
	hash ^= hash >> 15;
	for (size_t probe = 0; probe < TABLE_SIZE; probe++, hash++) {
		Affix *affix = &table[hash % TABLE_SIZE];

		if (affix->count == 0)
			memcpy(affix->symbols, key, sizeof(key));
		if (memcmp(affix->symbols, key, sizeof(key)) == 0) {
			affix->count++;
			return;
		}
	}
	die("too many affixes", NULL);
}

/* The entries are sorted by bytes. NULL when there is none. */
static const Entry *entry_find(const Entries *entries, size_t n, const char *word)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(entries->bytes + entries->entries[middle].offset, word);

		if (r == 0)
			return &entries->entries[middle];
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A common word behind another one is a second word. */
static bool is_word_itself(const Affix *affix, size_t n, const Entries *entries, size_t n_entries)
{
	uint8_t word[AFFIX_MAX * 4 + 1];
	const Entry *entry;
	size_t n_word = 0;

	if (affix->symbols[0] != WORDS_ENDINGS || n < ENDING_WORD_MIN)
		return false;
	for (size_t i = 1; i <= n; i++)
		n_word += (size_t)u8_uctomb(word + n_word, affix->symbols[i],
					    (ptrdiff_t)(sizeof(word) - n_word));
	word[n_word] = '\0';
	entry = entry_find(entries, n_entries, (const char *)word);
	return entry && entry->cost <= ENDING_WORD_COST;
}

/* Number of symbols and where each begins; 0 when not all are letters. */
static size_t word_decode(const char *word, uint32_t *symbols, size_t *offsets)
{
	size_t n = 0;

	for (size_t i = 0, len = strlen(word); i < len;) {
		ucs4_t cp;

		offsets[n] = i;
		i += (size_t)u8_mbtouc(&cp, (const uint8_t *)word + i, len - i);
		if (!symbol_is_letter(cp))
			return 0;
		symbols[n++] = cp;
	}
	return n;
}

static void affixes_learn(Affix *table, const Entries *entries, size_t n_entries, double *totals)
{
	for (size_t i = 0; i < n_entries; i++) {
		const char *word = entries->bytes + entries->entries[i].offset;
		uint32_t symbols[WORD_SYMBOLS_MAX];
		size_t offsets[WORD_SYMBOLS_MAX], n = word_decode(word, symbols, offsets);

		if (n <= STEM_MIN)
			continue;
		totals[alphabet_of(symbols[0])]++;
		for (size_t k = 1; k <= AFFIX_MAX && k + STEM_MIN <= n; k++)
			affix_count(table, WORDS_ENDINGS, symbols + n - k, k);
		for (size_t k = 1; k <= PREFIX_MAX && k + STEM_MIN <= n; k++)
			if (entry_find(entries, n_entries, word + offsets[k]))
				affix_count(table, WORDS_PREFIXES, symbols, k);
	}
}

void affixes_add(Entries *entries)
{
	Affix *table = calloc(TABLE_SIZE, sizeof(*table));
	double totals[_ALPHABET_MAX] = {};
	size_t n_entries = entries->n;

	if (!table)
		die("out of memory", NULL);
	affixes_learn(table, entries, n_entries, totals);
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		const Affix *affix = &table[i];
		unsigned cost;
		size_t n = 1;

		if (affix->count == 0)
			continue;
		while (n <= AFFIX_MAX && affix->symbols[n])
			n++;
		cost = (unsigned)ceil(log2(totals[alphabet_of(affix->symbols[1])] / affix->count));
		if (cost > COST_MAX || is_word_itself(affix, n - 1, entries, n_entries))
			continue;
		entries_add(entries, affix->symbols, n,
			    cost > WORDS_COST_BASE ? cost : WORDS_COST_BASE + 1);
	}
	free(table);
}
