/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks over neighbouring keys, on each layout by itself. */
#include "policy_internal.h"

#include <unicase.h>

#define WALK_MIN 3U
/* A longer walk is two; so the time stays linear. */
#define WALK_MAX 24U
#define KEY_NONE 0xffU
#define KEY_SHIFTED 0x80U
#define KEY_PLACE 0x7fU
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
static uint8_t walk_key(unsigned layout, const Symbol *symbol)
{
	bool shifted;
	uint8_t key = layout_key(layout, symbol->raw, &shifted);

	if (key == KEY_NONE && symbol->upper) {
		key = layout_key(layout, uc_tolower(symbol->raw), &shifted);
		shifted = true;
	}
	return key == KEY_NONE || !shifted ? key : key | KEY_SHIFTED;
}

void walks_prepare(Lattice *lattice)
{
	size_t n = lattice->text->n;

	for (unsigned layout = 0; layout < LAYOUT_COUNT; layout++)
		for (size_t i = n; i-- > 0;) {
			uint16_t next = i + 1 < n ? lattice->keys_alike[layout][i + 1] : 0;

			lattice->keys[layout][i] = walk_key(layout, &lattice->text->symbols[i]);
			lattice->keys_alike[layout][i] =
				lattice->keys[layout][i] == lattice->keys[0][i] ? next + 1 : 0;
		}
}

/*
 * With a stride of one, key after key; with two, both hands walk in turn (dxfcgvhb): each key then
 * is a neighbour of the one before the last, and the second hand's start is another choice. Returns
 * how many keys were looked at.
 */
static size_t walk(Lattice *lattice, size_t i, unsigned layout, size_t stride)
{
	const uint8_t *keys = lattice->keys[layout] + i;
	size_t n, max = lattice->text->n - i < WALK_MAX ? lattice->text->n - i : WALK_MAX;
	uint32_t cost =
		(START_COST + DIRECTION_COST) * (uint32_t)stride + (layout ? OTHER_LAYOUT_COST : 0);
	unsigned directions[2] = {};

	for (n = 0; n < stride; n++)
		if (n >= max || keys[n] == KEY_NONE)
			return n + 1;
	if (keys[0] & KEY_SHIFTED)
		cost += SHIFT_COST;
	for (; n < max; n++) {
		unsigned *direction = &directions[n % stride], turned;

		if (keys[n] == KEY_NONE)
			break;
		turned =
			layout_direction(layout, keys[n - stride] & KEY_PLACE, keys[n] & KEY_PLACE);
		/* Staying on a key is a repetition; qqwwee is two hands in step. */
		if (!turned || turned == LAYOUT_SAME_KEY ||
		    (stride > 1 && *direction && turned != *direction))
			break;
		if (*direction && turned != *direction)
			cost += TURN_COST;
		if ((keys[n] ^ keys[n - 1]) & KEY_SHIFTED)
			cost += SHIFT_COST;
		*direction = turned;
		if (n + 1 >= WALK_MIN * stride)
			lattice_relax(lattice, i, i + n + 1, cost + length_cost(n + 1), PIECE_WALK);
	}
	return n + 1;
}

void match_walk(Lattice *lattice, size_t i)
{
	for (size_t stride = 1; stride <= 2; stride++) {
		size_t seen = walk(lattice, i, 0, stride);

		/* What the first layout has just answered need not be asked of one that agrees. */
		for (unsigned layout = 1; layout < LAYOUT_COUNT; layout++)
			if (lattice->keys_alike[layout][i] < seen || layout == LAYOUT_KEYPAD)
				walk(lattice, i, layout, stride);
	}
}
