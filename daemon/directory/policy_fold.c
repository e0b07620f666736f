/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text of a password: what is acceptable (RFC 8265 OpaqueString, checked, never enforced by a
 * change), and the folded form in which variants of one word look alike.
 */
#include "policy_internal.h"

#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* strings.h, not sodium.h: the host tool that builds the dictionary links only libunistring. */
#include <strings.h>

/* NFC of n bytes never takes more than three times as many. */
#define NFC_MAX (POLICY_PASSWORD_MAX * 3U)
/* Fewer letters with something between them may be so by themselves. */
#define UNFOLD_MIN 6U

static uint32_t code_point_reasons(ucs4_t cp)
{
	if (uc_is_general_category(cp, UC_UNASSIGNED) || uc_is_property_not_a_character(cp))
		return POLICY_UNASSIGNED;
	if (uc_is_general_category(cp, UC_PRIVATE_USE))
		return POLICY_UNASSIGNED;
	/* Invisible characters too: nobody could type them again knowingly. */
	if (uc_is_general_category(cp, UC_CONTROL) ||
	    uc_is_property_default_ignorable_code_point(cp) ||
	    uc_is_general_category(cp, UC_FORMAT) ||
	    uc_is_general_category(cp, UC_LINE_SEPARATOR) ||
	    uc_is_general_category(cp, UC_PARAGRAPH_SEPARATOR))
		return POLICY_CONTROL;
	if (cp != ' ' && uc_is_general_category(cp, UC_SPACE_SEPARATOR))
		return POLICY_SPACE;
	return 0;
}

static bool is_nfc(const uint8_t *bytes, size_t n)
{
	uint8_t buf[NFC_MAX], *normal;
	size_t n_normal = sizeof(buf);
	bool same;

	normal = u8_normalize(UNINORM_NFC, bytes, n, buf, &n_normal);
	if (!normal)
		return false;
	same = n_normal == n && memcmp(normal, bytes, n) == 0;
	explicit_bzero(normal, n_normal);
	if (normal != buf)
		free(normal);
	explicit_bzero(buf, sizeof(buf));
	return same;
}

uint32_t text_validate(const uint8_t *bytes, size_t n, uint32_t *cps, size_t max, size_t *ret_n)
{
	uint32_t reasons = 0;
	size_t count = 0;
	bool ascii = true;

	*ret_n = 0;
	if (u8_check(bytes, n))
		return POLICY_NOT_UTF8;

	for (size_t i = 0; i < n && count < max;) {
		ucs4_t cp;
		int len = u8_mbtouc(&cp, bytes + i, n - i);

		if (len <= 0)
			return POLICY_NOT_UTF8;
		i += (size_t)len;
		ascii = ascii && cp < 0x80;
		reasons |= code_point_reasons(cp);
		cps[count++] = cp;
	}
	if (!ascii && !is_nfc(bytes, n))
		reasons |= POLICY_NOT_NFC;
	*ret_n = count;
	return reasons;
}

/* Letters that compatibility decomposition leaves whole but that people write as plain ones. */
static const struct {
	uint16_t from;
	uint16_t to[3];
} fold_letters[] = {
	{ 0x00df, { 's', 's' } },
	{ 0x00e6, { 'a', 'e' } },
	{ 0x00f0, { 'd' } },
	{ 0x00f8, { 'o' } },
	{ 0x00fe, { 't', 'h' } },
	{ 0x0111, { 'd' } },
	{ 0x0127, { 'h' } },
	{ 0x0131, { 'i' } },
	{ 0x0142, { 'l' } },
	{ 0x014b, { 'n' } },
	{ 0x0153, { 'o', 'e' } },
	{ 0x0167, { 't' } },
	{ 0x0259, { 'e' } },
	{ 0x03c2, { 0x03c3 } },
	{ 0x0490, { 0x0433 } },
	{ 0x0491, { 0x0433 } },
	{ 0x044a, { 0x044c } },
	{ 0x0627, { 0x0627 } },
	{ 0x06a9, { 0x0643 } },
	{ 0x06cc, { 0x064a } },
	{ 0x0649, { 0x064a } },
	{ 0x2018, { '\'' } },
	{ 0x2019, { '\'' } },
	{ 0x02bc, { '\'' } },
	/* Hangul jamo that take two keys. */
	{ 0x116a, { 0x1169, 0x1161 } },
	{ 0x116b, { 0x1169, 0x1162 } },
	{ 0x116c, { 0x1169, 0x1175 } },
	{ 0x116f, { 0x116e, 0x1165 } },
	{ 0x1170, { 0x116e, 0x1166 } },
	{ 0x1171, { 0x116e, 0x1175 } },
	{ 0x1174, { 0x1173, 0x1175 } },
};

static size_t fold_letter(ucs4_t cp, uint32_t *out)
{
	for (size_t i = 0; i < sizeof(fold_letters) / sizeof(*fold_letters); i++) {
		size_t n = 0;

		if (fold_letters[i].from != cp)
			continue;
		for (; n < 3 && fold_letters[i].to[n]; n++)
			out[n] = fold_letters[i].to[n];
		return n;
	}
	/* Katakana are the same syllables as Hiragana. */
	out[0] = cp >= 0x30a1 && cp <= 0x30f6 ? cp - 0x60 : cp;
	return 1;
}

size_t fold_code_point(uint32_t cp, uint32_t out[static 3])
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int n_parts, tag;
	size_t n = 0;

	if (cp < 0x80) {
		out[0] = cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
		return 1;
	}

	cp = uc_tolower(cp);
	n_parts = uc_decomposition(cp, &tag, parts);
	if (n_parts <= 0) {
		parts[0] = cp;
		n_parts = 1;
	}
	for (int i = 0; i < n_parts && n < 3; i++) {
		uint32_t letters[3], deeper[3];
		size_t n_letters;

		if (uc_is_general_category(parts[i], UC_MARK))
			continue;
		/* Decompositions nest (a letter with two marks), each time with one mark fewer. */
		if (parts[i] != cp && parts[i] >= 0x80) {
			n_letters = fold_code_point(parts[i], deeper);
			memcpy(letters, deeper, sizeof(deeper));
		} else {
			n_letters = fold_letter(uc_tolower(parts[i]), letters);
		}
		for (size_t k = 0; k < n_letters && n < 3; k++)
			out[n++] = letters[k];
	}
	return n;
}

/* Zero ends each list. Homoglyphs of other alphabets belong here: they look, and are, typed so. */
static const struct {
	uint32_t base;
	uint32_t for_[4];
} substitutes[] = {
	{ '!', { 'i', 'l' } },
	{ '#', { 'h' } },
	{ '$', { 's' } },
	{ '&', { 'g' } },
	{ '(', { 'c' } },
	{ '+', { 't', 'x' } },
	{ '0', { 'o', 0x043e } },
	{ '1', { 'i', 'l', 0x0456 } },
	{ '2', { 'z' } },
	{ '3', { 'e', 0x0437 } },
	{ '4', { 'a', 0x0447 } },
	{ '5', { 's' } },
	{ '6', { 'g', 'b', 0x0431 } },
	{ '7', { 't', 'l' } },
	{ '8', { 'b', 0x0432 } },
	{ '9', { 'g', 'q' } },
	{ '<', { 'c' } },
	{ '@', { 'a', 0x0430 } },
	{ '[', { 'c' } },
	{ '{', { 'c' } },
	{ '|', { 'l', 'i' } },
	{ 'a', { 0x0430 } },
	{ 'c', { 0x0441 } },
	{ 'e', { 0x0435 } },
	{ 'k', { 0x043a } },
	{ 'm', { 0x043c } },
	{ 'o', { 0x043e, 0x03bf } },
	{ 'p', { 0x0440 } },
	{ 't', { 0x0442 } },
	{ 'x', { 0x0445 } },
	{ 'y', { 0x0443 } },
	{ 0xa3, { 'l' } },
	{ 0xa7, { 's' } },
	{ 0x20ac, { 'e' } },
	{ 0x03b1, { 'a' } },
	{ 0x03bf, { 'o' } },
	{ 0x0430, { 'a' } },
	{ 0x0432, { 'b' } },
	{ 0x0435, { 'e' } },
	{ 0x043a, { 'k' } },
	{ 0x043c, { 'm' } },
	{ 0x043d, { 'h' } },
	{ 0x043e, { 'o' } },
	{ 0x0440, { 'p' } },
	{ 0x0441, { 'c' } },
	{ 0x0442, { 't' } },
	{ 0x0443, { 'y' } },
	{ 0x0445, { 'x' } },
	{ 0x0456, { 'i' } },
};

static const uint32_t *fold_substitutes(uint32_t base)
{
	static const uint32_t none[1];
	size_t low = 0, high = sizeof(substitutes) / sizeof(*substitutes);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (substitutes[middle].base == base)
			return substitutes[middle].for_;
		if (substitutes[middle].base < base)
			low = middle + 1;
		else
			high = middle;
	}
	return none;
}

void text_fold(Text *text, const uint32_t *cps, size_t n)
{
	text->n = 0;
	for (size_t i = 0; i < n && i < TEXT_WINDOW; i++) {
		uint32_t base[3];
		size_t k = fold_code_point(cps[i], base);

		if (k == 0) {
			/* A mark of its own still is something to be guessed. */
			base[0] = cps[i];
			k = 1;
		}
		for (size_t j = 0; j < k; j++) {
			text->symbols[text->n++] = (Symbol){
				.raw = cps[i],
				.base = base[j],
				.others = fold_substitutes(base[j]),
				.first = j == 0,
				.upper = j == 0 && uc_is_property_uppercase(cps[i]),
			};
		}
	}
}

static bool is_sign(uint32_t base)
{
	return !symbol_is_letter(base) && (base < '0' || base > '9');
}

/*
 * How far from i on every second symbol is one and the same sign, or the double of the one before;
 * the number of symbols, even.
 */
static size_t filler_length(const Text *text, size_t i)
{
	const Symbol *symbols = text->symbols;
	size_t signs = i, doubles = i;

	while (signs + 1 < text->n && symbols[signs + 1].base == symbols[i + 1].base &&
	       is_sign(symbols[signs + 1].base) && symbols[signs].base != symbols[i + 1].base)
		signs += 2;
	while (doubles + 1 < text->n && symbols[doubles + 1].base == symbols[doubles].base)
		doubles += 2;
	return (signs > doubles ? signs : doubles) - i;
}

bool text_unfold(Text *text)
{
	size_t n = 0, was = text->n;

	for (size_t i = 0; i < text->n;) {
		size_t length = filler_length(text, i);

		if (length < UNFOLD_MIN) {
			text->symbols[n++] = text->symbols[i++];
			continue;
		}
		for (size_t end = i + length; i < end; i += 2)
			text->symbols[n++] = text->symbols[i];
	}
	text->n = n;
	return n < was;
}

size_t fold_word(const char *utf8, size_t n, uint32_t *out, size_t max)
{
	size_t count = 0;

	if (u8_check((const uint8_t *)utf8, n))
		return 0;
	for (size_t i = 0; i < n;) {
		uint32_t base[3];
		ucs4_t cp;
		int len = u8_mbtouc(&cp, (const uint8_t *)utf8 + i, n - i);
		size_t k;

		if (len <= 0)
			return 0;
		i += (size_t)len;
		k = fold_code_point(cp, base);
		for (size_t j = 0; j < k && count < max; j++)
			out[count++] = base[j];
	}
	return count;
}

uint32_t fold_skeleton(uint32_t base)
{
	switch (base) {
	case '!':
	case '1':
	case '|':
	case 'l':
		return 'i';
	case '9':
	case '6':
		return 'g';
	default: {
		const uint32_t *as = fold_substitutes(base);

		/* Letters stay: a Latin "a" is not made Cyrillic. */
		return base < 0x80 && symbol_is_letter(base) ? base
		       : *as && *as < 0x80                   ? *as
							     : base;
	}
	}
}

bool symbol_is_letter(uint32_t base)
{
	if (base < 0x80)
		return base >= 'a' && base <= 'z';
	return uc_is_general_category(base, UC_LETTER);
}
