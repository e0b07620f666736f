/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands elsewhere already: earlier in the password, mirrored, or in the old password. */
#include "policy_internal.h"

#include <string.h>

#define OLD_MIN 3U
#define REPEAT_MIN 3U
#define REVERSED_COST COST_BITS(2)
/* Longer old passwords are not looked for backwards. */
#define OLD_REVERSED_MAX 128U

uint32_t cost_of_length(size_t n)
{
	uint32_t cost = 0;

	for (; n > 1; n /= 2)
		cost += COST_BIT;
	return cost;
}

/*
 * From the end backwards: how far the text from i on is the text from k on is one more than from i
 * + 1 and k + 1 on, so one row of lengths suffices.
 */
void copies_find(Lattice *lattice)
{
	const uint32_t *text = lattice->skeleton;
	uint16_t row[TEXT_MAX] = {};
	size_t n = lattice->text->n;

	memset(lattice->repeated, 0, sizeof(lattice->repeated));
	memset(lattice->stood, 0, sizeof(lattice->stood));
	for (size_t i = n; i-- > 1;)
		for (size_t k = 0; k < i; k++) {
			/* row[k + 1] still is that of i + 1; the diagonal's end is the text's. */
			uint16_t same = text[i] == text[k] ? (uint16_t)(row[k + 1] + 1) : 0;
			uint16_t *longest =
				k + same >= i ? &lattice->repeated[i] : &lattice->stood[i];

			row[k] = same;
			if (same > *longest)
				*longest = same;
		}
	explicit_bzero(row, sizeof(row));
}

static void copies_of_old(const Lattice *lattice, const uint32_t *old, size_t n_old,
			  uint16_t out[static TEXT_MAX])
{
	uint16_t row[POLICY_PASSWORD_MAX + 1] = {};

	memset(out, 0, TEXT_MAX * sizeof(*out));
	for (size_t i = lattice->text->n; i-- > 0;)
		for (size_t k = 0; k < n_old; k++) {
			row[k] = lattice->skeleton[i] == old[k] ? (uint16_t)(row[k + 1] + 1) : 0;
			if (row[k] > out[i])
				out[i] = row[k];
		}
	explicit_bzero(row, sizeof(row));
}

void copies_find_old(Lattice *lattice)
{
	uint32_t reversed[OLD_REVERSED_MAX];
	size_t n = lattice->n_old;

	copies_of_old(lattice, lattice->old, n, lattice->in_old);
	n = n <= OLD_REVERSED_MAX ? n : 0;
	for (size_t i = 0; i < n; i++)
		reversed[i] = lattice->old[n - 1 - i];
	copies_of_old(lattice, reversed, n, lattice->in_old_reversed);
	explicit_bzero(reversed, sizeof(reversed));
}

void match_old(Lattice *lattice, size_t i)
{
	size_t n = lattice->in_old[i], reversed = lattice->in_old_reversed[i];
	uint32_t cost = COST_BITS(1) + cost_of_length(lattice->n_old) / 2;

	if (n >= OLD_MIN)
		lattice_relax(lattice, i, i + n, cost + lattice_case_cost(lattice, i, i + n) / 2,
			      PIECE_OLD);
	if (reversed > OLD_MIN)
		lattice_relax(lattice, i, i + reversed,
			      cost + REVERSED_COST +
				      lattice_case_cost(lattice, i, i + reversed) / 2,
			      PIECE_OLD);
}

static void repeat(Lattice *lattice, size_t i, size_t n, uint32_t cost)
{
	lattice_relax(lattice, i, i + n,
		      cost + cost_of_length(n) / 2 + lattice_case_cost(lattice, i, i + n),
		      PIECE_REPEAT);
}

void match_repeat(Lattice *lattice, size_t i)
{
	const uint32_t *text = lattice->skeleton;
	size_t mirrored = 0;

	if (lattice->repeated[i] > 0)
		repeat(lattice, i, lattice->repeated[i], COST_BITS(2));
	if (lattice->stood[i] >= REPEAT_MIN)
		repeat(lattice, i, lattice->stood[i], COST_BITS(3.5) + cost_of_length(i));
	while (mirrored < i && i + mirrored < lattice->text->n &&
	       text[i + mirrored] == text[i - 1 - mirrored])
		mirrored++;
	if (mirrored >= REPEAT_MIN)
		repeat(lattice, i, mirrored, COST_BITS(3));
}
