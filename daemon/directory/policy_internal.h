/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the password policy share. Costs are in sixteenths of a bit (log2 of guesses),
 * so that the estimate needs no floating point and is the same on every machine.
 */
#pragma once

#include "policy.h"

#define COST_BIT 16U
#define COST_BITS(b) ((uint32_t)((b)*COST_BIT))
#define COST_NONE UINT32_MAX

/*
 * What is looked at: longer passwords are judged by windows of this size, since a part cannot be
 * harder to guess than the whole. Folding may write up to three symbols for one code point.
 */
#define TEXT_WINDOW 80U
#define TEXT_MAX (TEXT_WINDOW * 3U)
#define WORD_SYMBOLS_MAX 24U
#define TOKENS_MAX 160U

typedef struct Symbol Symbol;
typedef struct Text Text;
typedef struct Token Token;
typedef struct Tokens Tokens;
typedef struct Words Words;
typedef struct Filter Filter;
typedef struct Lattice Lattice;

/* One folded symbol of the password. */
struct Symbol {
	uint32_t raw;  /* code point as typed */
	uint32_t base; /* lower case, without marks, one script's plain letter where there is one */
	const uint32_t *others; /* letters that base may stand for: up to three, 0-terminated */
	bool first;             /* false for the second and third symbol of one code point */
	bool upper;
};

struct Text {
	Symbol symbols[TEXT_MAX];
	size_t n;
};

typedef enum TokenKind {
	TOKEN_PERSON,
	TOKEN_SITE,
	TOKEN_OLD,
} TokenKind;

/* A word of the person's or the site's, folded to its skeleton (see fold_skeleton()). */
struct Token {
	uint32_t symbols[WORD_SYMBOLS_MAX];
	uint8_t n;
	uint8_t kind;
};

struct Tokens {
	Token tokens[TOKENS_MAX];
	size_t n;
};

/* policy_fold.c */

/* Reason bits, 0 when the bytes are acceptable text; *ret_n code points. cps has room for max. */
uint32_t text_validate(const uint8_t *bytes, size_t n, uint32_t *cps, size_t max, size_t *ret_n);
/* Appends the folded form of one code point: number of symbols written (≤ 3), 0 for pure marks. */
size_t fold_code_point(uint32_t cp, uint32_t out[static 3]);
void text_fold(Text *text, const uint32_t *cps, size_t n);
/* Takes out what stands between all letters (p.a.s.s) or their doubles (ppaass); whether there were
 * such. */
bool text_unfold(Text *text);
/* One representative of all that people write for one another: equal skeletons are alike. */
uint32_t fold_skeleton(uint32_t base);
bool symbol_is_letter(uint32_t base);
/* UTF-8 to folded symbols, at most max; 0 when it is not UTF-8 or empty. */
size_t fold_word(const char *utf8, size_t n, uint32_t *out, size_t max);
/* Latin spelling of a Cyrillic or Greek letter in one of TRANSLIT_SCHEMES ways; NULL if none. */
#define TRANSLIT_SCHEMES 3U
const char *fold_translit(uint32_t base, unsigned scheme);

/* policy_layout.c */

typedef enum View {
	VIEW_DIRECT,        /* as typed, digits and symbols also as the letters they resemble */
	VIEW_CYRILLIC_KEYS, /* Latin keys struck where a Russian or Ukrainian layout was meant */
	VIEW_GREEK_KEYS,
	VIEW_HEBREW_KEYS,
	VIEW_ARABIC_KEYS,
	VIEW_HANGUL_KEYS,
	VIEW_LATIN_KEYS, /* the reverse: any other layout's letters read as Latin keys */
	_VIEW_MAX,
} View;

#define VIEW_CHOICES 4U

/* Fills the tables; before anything else here. */
void layout_prepare(void);
/* What the key of raw gives in the view, folded; 0-terminated; false where nothing. */
bool layout_view(View view, const Symbol *symbol, uint32_t out[static VIEW_CHOICES]);

#define LAYOUT_COUNT 9U
#define LAYOUT_KEYPAD 8U
/* Row in the high, column in the low nibble, 0xff where the layout has no such key. */
uint8_t layout_key(unsigned layout, uint32_t raw, bool *ret_shifted);
#define LAYOUT_SAME_KEY 5U
/* Are two keys the same or neighbours? The direction, 1 … 9, LAYOUT_SAME_KEY among them, else 0. */
unsigned layout_direction(unsigned layout, uint8_t from, uint8_t to);

/* policy_words.c */

int words_open(Words **ret, const char *path);
Words *words_free(Words *words);
/* A node is an index; 0 is the root. Next node by one byte, UINT32_MAX when there is none. */
uint32_t words_step(const Words *words, uint32_t node, uint8_t byte);
/* Cost when a word ends here, else COST_NONE. */
uint32_t words_cost(const Words *words, uint32_t node);
uint32_t words_root(const Words *words);
/* Where the commonest beginnings and endings of words hang, as words do below the root. */
uint32_t words_prefixes(const Words *words);
uint32_t words_endings(const Words *words);
/*
 * How surprising a letter is after three others, in the script of the letter; COST_NONE for a
 * symbol that no model knows. Contexts are alphabet indices, 0 for the word's start.
 */
typedef enum Script {
	SCRIPT_LATIN,
	SCRIPT_CYRILLIC,
	_SCRIPT_MAX,
} Script;
#define SCRIPT_LATIN_SYMBOLS 27U
#define SCRIPT_CYRILLIC_SYMBOLS 34U
unsigned script_index(Script script, uint32_t base); /* 0 when it is not of the script */
uint32_t words_letter_cost(const Words *words, Script script, const unsigned index[static 4]);

/* policy_tokens.c */

void tokens_add(Tokens *tokens, const char *word, size_t n, TokenKind kind);

/* policy_lattice.c: the cheapest way to write the text as known pieces */

typedef enum Piece {
	PIECE_BRUTE,
	PIECE_WORD,
	PIECE_SPELLING, /* no known word, but letters that follow one another as in words */
	PIECE_PERSON,
	PIECE_SITE,
	PIECE_OLD,
	PIECE_WALK,
	PIECE_REPEAT,
	PIECE_SEQUENCE,
	PIECE_DATE,
	_PIECE_MAX,
} Piece;

/*
 * Two guessers at once. One writes as many words as it takes, each at the price of a common one or
 * more. The other is content with FEW_WORDS of them, so that it can afford the rarest word of any
 * language, and forms that no list has. What a text costs is what the better of them needs.
 */
#define FEW_WORDS 2U
#define STATE_ANY 0U
#define STATE_FEW 1U /* and on: as many words were written so far */
#define STATES (STATE_FEW + FEW_WORDS + 1U)

struct Lattice {
	const Text *text;
	const Words *words;
	const Tokens *tokens;
	const uint32_t *old; /* skeletons of the old password */
	size_t n_old;
	bool ukrainian; /* a key was struck that there gives another letter than in Russian */
	uint32_t limit; /* what costs less is refused */
	/* Steps left in the dictionary, and among endings: they bound the time. */
	uint32_t budget, budget_forms;
	uint32_t skeleton[TEXT_MAX];
	uint16_t uppers[TEXT_MAX + 1];  /* number of capitals before a position */
	uint16_t letters[TEXT_MAX + 1]; /* number of letters before it */
	bool in_number[TEXT_MAX];       /* of a row of NUMBER_MIN digits or more */
	/* Longest stretches from a position on that stand, by their skeletons, … */
	uint16_t repeated[TEXT_MAX]; /* … right before it, or overlapping it (121212) */
	uint16_t stood[TEXT_MAX];    /* … anywhere before */
	uint16_t in_old[TEXT_MAX];   /* … in the old password */
	uint16_t in_old_reversed[TEXT_MAX];
	uint8_t keys[LAYOUT_COUNT][TEXT_MAX]; /* as layout_key(), shifted ones with the high bit */
	uint16_t keys_alike[LAYOUT_COUNT][TEXT_MAX]; /* for so long they are the first layout's */
	uint32_t cost[STATES][TEXT_MAX + 1];
	uint16_t from[STATES][TEXT_MAX + 1];
	uint8_t piece[STATES][TEXT_MAX + 1];
};

/* What choosing among n costs: log2, rounded down to whole bits. */
uint32_t cost_of_length(size_t n);
/* Of whatever is no word. */
void lattice_relax(Lattice *lattice, size_t from, size_t to, uint32_t cost, Piece piece);
/* A word or what reads like one; few: its cost for who writes few of them. COST_NONE for never. */
void lattice_relax_word(Lattice *lattice, size_t from, size_t to, uint32_t any, uint32_t few,
			Piece piece);
/* What the capitals in [from, to) add. */
uint32_t lattice_case_cost(const Lattice *lattice, size_t from, size_t to);
/* The whole text's cost; *ret_pieces says which pieces (1 << Piece) the cheapest way has. */
uint32_t lattice_cost(Lattice *lattice, uint32_t *ret_pieces);

/* policy_match_*.c: what can start at i */

void match_words(Lattice *lattice, size_t i);
void match_words_reversed(Lattice *lattice, size_t end);
void spelling_prepare(Lattice *lattice);
void match_spelling(Lattice *lattice, size_t i);
void match_tokens(Lattice *lattice, size_t i);
/* Fill repeated, stood, in_old, in_old_reversed: quadratic once, lest matching be cubic. */
void copies_find(Lattice *lattice);
void copies_find_old(Lattice *lattice);
void match_old(Lattice *lattice, size_t i);
void match_repeat(Lattice *lattice, size_t i);
void match_sequence(Lattice *lattice, size_t i);
void match_date(Lattice *lattice, size_t i);
void match_phone(Lattice *lattice, size_t i);
void match_brute(Lattice *lattice, size_t i);
void walks_prepare(Lattice *lattice);
void match_walk(Lattice *lattice, size_t i);

/* policy_filter.c */

int filter_open(Filter **ret, const char *path);
Filter *filter_free(Filter *filter);
bool filter_contains(const Filter *filter, const uint8_t *password, size_t n);

/* policy_zxcvbn.c: a cost, or COST_NONE when the library could not see all of the text */
uint32_t zxcvbn_cost(const Text *text, const char *const *words, size_t n_words);
