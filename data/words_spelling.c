/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Learns how words are spelt: the chance of a letter after the three before it, interpolated with
 * shorter contexts, as costs in sixteenths of a bit.
 */
#include "words_build.h"

#include <math.h>
#include <stdlib.h>

struct Spelling {
	float *counts[_SCRIPT_MAX];
};

static const unsigned symbols_of[_SCRIPT_MAX] = { SCRIPT_LATIN_SYMBOLS, SCRIPT_CYRILLIC_SYMBOLS };
/* Weight of the shorter context: as if it had been seen that often. */
static const double backoff = 12;

Spelling *spelling_new(void)
{
	Spelling *spelling = calloc(1, sizeof(*spelling));

	for (size_t i = 0; spelling && i < _SCRIPT_MAX; i++) {
		spelling->counts[i] = calloc(script_model_size((Script)i), sizeof(float));
		if (!spelling->counts[i])
			die("out of memory", NULL);
	}
	return spelling;
}

void spelling_learn(Spelling *spelling, const uint32_t *symbols, size_t n, unsigned cost)
{
	Script script = SCRIPT_LATIN;
	unsigned context[4] = {};
	size_t size;

	if (n < 3)
		return;
	if (!script_index(SCRIPT_LATIN, symbols[0]))
		script = SCRIPT_CYRILLIC;
	size = symbols_of[script];
	for (size_t i = 0; i < n; i++) {
		context[3] = script_index(script, symbols[i]);
		if (!context[3])
			return;
		/* Common words teach more, lest the language with the longest list teach all. */
		spelling->counts[script]
				[((context[0] * size + context[1]) * size + context[2]) * size +
				 context[3]] += cost <= 10   ? 64
						: cost <= 13 ? 24
						: cost <= 15 ? 10
							     : 0.25F;
		context[0] = context[1];
		context[1] = context[2];
		context[2] = context[3];
	}
}

/* Sums over the first letters of the context: counts of all shorter contexts in turn. */
static double *shorter(const double *counts, size_t n_out, size_t size)
{
	double *out = calloc(n_out, sizeof(*out));

	if (!out)
		die("out of memory", NULL);
	for (size_t first = 0; first < size; first++)
		for (size_t i = 0; i < n_out; i++)
			out[i] += counts[first * n_out + i];
	return out;
}

/* In place: from counts to chances, given the chances in the context that is one letter shorter. */
static void normalize(double *counts, size_t n, size_t size, const double *below, size_t n_below)
{
	for (size_t at = 0; at < n; at += size) {
		double total = backoff;

		for (size_t i = 1; i < size; i++)
			total += counts[at + i];
		for (size_t i = 1; i < size; i++) {
			double base = below ? below[(at + i) % n_below] : 1.0 / (double)(size - 1);

			counts[at + i] = (counts[at + i] + backoff * base) / total;
		}
	}
}

uint8_t *spelling_model(Spelling *spelling, Script script)
{
	size_t size = symbols_of[script], n = script_model_size(script);
	double *levels[4];
	uint8_t *model = calloc(n, 1);

	levels[3] = calloc(n, sizeof(double));
	if (!model || !levels[3])
		die("out of memory", NULL);
	for (size_t i = 0; i < n; i++)
		levels[3][i] = (double)spelling->counts[script][i];
	for (size_t k = 3, n_level = n; k > 0; k--) {
		n_level /= size;
		levels[k - 1] = shorter(levels[k], n_level, size);
	}
	for (size_t k = 0, n_level = size; k < 4; k++, n_level *= size)
		normalize(levels[k], n_level, size, k ? levels[k - 1] : NULL, n_level / size);
	for (size_t i = 0; i < n; i++) {
		double cost = levels[3][i] > 0 ? -log2(levels[3][i]) * COST_BIT : 255;

		model[i] = cost > 255 ? 255 : (uint8_t)(cost + 0.5);
	}
	for (size_t k = 0; k < 4; k++)
		free(levels[k]);
	return model;
}

void spelling_free(Spelling *spelling)
{
	for (size_t i = 0; spelling && i < _SCRIPT_MAX; i++)
		free(spelling->counts[i]);
	free(spelling);
}
