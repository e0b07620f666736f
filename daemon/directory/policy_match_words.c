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
/* What the model finds fluent, on average a letter, and what of it remains for who writes few
 * words. */
#define FLUENT_MIN 6U
#define FLUENT_COST COST_BITS(4.2)
#define FLUENT_PERCENT 70U

/*
 * No list has all forms of all words: the beginning of a known one with a common ending, or cut
 * off, reads like a word too. Shorter beginnings are in any noise.
 */
#define STEM_MIN 4U
#define PREFIX_MAX 4U
#define STEM_CUT_MIN 6U
/* With more digits for letters it is rather noise. */
#define FORM_EXTRA_MAX COST_BITS(2.5)
#define FORM_EXTRA_FACTOR 6U
/* Letters, of one written backwards. */
#define FORM_REVERSED_MAX 12U
#define FORM_COST_MIN COST_BITS(14)
#define FORM_REVERSED_COST COST_BITS(2)
/* No more than the first letter, or all, are capitals: then it may be a rare word rather than
 * noise. */
#define PLAIN_CASE_COST COST_BITS(1)

/* One descent: where it began, in which view, forward or backward. */
typedef struct Descent {
	Lattice *lattice;
	View view;
	size_t start; /* forward: first symbol; backward: one after the last */
	bool backward;
	/* Of a form, what stands: a common beginning with its cost, the stem; 0 while there is
	 * none. */
	size_t n_prefix, n_stem;
	uint32_t prefix_cost;
	bool forms; /* whether one could make the whole cheap enough */
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

/* For who writes but one or two, and so can go through longer lists. */
static uint32_t word_few_ceiling(size_t length)
{
	return length <= 5 ? COST_BITS(15) : COST_BITS(12.5);
}

/* The shorter the beginning, the more often it is there by chance. */
static uint32_t stem_cost(size_t length)
{
	return length <= 4   ? COST_BITS(19.5)
	       : length == 5 ? COST_BITS(17.5)
	       : length == 6 ? COST_BITS(15.5)
	       : length == 7 ? COST_BITS(14)
			     : COST_BITS(13);
}

static uint32_t substitute_cost(uint32_t base)
{
	bool common = base == '@' || base == '$' || base == '!' || (base >= '0' && base <= '9') ||
		      symbol_is_letter(base);

	return common ? SUBSTITUTE_COST : RARE_SUBSTITUTE_COST;
}

static uint32_t node_after(const Descent *descent, uint32_t node, uint32_t symbol)
{
	Lattice *lattice = descent->lattice;
	uint32_t *budget =
		descent->n_stem || descent->n_prefix ? &lattice->budget_forms : &lattice->budget;
	uint8_t utf8[6];
	int n = 1;

	if (symbol < 0x80)
		utf8[0] = (uint8_t)symbol;
	else
		n = u8_uctomb(utf8, symbol, sizeof(utf8));
	for (int i = 0; i < n && node != WORDS_NONE; i++) {
		if (*budget == 0)
			return WORDS_NONE;
		--*budget;
		node = words_step(lattice->words, node, utf8[i]);
	}
	return node;
}

static void word_relax(const Descent *descent, size_t length, uint32_t any, uint32_t few,
		       uint32_t extra)
{
	Lattice *lattice = descent->lattice;
	size_t from = descent->start, to = descent->start + length;

	if (descent->backward) {
		if (length < REVERSED_MIN)
			return;
		from = descent->start - length;
		to = descent->start;
		extra += REVERSED_COST;
	}
	if (descent->view != VIEW_DIRECT)
		extra += VIEW_COST;
	extra += lattice_case_cost(lattice, from, to);
	lattice_relax_word(lattice, from, to, any == COST_NONE ? any : any + extra, few + extra,
			   PIECE_WORD);
}

/* A form that no list has. Nobody writes it with capitals anywhere, and digits in it are rather
 * digits. */
static void form_found(const Descent *descent, size_t length, uint32_t cost, uint32_t extra)
{
	size_t from = descent->backward ? descent->start - length : descent->start;

	if (extra > FORM_EXTRA_MAX ||
	    lattice_case_cost(descent->lattice, from, from + length) > PLAIN_CASE_COST)
		return;
	if (descent->backward)
		cost += FORM_REVERSED_COST;
	word_relax(descent, length, COST_NONE, cost, extra * FORM_EXTRA_FACTOR);
}

/* The end of an ending, or of what may be cut off, or a word with a common beginning. */
static void forms_found(const Descent *descent, size_t length, uint32_t cost, uint32_t extra)
{
	size_t n_stem = length - descent->n_prefix;

	if (descent->n_stem) {
		if (cost != COST_NONE)
			form_found(descent, length,
				   descent->prefix_cost + stem_cost(descent->n_stem) + cost / 3,
				   extra);
		return;
	}
	if (n_stem >= STEM_CUT_MIN)
		form_found(descent, length,
			   descent->prefix_cost + stem_cost(n_stem - 1) + COST_BITS(1.5), extra);
	if (descent->n_prefix && n_stem >= STEM_MIN && cost != COST_NONE)
		form_found(descent, length, descent->prefix_cost + word_few_ceiling(n_stem), extra);
}

static void word_found(const Descent *descent, size_t length, uint32_t node, uint32_t extra)
{
	uint32_t cost = words_cost(descent->lattice->words, node);

	forms_found(descent, length, cost, extra);
	if (cost == COST_NONE || descent->n_stem || descent->n_prefix)
		return;
	if (cost < word_floor(length))
		cost = word_floor(length);
	else if (cost > word_ceiling(length))
		cost = word_ceiling(length);
	word_relax(descent, length, cost,
		   extra || cost < word_few_ceiling(length) ? cost : word_few_ceiling(length),
		   extra);
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
	if (descent->n_prefix + descent->n_stem && extra > FORM_EXTRA_MAX)
		return;
	if (descent->forms && !descent->n_stem && length >= STEM_MIN + descent->n_prefix &&
	    extra <= FORM_EXTRA_MAX) {
		Descent ending = *descent;

		ending.n_stem = length - descent->n_prefix;
		descend(&ending, length, words_endings(lattice->words), extra);
	}
	if (descent->backward ? length >= descent->start
			      : descent->start + length >= lattice->text->n)
		return;
	symbol = &lattice->text->symbols[descent->backward ? descent->start - 1 - length
							   : descent->start + length];

	if (descent->view == VIEW_DIRECT) {
		next = node_after(descent, node, symbol->base);
		if (next != WORDS_NONE)
			descend(descent, length + 1, next, extra);
		others = symbol->others;
		extra += substitute_cost(symbol->base);
	} else if (!layout_view(descent->view, symbol, choices)) {
		return;
	}
	for (; *others; others++) {
		next = node_after(descent, node, *others);
		if (next != WORDS_NONE)
			descend(descent, length + 1, next, extra);
	}
}

/* All beginnings that stand at the start, each with whatever follows. They are short: no recursion.
 */
static void descend_prefixed(Descent descent)
{
	Lattice *lattice = descent.lattice;
	uint32_t node = words_prefixes(lattice->words);

	for (size_t n = 1; n <= PREFIX_MAX; n++) {
		const Symbol *symbol;
		uint32_t choices[VIEW_CHOICES], cost;

		if (descent.backward ? n > descent.start : descent.start + n > lattice->text->n)
			return;
		symbol = &lattice->text->symbols[descent.backward ? descent.start - n
								  : descent.start + n - 1];
		choices[0] = symbol->base;
		if (descent.view != VIEW_DIRECT && !layout_view(descent.view, symbol, choices))
			return;
		descent.n_prefix = n;
		node = node_after(&descent, node, choices[0]);
		if (node == WORDS_NONE)
			return;
		cost = words_cost(lattice->words, node);
		if (cost == COST_NONE)
			continue;
		descent.prefix_cost = cost / 3;
		descend(&descent, n, words_root(lattice->words), 0);
	}
}

/*
 * With one more form the text has to stay below what is refused, else looking for it is in vain.
 * Where a backward one begins is not known yet: as far back as it can.
 */
static bool forms_matter(const Lattice *lattice, size_t start, bool backward)
{
	size_t from = !backward ? start : start > FORM_REVERSED_MAX ? start - FORM_REVERSED_MAX : 0;

	for (unsigned state = STATE_FEW; state + 1 < STATES; state++)
		if (lattice->cost[state][from] != COST_NONE &&
		    lattice->cost[state][from] + FORM_COST_MIN < lattice->limit)
			return true;
	return false;
}

static void match_view(Lattice *lattice, View view, size_t start, bool backward)
{
	Descent descent = {
		.lattice = lattice, .view = view, .start = start, .backward = backward
	};

	descent.forms = (view == VIEW_DIRECT || view == VIEW_CYRILLIC_KEYS) &&
			forms_matter(lattice, start, backward);
	descend(&descent, 0, words_root(lattice->words), 0);
	if (descent.forms)
		descend_prefixed(descent);
}

void match_words(Lattice *lattice, size_t i)
{
	for (View view = 0; view < _VIEW_MAX; view++)
		match_view(lattice, view, i, false);
}

void match_words_reversed(Lattice *lattice, size_t end)
{
	if (end < REVERSED_MIN)
		return;
	match_view(lattice, VIEW_DIRECT, end, true);
	match_view(lattice, VIEW_CYRILLIC_KEYS, end, true);
}

typedef enum Track {
	TRACK_LATIN,
	TRACK_CYRILLIC,
	TRACK_CYRILLIC_KEYS,
	TRACK_UKRAINIAN_KEYS,
	_TRACK_MAX,
} Track;

/* The letter that the symbol is, or stands for, in the track's script: 0 if none. */
static unsigned track_index(Track track, const Symbol *symbol, uint32_t *extra)
{
	Script script = track == TRACK_LATIN ? SCRIPT_LATIN : SCRIPT_CYRILLIC;
	uint32_t choices[VIEW_CHOICES];
	const uint32_t *others;
	unsigned index;

	if (track >= TRACK_CYRILLIC_KEYS) {
		if (!layout_view(VIEW_CYRILLIC_KEYS, symbol, choices))
			return 0;
		return script_index(script,
				    choices[track == TRACK_UKRAINIAN_KEYS && choices[1] ? 1 : 0]);
	}
	index = script_index(script, symbol->base);
	if (index || symbol_is_letter(symbol->base))
		return index;
	for (others = symbol->others; *others && !index; others++)
		index = script_index(script, *others);
	*extra += substitute_cost(symbol->base);
	return index;
}

/*
 * What reads fluently is a word of some language, and of those there are fewer than the model
 * thinks, which spells letter by letter.
 */
static void spelling_relax(Lattice *lattice, size_t i, size_t n, uint32_t cost, bool tail,
			   bool plain)
{
	uint32_t case_cost = lattice_case_cost(lattice, i, i + n), few = cost;

	if (n >= FLUENT_MIN && cost < FLUENT_COST * n && plain && case_cost <= PLAIN_CASE_COST)
		few = cost * FLUENT_PERCENT / 100;
	lattice_relax_word(lattice, i, i + n, cost + case_cost, tail ? COST_NONE : few + case_cost,
			   PIECE_SPELLING);
}

/* Spells on from i, knowing the letters before it or, at a word's start, none. */
static void spell(Lattice *lattice, Track track, size_t i, bool tail)
{
	const Symbol *symbols = lattice->text->symbols;
	Script script = track == TRACK_LATIN ? SCRIPT_LATIN : SCRIPT_CYRILLIC;
	uint32_t cost = tail ? SPELLING_TAIL_COST : SPELLING_START_COST, ignored = 0;
	size_t max = tail ? SPELLING_TAIL_MAX : WORD_SYMBOLS_MAX;
	unsigned index[4] = {};
	bool plain = true; /* no digit stands for a letter */

	if (track >= TRACK_CYRILLIC_KEYS)
		cost += VIEW_COST;
	for (size_t back = 3; tail && back > 0; back--)
		index[3 - back] = back <= i ? track_index(track, &symbols[i - back], &ignored) : 0;
	for (size_t n = 0; n < max && i + n < lattice->text->n; n++) {
		uint32_t before = cost;

		index[3] = track_index(track, &symbols[i + n], &cost);
		plain = plain && cost == before;
		if (!index[3])
			return;
		/* A guesser knows the language; the model had to learn all of them at once. */
		cost += words_letter_cost(lattice->words, script, index) * 7 / 8;
		index[0] = index[1];
		index[1] = index[2];
		index[2] = index[3];
		if (tail || n + 1 >= SPELLING_MIN)
			spelling_relax(lattice, i, n + 1, cost, tail, plain);
	}
}

void spelling_prepare(Lattice *lattice)
{
	uint32_t choices[VIEW_CHOICES];

	lattice->ukrainian = false;
	for (size_t i = 0; i < lattice->text->n; i++)
		if (layout_view(VIEW_CYRILLIC_KEYS, &lattice->text->symbols[i], choices) &&
		    choices[1])
			lattice->ukrainian = true;
}

void match_spelling(Lattice *lattice, size_t i)
{
	for (Track track = 0; track < _TRACK_MAX; track++) {
		uint32_t ignored = 0;

		if (!track_index(track, &lattice->text->symbols[i], &ignored) ||
		    (track == TRACK_UKRAINIAN_KEYS && !lattice->ukrainian))
			continue;
		spell(lattice, track, i, false);
		if (i > 0 && lattice->piece[STATE_ANY][i] == PIECE_WORD)
			spell(lattice, track, i, true);
	}
}
