/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libzxcvbn, tamed. It knows bytes only, and its time grows with the fourth power and worse on
 * periodic input (seconds for 1212…): it sees a prefix, without long digit runs and repetitions.
 * All of that can only lower its estimate, and who calls it treats it as a second opinion.
 */
#include "policy_internal.h"

#include <string.h>
#include <zxcvbn.h>

#define SEEN_MAX 40U
#define DIGITS_MAX 10U
#define PERIOD_MAX 16U
#define WORDS_MAX 32U

/* Does the text's end already stand there twice with this period? Then another copy says nothing.
 */
static bool is_periodic(const char *seen, size_t n)
{
	for (size_t period = 1; period <= PERIOD_MAX && period * 3 <= n; period++)
		if (memcmp(seen + n - period, seen + n - 2 * period, period) == 0 &&
		    memcmp(seen + n - period, seen + n - 3 * period, period) == 0)
			return true;
	return false;
}

/* The library counts the keypad's signs among the digits. */
static bool is_digit_like(char c)
{
	return (c >= '0' && c <= '9') || strchr("./*-+", c);
}

/* False when a character has no ASCII form, or digits were left out: then a low estimate is none.
 */
static bool seen_fill(const Text *text, char seen[static SEEN_MAX + 1])
{
	size_t n = 0, digits = 0;

	for (size_t i = 0; i < text->n && n < SEEN_MAX; i++) {
		const Symbol *symbol = &text->symbols[i];
		uint32_t c = symbol->raw < 0x80 ? symbol->raw : symbol->base;

		if (c < 0x20 || c >= 0x7f)
			return false;
		digits = is_digit_like((char)c) ? digits + 1 : 0;
		if (digits > DIGITS_MAX)
			return false;
		seen[n++] = (char)c;
		if (is_periodic(seen, n))
			n--;
	}
	seen[n] = '\0';
	return n > 0;
}

uint32_t zxcvbn_cost(const Text *text, const char *const *words, size_t n_words)
{
	char seen[SEEN_MAX + 1];
	const char *known[WORDS_MAX + 1];
	size_t n_known = 0;
	double bits;

	if (!seen_fill(text, seen)) {
		explicit_bzero(seen, sizeof(seen));
		return COST_NONE;
	}
	for (size_t i = 0; i < n_words && n_known < WORDS_MAX; i++)
		if (words[i] && words[i][0])
			known[n_known++] = words[i];
	known[n_known] = NULL;
	/* It wants pointers to char that it does not write through. */
	bits = ZxcvbnMatch(seen, (const char **)known, NULL);
	explicit_bzero(seen, sizeof(seen));
	return bits > 0 ? (uint32_t)(bits * COST_BIT) : 0;
}
