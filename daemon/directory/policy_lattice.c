/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The estimate: of all ways to write the text as a row of known pieces (words, names, walks,
 * dates, …) the one that takes an attacker the fewest guesses. Positions are settled from left to
 * right, so a matcher sees final costs for all positions up to its own.
 */
#include "policy_internal.h"

#include <string.h>

/* For choosing this kind of piece, here: what makes five pieces dearer than their contents. */
#define PIECE_COST COST_BITS(1.5)
/* In a long number some date, walk or repetition stands by chance: it is dearer by the places where
 * it could. */
#define NUMBER_MIN 12U
#define NUMBER_COST COST_BITS(3)
/* Dictionary steps in one window; ordinary passwords take about a thousand. */
#define BUDGET 4000U
#define BUDGET_FORMS 800U

static inline void relax(Lattice *lattice, unsigned before, unsigned state, size_t from, size_t to,
			 uint32_t cost, Piece piece)
{
	uint32_t total;

	if (lattice->cost[before][from] == COST_NONE || cost == COST_NONE)
		return;
	total = lattice->cost[before][from] + cost + (piece == PIECE_BRUTE ? 0 : PIECE_COST);
	if (total >= lattice->cost[state][to])
		return;
	lattice->cost[state][to] = total;
	lattice->from[state][to] = (uint16_t)from;
	lattice->piece[state][to] = (uint8_t)piece;
}

void lattice_relax(Lattice *lattice, size_t from, size_t to, uint32_t cost, Piece piece)
{
	if (lattice->in_number[from] && piece != PIECE_BRUTE)
		cost += NUMBER_COST;
	for (unsigned state = 0; state < STATES; state++)
		relax(lattice, state, state, from, to, cost, piece);
}

void lattice_relax_word(Lattice *lattice, size_t from, size_t to, uint32_t any, uint32_t few,
			Piece piece)
{
	relax(lattice, STATE_ANY, STATE_ANY, from, to, any, piece);
	for (unsigned state = STATE_FEW; state + 1 < STATES; state++)
		relax(lattice, state, state + 1, from, to, few, piece);
}

uint32_t lattice_case_cost(const Lattice *lattice, size_t from, size_t to)
{
	const Symbol *symbols = lattice->text->symbols;
	/* Not what stands between them: L;EHBYCM has capitals only. */
	uint32_t n = (uint32_t)lattice->letters[to] - lattice->letters[from];
	uint32_t uppers = (uint32_t)lattice->uppers[to] - lattice->uppers[from];
	uint32_t few = uppers < n - uppers ? uppers : n - uppers;

	if (!uppers)
		return 0;
	if (uppers == n || (uppers == 1 && symbols[from].upper))
		return COST_BITS(1);
	if (uppers == 1 && symbols[to - 1].upper)
		return COST_BITS(1.5);
	return COST_BITS(1.5) + few * COST_BITS(1.5);
}

static void numbers_find(Lattice *lattice)
{
	const Symbol *symbols = lattice->text->symbols;

	for (size_t i = 0, n; i < lattice->text->n; i += n) {
		for (n = 0; i + n < lattice->text->n && symbols[i + n].base >= '0' &&
			    symbols[i + n].base <= '9';)
			n++;
		memset(lattice->in_number + i, n >= NUMBER_MIN, n ? n : 1);
		n = n ? n : 1;
	}
}

static void lattice_prepare(Lattice *lattice)
{
	const Text *text = lattice->text;

	lattice->budget = BUDGET;
	lattice->budget_forms = BUDGET_FORMS;
	lattice->uppers[0] = lattice->letters[0] = 0;
	for (size_t i = 0; i < text->n; i++) {
		lattice->skeleton[i] = fold_skeleton(text->symbols[i].base);
		lattice->uppers[i + 1] = (uint16_t)(lattice->uppers[i] + text->symbols[i].upper);
		lattice->letters[i + 1] =
			(uint16_t)(lattice->letters[i] + symbol_is_letter(text->symbols[i].base));
		for (unsigned state = 0; state < STATES; state++)
			lattice->cost[state][i + 1] = COST_NONE;
	}
	for (unsigned state = 0; state < STATES; state++)
		lattice->cost[state][0] = state <= STATE_FEW ? 0 : COST_NONE;
	numbers_find(lattice);
	spelling_prepare(lattice);
	walks_prepare(lattice);
	copies_find(lattice);
	copies_find_old(lattice);
}

/* Which kinds of piece lead to the end in that state. */
static uint32_t lattice_pieces(const Lattice *lattice, unsigned state)
{
	uint32_t pieces = 0;

	for (size_t at = lattice->text->n; at > 0;) {
		Piece piece = lattice->piece[state][at];

		pieces |= 1U << piece;
		at = lattice->from[state][at];
		if (state > STATE_FEW && (piece == PIECE_WORD || piece == PIECE_SPELLING))
			state--;
	}
	return pieces;
}

uint32_t lattice_cost(Lattice *lattice, uint32_t *ret_pieces)
{
	size_t n = lattice->text->n;
	unsigned best = 0;

	lattice_prepare(lattice);
	for (size_t i = 0; i < n; i++) {
		match_words_reversed(lattice, i);
		match_brute(lattice, i);
		match_words(lattice, i);
		match_spelling(lattice, i);
		match_tokens(lattice, i);
		match_old(lattice, i);
		match_walk(lattice, i);
		match_repeat(lattice, i);
		match_sequence(lattice, i);
		match_date(lattice, i);
		match_phone(lattice, i);
	}
	match_words_reversed(lattice, n);

	for (unsigned state = 1; state < STATES; state++)
		if (lattice->cost[state][n] < lattice->cost[best][n])
			best = state;
	*ret_pieces = lattice_pieces(lattice, best);
	return lattice->cost[best][n];
}
