/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words of the dictionary, in every view of the keys that were struck, and word-like spelling. */
#include "policy_internal.h"

#include <unistr.h>

#include "policy_words.h"

#define REVERSED_MIN 4U
#define REVERSED_COST COST_BITS(2)
/* For a digit or symbol that stands for a letter; the rarer ones more often stand between words. */
#define SUBSTITUTE_COST COST_BITS(1.2)
#define RARE_SUBSTITUTE_COST COST_BITS(2.5)
/* For having struck another layout's keys. */
#define VIEW_COST COST_BITS(2)

#define SPELLING_MIN 4U
#define SPELLING_START_COST COST_BITS(3)
/* The rest of an inflected word whose stem is known. */
#define SPELLING_TAIL_COST COST_BITS(2)
#define SPELLING_TAIL_MAX 6U

/* One descent: where it began, in which view, forward or backward. */
typedef struct Descent {
	Lattice *lattice;
	View view;
	size_t start; /* forward: first symbol; backward: one after the last */
	bool backward;
} Descent;

/*
 * However common a word is, who guesses at combinations goes through lists of about a thousand; and
 * a short one is hardly cheaper than its letters, or random characters would be full of words.
 */
static uint32_t word_floor(size_t length)
{
	return length <= 2 ? COST_BITS(8.5) : COST_BITS(10);
}

/* A rare word, alone or one of two with a year, makes no password; short ones are in any noise. */
static uint32_t word_ceiling(size_t length)
{
	return length <= 5 ? COST_BITS(15.5) : COST_BITS(13.5);
}

static uint32_t substitute_cost(uint32_t base)
{
	bool common = base == '@' || base == '$' || base == '!' || (base >= '0' && base <= '9') ||
		      symbol_is_letter(base);

	return common ? SUBSTITUTE_COST : RARE_SUBSTITUTE_COST;
}

static uint32_t node_after(Lattice *lattice, uint32_t node, uint32_t symbol)
{
	uint8_t utf8[6];
	int n = 1;

	if (symbol < 0x80)
		utf8[0] = (uint8_t)symbol;
	else
		n = u8_uctomb(utf8, symbol, sizeof(utf8));
	for (int i = 0; i < n && node != WORDS_NONE; i++) {
		if (lattice->budget == 0)
			return WORDS_NONE;
		lattice->budget--;
		node = words_step(lattice->words, node, utf8[i]);
	}
	return node;
}

static void word_found(const Descent *descent, size_t length, uint32_t node, uint32_t extra)
{
	Lattice *lattice = descent->lattice;
	uint32_t cost = words_cost(lattice->words, node);
	size_t from = descent->start, to = descent->start + length;

	if (cost == COST_NONE)
		return;
	if (cost < word_floor(length))
		cost = word_floor(length);
	else if (cost > word_ceiling(length))
		cost = word_ceiling(length);
	if (descent->backward) {
		if (length < REVERSED_MIN)
			return;
		from = descent->start - length;
		to = descent->start;
		extra += REVERSED_COST;
	}
	if (descent->view != VIEW_DIRECT)
		extra += VIEW_COST;
	lattice_relax(lattice, from, to, cost + extra + lattice_case_cost(lattice, from, to),
		      PIECE_WORD);
}

/* Recursion goes no deeper than a word is long. */
static void descend(const Descent *descent, size_t length, uint32_t node, uint32_t extra)
{
	Lattice *lattice = descent->lattice;
	const Symbol *symbol;
	uint32_t choices[VIEW_CHOICES], next;
	const uint32_t *others = choices;

	if (length > 0)
		word_found(descent, length, node, extra);
	if (length == WORD_SYMBOLS_MAX)
		return;
	if (descent->backward ? length >= descent->start
			      : descent->start + length >= lattice->text->n)
		return;
	symbol = &lattice->text->symbols[descent->backward ? descent->start - 1 - length
							   : descent->start + length];

	if (descent->view == VIEW_DIRECT) {
		next = node_after(lattice, node, symbol->base);
		if (next != WORDS_NONE)
			descend(descent, length + 1, next, extra);
		others = fold_substitutes(symbol->base);
		extra += substitute_cost(symbol->base);
	} else if (!layout_view(descent->view, symbol, choices)) {
		return;
	}
	for (; *others; others++) {
		next = node_after(lattice, node, *others);
		if (next != WORDS_NONE)
			descend(descent, length + 1, next, extra);
	}
}

void match_words(Lattice *lattice, size_t i)
{
	for (View view = 0; view < _VIEW_MAX; view++) {
		Descent descent = {.lattice = lattice, .view = view, .start = i};

		descend(&descent, 0, words_root(lattice->words), 0);
	}
}

void match_words_reversed(Lattice *lattice, size_t end)
{
	static const View views[] = {VIEW_DIRECT, VIEW_CYRILLIC_KEYS};

	if (end < REVERSED_MIN)
		return;
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		Descent descent = {
		    .lattice = lattice, .view = views[i], .start = end, .backward = true};

		descend(&descent, 0, words_root(lattice->words), 0);
	}
}

typedef enum Track {
	TRACK_LATIN,
	TRACK_CYRILLIC,
	TRACK_CYRILLIC_KEYS,
	_TRACK_MAX,
} Track;

/* The letter that the symbol is, or stands for, in the track's script: 0 if none. */
static unsigned track_index(Track track, const Symbol *symbol, uint32_t *extra)
{
	Script script = track == TRACK_LATIN ? SCRIPT_LATIN : SCRIPT_CYRILLIC;
	uint32_t choices[VIEW_CHOICES];
	const uint32_t *others;
	unsigned index;

	if (track == TRACK_CYRILLIC_KEYS)
		return layout_view(VIEW_CYRILLIC_KEYS, symbol, choices)
			   ? script_index(script, choices[0])
			   : 0;
	index = script_index(script, symbol->base);
	if (index || symbol_is_letter(symbol->base))
		return index;
	for (others = fold_substitutes(symbol->base); *others && !index; others++)
		index = script_index(script, *others);
	*extra += substitute_cost(symbol->base);
	return index;
}

/* Spells on from i, knowing the letters before it or, at a word's start, none. */
static void spell(Lattice *lattice, Track track, size_t i, bool tail)
{
	const Symbol *symbols = lattice->text->symbols;
	Script script = track == TRACK_LATIN ? SCRIPT_LATIN : SCRIPT_CYRILLIC;
	uint32_t cost = tail ? SPELLING_TAIL_COST : SPELLING_START_COST, ignored = 0;
	size_t max = tail ? SPELLING_TAIL_MAX : WORD_SYMBOLS_MAX;
	unsigned index[4] = {};

	if (track == TRACK_CYRILLIC_KEYS)
		cost += VIEW_COST;
	for (size_t back = 3; tail && back > 0; back--)
		index[3 - back] = back <= i ? track_index(track, &symbols[i - back], &ignored) : 0;
	for (size_t n = 0; n < max && i + n < lattice->text->n; n++) {
		index[3] = track_index(track, &symbols[i + n], &cost);
		if (!index[3])
			return;
		/* A guesser knows the language; the model had to learn all of them at once. */
		cost += words_letter_cost(lattice->words, script, index) * 7 / 8;
		index[0] = index[1];
		index[1] = index[2];
		index[2] = index[3];
		if (tail || n + 1 >= SPELLING_MIN)
			lattice_relax(lattice, i, i + n + 1,
				      cost + lattice_case_cost(lattice, i, i + n + 1),
				      PIECE_SPELLING);
	}
}

void match_spelling(Lattice *lattice, size_t i)
{
	for (Track track = 0; track < _TRACK_MAX; track++) {
		uint32_t ignored = 0;

		if (!track_index(track, &lattice->text->symbols[i], &ignored))
			continue;
		spell(lattice, track, i, false);
		if (i > 0 && lattice->piece[i] == PIECE_WORD)
			spell(lattice, track, i, true);
	}
}
