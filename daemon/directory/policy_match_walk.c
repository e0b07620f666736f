/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks over neighbouring keys, on each layout by itself. */
#include "policy_internal.h"

#include <unicase.h>

#define WALK_MIN 3U
#define START_COST COST_BITS(4)
#define OTHER_LAYOUT_COST COST_BITS(1)
#define DIRECTION_COST COST_BITS(1)
#define TURN_COST COST_BITS(2.6)
#define SHIFT_COST COST_BITS(1.2)

/* Three neighbours in a row happen by chance; the more, the less. */
static uint32_t length_cost(size_t n)
{
	if (n < 5)
		return COST_BITS(1.5) * (uint32_t)(6 - n);
	return (uint32_t)(n < 10 ? n : 10) * COST_BITS(0.25);
}

/* With caps lock a key that has no capital on it gives one all the same: É on a French 2. */
static uint8_t walk_key(unsigned layout, const Symbol *symbol, bool *ret_shifted)
{
	uint8_t key = layout_key(layout, symbol->raw, ret_shifted);

	if (key != 0xff || !symbol->upper)
		return key;
	key = layout_key(layout, uc_tolower(symbol->raw), ret_shifted);
	*ret_shifted = true;
	return key;
}

/*
 * With a stride of one, key after key; with two, both hands walk in turn (dxfcgvhb): each key then
 * is a neighbour of the one before the last, and the second hand's start is another choice.
 */
static void walk(Lattice *lattice, size_t i, unsigned layout, size_t stride)
{
	const Symbol *symbols = lattice->text->symbols;
	uint32_t cost = (START_COST + DIRECTION_COST) * (uint32_t)stride +
			(layout ? OTHER_LAYOUT_COST : 0);
	unsigned directions[2] = {};
	uint8_t keys[2];
	bool shifted, was_shifted = false;

	if (i + stride > lattice->text->n)
		return;
	for (size_t k = 0; k < stride; k++) {
		keys[k] = walk_key(layout, &symbols[i + k], &shifted);
		if (keys[k] == 0xff)
			return;
		if (k == 0)
			was_shifted = shifted;
	}
	if (was_shifted)
		cost += SHIFT_COST;
	for (size_t n = stride; i + n < lattice->text->n; n++) {
		uint8_t next = walk_key(layout, &symbols[i + n], &shifted);
		unsigned turned =
			next == 0xff ? 0 : layout_direction(layout, keys[n % stride], next);

		if (!turned || (stride > 1 && directions[n % stride] && turned != directions[n % stride]))
			return;
		if (directions[n % stride] && turned != directions[n % stride])
			cost += TURN_COST;
		if (shifted != was_shifted)
			cost += SHIFT_COST;
		directions[n % stride] = turned;
		was_shifted = shifted;
		keys[n % stride] = next;
		if (n + 1 >= WALK_MIN * stride)
			lattice_relax(lattice, i, i + n + 1, cost + length_cost(n + 1), PIECE_WALK);
	}
}

void match_walk(Lattice *lattice, size_t i)
{
	for (unsigned layout = 0; layout < LAYOUT_COUNT; layout++) {
		walk(lattice, i, layout, 1);
		walk(lattice, i, layout, 2);
	}
}
