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
/* Dictionary steps in one window; ordinary passwords take about a thousand. */
#define BUDGET 8000U

void lattice_relax(Lattice *lattice, size_t from, size_t to, uint32_t cost, Piece piece)
{
	uint32_t total = lattice->cost[from] + cost + (piece == PIECE_BRUTE ? 0 : PIECE_COST);

	if (lattice->cost[from] == COST_NONE || total >= lattice->cost[to])
		return;
	lattice->cost[to] = total;
	lattice->from[to] = (uint16_t)from;
	lattice->piece[to] = (uint8_t)piece;
}

uint32_t lattice_case_cost(const Lattice *lattice, size_t from, size_t to)
{
	const Symbol *symbols = lattice->text->symbols;
	uint32_t n = (uint32_t)(to - from);
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

static void lattice_prepare(Lattice *lattice)
{
	const Text *text = lattice->text;

	lattice->budget = BUDGET;
	lattice->uppers[0] = 0;
	for (size_t i = 0; i < text->n; i++) {
		lattice->skeleton[i] = fold_skeleton(text->symbols[i].base);
		lattice->uppers[i + 1] = (uint16_t)(lattice->uppers[i] + text->symbols[i].upper);
		lattice->cost[i + 1] = COST_NONE;
	}
	lattice->cost[0] = 0;
	walks_prepare(lattice);
	copies_find(lattice);
	copies_find_old(lattice);
}

uint32_t lattice_cost(Lattice *lattice, uint32_t *ret_pieces)
{
	size_t n = lattice->text->n;
	uint32_t pieces = 0;

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
	}
	match_words_reversed(lattice, n);

	for (size_t at = n; at > 0; at = lattice->from[at])
		pieces |= 1U << lattice->piece[at];
	*ret_pieces = pieces;
	return lattice->cost[n];
}
