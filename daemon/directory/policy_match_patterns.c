/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is no word of a dictionary: sequences, dates, the person's and the site's words, single
 * characters. */
#include "policy_internal.h"

#include <string.h>
#include <unictype.h>

#define TOKEN_COST COST_BITS(2.5)
#define TOKEN_PART_COST COST_BITS(5)
#define TOKEN_PART_MIN 4U
#define REVERSED_COST COST_BITS(2)
#define SEQUENCE_MIN 3U
/* Of digits; a country has less than 2^31 numbers in use. */
#define PHONE_MIN 9U
#define PHONE_MAX 13U
#define PHONE_COST COST_BITS(31)

static uint32_t brute_letter(const Symbol *symbol)
{
	uint32_t base = symbol->base;

	if (base < 0x80)
		return COST_BITS(4.7) + (symbol->raw >= 0x80 ? COST_BITS(1.5) : 0);
	if (base >= 0x3400 && base < 0xa000) /* ideographs in use */
		return COST_BITS(11);
	if (base >= 0x1100 && base < 0x1200) /* jamo: about eight bits a syllable */
		return symbol->first ? COST_BITS(4.2) : COST_BITS(0);
	return base < 0x3000 ? COST_BITS(5) : COST_BITS(6);
}

static uint32_t brute_cost(const Symbol *symbol)
{
	uint32_t base = symbol->base;

	/* The second letter of a ligature comes with the first; a syllable's jamo do not. */
	if (!symbol->first)
		return base >= 0x1100 && base < 0x1200 ? COST_BITS(3.3) : 0;
	if (symbol_is_letter(base))
		return brute_letter(symbol) + (symbol->upper ? COST_BITS(0.7) : 0);
	switch (base) {
	case '0' ... '9':
		return COST_BITS(3.32);
	case ' ':
		return COST_BITS(2);
	case '!':
		return COST_BITS(3);
	case '.':
	case '@':
	case '-':
	case '_':
	case '#':
	case '*':
	case '$':
	case ',':
	case '?':
		return COST_BITS(3.5);
	default:
		return base < 0x80 ? COST_BITS(5) : base < 0x2000 ? COST_BITS(6) : COST_BITS(8);
	}
}

void match_brute(Lattice *lattice, size_t i)
{
	lattice_relax(lattice, i, i + 1, brute_cost(&lattice->text->symbols[i]), PIECE_BRUTE);
}

static size_t token_length(const Lattice *lattice, const Token *token, size_t i, bool reversed)
{
	size_t n = 0;

	while (n < token->n && i + n < lattice->text->n &&
	       lattice->skeleton[i + n] == token->symbols[reversed ? token->n - 1 - n : n])
		n++;
	return n;
}

void match_tokens(Lattice *lattice, size_t i)
{
	for (size_t k = 0; k < lattice->tokens->n; k++) {
		const Token *token = &lattice->tokens->tokens[k];

		for (unsigned reversed = 0; reversed < 2; reversed++) {
			size_t n = token_length(lattice, token, i, reversed);
			uint32_t cost = (n == token->n ? TOKEN_COST : TOKEN_PART_COST) +
					(reversed ? REVERSED_COST : 0);

			if (n < token->n && (n < TOKEN_PART_MIN || reversed))
				continue;
			lattice_relax(lattice, i, i + n,
				      cost + lattice_case_cost(lattice, i, i + n),
				      token->kind == TOKEN_PERSON ? PIECE_PERSON : PIECE_SITE);
		}
	}
}

void match_sequence(Lattice *lattice, size_t i)
{
	const Symbol *symbols = lattice->text->symbols;

	for (int32_t step = -2; step <= 2; step++) {
		uint32_t start = symbols[i].base;
		/* Where people begin; anywhere else is a choice among an alphabet. */
		bool plain = start == 'a' || start == '1' || start == '0' || start == 0x430;
		uint32_t cost = (plain ? COST_BITS(1) : COST_BITS(3.5)) +
				(step == 1 ? COST_BITS(1) : COST_BITS(2));
		size_t n = 1;

		if (step == 0)
			continue;
		while (i + n < lattice->text->n &&
		       (int64_t)symbols[i + n].base - (int64_t)symbols[i + n - 1].base == step)
			n++;
		/* Every second letter is a sequence only when it goes on. */
		for (size_t end = step * step > 1 ? SEQUENCE_MIN + 1 : SEQUENCE_MIN; end <= n;
		     end++)
			lattice_relax(lattice, i, i + end,
				      cost + cost_of_length(end) / 2 +
					      lattice_case_cost(lattice, i, i + end),
				      PIECE_SEQUENCE);
	}
}

static unsigned digits_at(const Lattice *lattice, size_t i, size_t n)
{
	unsigned value = 0;

	for (size_t k = 0; k < n; k++)
		value = value * 10 + lattice->text->symbols[i + k].base - '0';
	return value;
}

static bool is_year(unsigned value)
{
	return value >= 1900 && value <= 2039;
}

static bool is_day_month(unsigned first, unsigned second)
{
	return first >= 1 && second >= 1 && first <= 31 && second <= 31 &&
	       (first <= 12 || second <= 12);
}

static size_t digits_length(const Lattice *lattice, size_t i)
{
	const Symbol *symbols = lattice->text->symbols;
	size_t n = 0;

	while (i + n < lattice->text->n && symbols[i + n].base >= '0' && symbols[i + n].base <= '9')
		n++;
	return n;
}

/* 12.3.1985, 1985-03-12, 3/12/85: two equal signs between three numbers. */
static void match_date_signs(Lattice *lattice, size_t i)
{
	const Symbol *symbols = lattice->text->symbols;
	size_t at[3] = { i }, n[3];
	unsigned value[3];

	for (size_t k = 0; k < 3; k++) {
		n[k] = digits_length(lattice, at[k]);
		if (n[k] < 1 || n[k] > 4 || n[k] == 3)
			return;
		value[k] = digits_at(lattice, at[k], n[k]);
		if (k == 2)
			break;
		at[k + 1] = at[k] + n[k] + 1;
		if (at[k + 1] >= lattice->text->n ||
		    symbol_is_letter(symbols[at[k + 1] - 1].base) ||
		    symbols[at[k + 1] - 1].base != symbols[i + n[0]].base)
			return;
	}
	if ((n[0] <= 2 && is_day_month(value[0], value[1]) && (n[2] == 2 || is_year(value[2]))) ||
	    (n[2] <= 2 && is_day_month(value[1], value[2]) && is_year(value[0])))
		lattice_relax(lattice, i, at[2] + n[2], COST_BITS(14.5), PIECE_DATE);
}

void match_date(Lattice *lattice, size_t i)
{
	size_t n = digits_length(lattice, i);

	match_date_signs(lattice, i);
	if (n >= 4) {
		unsigned value = digits_at(lattice, i, 4);

		if (is_year(value))
			lattice_relax(lattice, i, i + 4,
				      value >= 2000 && value <= 2030 ? COST_BITS(3.5)
								     : COST_BITS(5),
				      PIECE_DATE);
		if (is_day_month(value / 100, value % 100))
			lattice_relax(lattice, i, i + 4, COST_BITS(8), PIECE_DATE);
	}
	if (n >= 6 && (is_day_month(digits_at(lattice, i, 2), digits_at(lattice, i + 2, 2)) ||
		       is_day_month(digits_at(lattice, i + 2, 2), digits_at(lattice, i + 4, 2))))
		lattice_relax(lattice, i, i + 6, COST_BITS(13), PIECE_DATE);
	if (n >= 8 && ((is_day_month(digits_at(lattice, i, 2), digits_at(lattice, i + 2, 2)) &&
			is_year(digits_at(lattice, i + 4, 4))) ||
		       (is_year(digits_at(lattice, i, 4)) &&
			is_day_month(digits_at(lattice, i + 4, 2), digits_at(lattice, i + 6, 2)))))
		lattice_relax(lattice, i, i + 8, COST_BITS(13), PIECE_DATE);
}

/* A telephone number: one that begins with 0 or +, whole, its digits in groups or not. */
void match_phone(Lattice *lattice, size_t i)
{
	const Symbol *symbols = lattice->text->symbols;
	size_t end = i, digits = 0;

	if ((symbols[i].base != '0' && symbols[i].base != '+') ||
	    (i > 0 && (digits_length(lattice, i - 1) || symbols[i - 1].base == '+')))
		return;
	for (size_t k = i; k < lattice->text->n; k++) {
		uint32_t base = symbols[k].base;

		if (base >= '0' && base <= '9') {
			digits++;
			end = k + 1;
		} else if (base > 0x7f || !strchr("+ -/().", (int)base)) {
			break;
		}
	}
	if (digits >= PHONE_MIN && digits <= PHONE_MAX)
		lattice_relax(lattice, i, end, PHONE_COST, PIECE_DATE);
}
