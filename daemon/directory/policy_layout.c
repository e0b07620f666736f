/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keyboards: which key gives which character. For walks over the keys, and for words struck on
 * another layout than the one they were meant for.
 */
#include "policy_internal.h"

#include <string.h>
#include <unicase.h>
#include <unistr.h>

#define ROWS 4U
#define COLUMNS 13U

/* Rows from the digits down to the lowest letters; "\0"-free, one code point a key. */
typedef struct Layout {
	const char *plain[ROWS];
	const char *shifted[ROWS];
} Layout;

static const Layout layouts[LAYOUT_COUNT] = {
	{
		/* QWERTY, US */
		{ "`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./" },
		{ "~!@#$%^&*()_+", "QWERTYUIOP{}|", "ASDFGHJKL:\"", "ZXCVBNM<>?" },
	},
	{
		/* QWERTZ, German */
		{ "^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-" },
		{ "°!\"§$%&/()=?`", "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", "YXCVBNM;:_" },
	},
	{
		/* AZERTY, French */
		{ "²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!" },
		{ "²1234567890°+", "AZERTYUIOP¨£", "QSDFGHJKLM%µ", "WXCVBN?./§" },
	},
	{
		/* Dvorak */
		{ "`1234567890[]", "',.pyfgcrl/=\\", "aoeuidhtns-", ";qjkxbmwvz" },
		{ "~!@#$%^&*(){}", "\"<>PYFGCRL?+|", "AOEUIDHTNS_", ":QJKXBMWVZ" },
	},
	{
		/* Russian */
		{ "ё1234567890-=", "йцукенгшщзхъ\\", "фывапролджэ", "ячсмитьбю." },
		{ "Ё!\"№;%:?*()_+", "ЙЦУКЕНГШЩЗХЪ/", "ФЫВАПРОЛДЖЭ", "ЯЧСМИТЬБЮ," },
	},
	{
		/* Ukrainian: where it differs from the Russian */
		{ "'1234567890-=", "йцукенгшщзхїґ", "фівапролджє", "ячсмитьбю." },
		{ "ʼ!\"№;%:?*()_+", "ЙЦУКЕНГШЩЗХЇҐ", "ФІВАПРОЛДЖЄ", "ЯЧСМИТЬБЮ," },
	},
	{
		/* Greek */
		{ "`1234567890-=", ";ςερτυθιοπ[]\\", "ασδφγηξκλ΄'", "ζχψωβνμ,./" },
		{ "~!@#$%^&*()_+", ":ΣΕΡΤΥΘΙΟΠ{}|", "ΑΣΔΦΓΗΞΚΛ¨\"", "ΖΧΨΩΒΝΜ<>?" },
	},
	{
		/* Spanish; its neighbours differ from the US ones in the punctuation only */
		{ "º1234567890'¡", "qwertyuiop`+ç", "asdfghjklñ´", "zxcvbnm,.-" },
		{ "ª!\"·$%&/()=?¿", "QWERTYUIOP^*Ç", "ASDFGHJKLÑ¨", "ZXCVBNM;:_" },
	},
	{
		/* Keypad, as a grid; it has no shift */
		{ "/*-", "789+", "456", "1230" },
		{ "", "", "", "" },
	},
};

/* The same places as in the US layout, row by row: what stands there in other alphabets. */
static const char *const us_keys[ROWS] = { "`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'",
					   "zxcvbnm,./" };
static const char *const us_keys_shifted[ROWS] = { "~!@#$%^&*()_+", "QWERTYUIOP{}|", "ASDFGHJKL:\"",
						   "ZXCVBNM<>?" };

/* Several alphabets may share a view: each key then has several meanings. '.' is none. */
typedef struct Alphabet {
	View view;
	const char *plain[ROWS];
} Alphabet;

static const Alphabet alphabets[] = {
	{ VIEW_CYRILLIC_KEYS, { "ё............", "йцукенгшщзхъ.", "фывапролджэ", "ячсмитьбю." } },
	{ VIEW_CYRILLIC_KEYS, { ".............", "...........иг", ".і........є", ".........." } },
	{ VIEW_GREEK_KEYS, { ".............", ".σερτυθιοπ...", "ασδφγηξκλ..", "ζχψωβνμ..." } },
	{ VIEW_HEBREW_KEYS, { ";............", "/'קראטוןםפ...", "שדגכעיחלךף,", "זסבהנמצתץ." } },
	{ VIEW_ARABIC_KEYS, { "ذ............", "ضصثقفغعهخحجد.", "شسيبلاتنمكط", "..ءر.ىةوز." } },
	/* Two-set Hangul, as escapes lest an editor compose the jamo: leads, vowels, tails. */
	{ VIEW_HANGUL_KEYS,
	  { ".", "\u1107\u110c\u1103\u1100\u1109", "\u1106\u1102\u110b\u1105\u1112",
	    "\u110f\u1110\u110e\u1111" } },
	{ VIEW_HANGUL_KEYS,
	  { ".", ".....\u116d\u1167\u1163\u1162\u1166", ".....\u1169\u1165\u1161\u1175",
	    "....\u1172\u116e\u1173" } },
	{ VIEW_HANGUL_KEYS,
	  { ".", "\u11b8\u11bd\u11ae\u11a8\u11ba", "\u11b7\u11ab\u11bc\u11af\u11c2",
	    "\u11bf\u11c0\u11be\u11c1" } },
};

/* Characters below this may stand on a key of `layouts`; the few above (№, €) are left out. */
#define KEYED_MAX 0x530U
#define KEY_NONE 0xffU
#define KEY_SHIFTED 0x80U

/* Filled by layout_prepare(), read only afterwards. */
static struct {
	uint8_t keys[LAYOUT_COUNT][KEYED_MAX];
	uint32_t views[_VIEW_MAX][128][VIEW_CHOICES];
	uint8_t latin[KEYED_MAX + 0x130]; /* of the Cyrillic, Greek, Hebrew and Arabic letters */
	bool ready;
} tables;

static size_t row_decode(const char *row, uint32_t out[static COLUMNS])
{
	const uint8_t *p = (const uint8_t *)row;
	size_t n = 0;

	while (n < COLUMNS && *p) {
		ucs4_t cp;

		p += u8_strmbtouc(&cp, p);
		out[n++] = cp;
	}
	return n;
}

static void prepare_row(size_t layout, size_t row, const char *text, uint8_t flag)
{
	uint32_t cps[COLUMNS];
	size_t n = row_decode(text, cps);

	for (size_t i = 0; i < n; i++) {
		uint8_t *key = cps[i] < KEYED_MAX ? &tables.keys[layout][cps[i]] : NULL;

		/* The digit row begins one key further to the left. */
		if (key && *key == KEY_NONE)
			*key = (uint8_t)(flag | row << 4 | i);
	}
}

static void view_add(View view, uint8_t key, uint32_t meaning)
{
	uint32_t *choices = tables.views[view][key & 127];

	for (size_t i = 0; i < VIEW_CHOICES - 1; i++) {
		if (choices[i] == meaning)
			return;
		if (choices[i])
			continue;
		choices[i] = meaning;
		return;
	}
}

static void prepare_alphabet(const Alphabet *alphabet, size_t row)
{
	uint32_t cps[COLUMNS];
	size_t n = row_decode(alphabet->plain[row], cps);

	for (size_t i = 0; i < n; i++) {
		uint32_t folded[3];

		if (cps[i] < 0x80)
			continue;
		fold_code_point(cps[i], folded);
		view_add(alphabet->view, (uint8_t)us_keys[row][i], folded[0]);
		view_add(alphabet->view, (uint8_t)us_keys_shifted[row][i], folded[0]);
		if (cps[i] < sizeof(tables.latin) && !tables.latin[cps[i]])
			tables.latin[cps[i]] = (uint8_t)us_keys[row][i];
	}
}

void layout_prepare(void)
{
	if (tables.ready)
		return;
	memset(tables.keys, KEY_NONE, sizeof(tables.keys));
	for (size_t i = 0; i < LAYOUT_COUNT; i++)
		for (size_t row = 0; row < ROWS; row++) {
			prepare_row(i, row, layouts[i].plain[row], 0);
			prepare_row(i, row, layouts[i].shifted[row], KEY_SHIFTED);
		}
	for (size_t i = 0; i < sizeof(alphabets) / sizeof(*alphabets); i++)
		for (size_t row = 0; row < ROWS; row++)
			prepare_alphabet(&alphabets[i], row);
	tables.ready = true;
}

bool layout_view(View view, const Symbol *symbol, uint32_t out[static VIEW_CHOICES])
{
	memset(out, 0, VIEW_CHOICES * sizeof(*out));
	if (view == VIEW_LATIN_KEYS) {
		uint32_t lower = uc_tolower(symbol->raw);

		if (lower < 0x80)
			out[0] = lower >= 'a' && lower <= 'z' ? 0 : lower;
		else if (lower < sizeof(tables.latin))
			out[0] = tables.latin[lower];
		return out[0] != 0;
	}
	if (symbol->raw >= 0x80)
		return false;
	memcpy(out, tables.views[view][symbol->raw], VIEW_CHOICES * sizeof(*out));
	return out[0] != 0;
}

uint8_t layout_key(unsigned layout, uint32_t raw, bool *ret_shifted)
{
	uint8_t key = raw < KEYED_MAX ? tables.keys[layout][raw] : KEY_NONE;

	*ret_shifted = key != KEY_NONE && (key & KEY_SHIFTED);
	return key == KEY_NONE ? KEY_NONE : key & (uint8_t)~KEY_SHIFTED;
}

/*
 * Each row stands half a key to the right of the one above, so a key touches two above (the same
 * column and the next) and two below. The digit row's first key lies outside: its columns are one
 * off.
 */
unsigned layout_direction(unsigned layout, uint8_t from, uint8_t to)
{
	bool grid = layout == LAYOUT_KEYPAD;
	int row = (to >> 4) - (from >> 4);
	int column = (to & 15) - (from & 15);

	if (!grid)
		column += (from >> 4 == 0) - (to >> 4 == 0);
	if (row < -1 || row > 1 || column < -1 || column > 1)
		return 0;
	if (!grid && row && column == row)
		return 0;
	return (unsigned)(1 + (row + 1) * 3 + column + 1);
}
