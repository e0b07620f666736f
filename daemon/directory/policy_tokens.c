/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words of a person and a site, taken apart: "Anna-Lena Müller" and "a.mueller@mail.example.com"
 * give anna, lena, müller, mueller, mail, example and each whole, and what is written in another
 * alphabet also in Latin letters and as it comes out of a Latin keyboard.
 */
#include "policy_internal.h"

#include <string.h>
#include <unistr.h>

#define TOKEN_MIN 3U

static void token_append(Tokens *tokens, const uint32_t *symbols, size_t n, TokenKind kind)
{
	Token *token = &tokens->tokens[tokens->n];

	if (n < TOKEN_MIN || tokens->n == TOKENS_MAX)
		return;
	token->n = (uint8_t)n;
	token->kind = (uint8_t)kind;
	for (size_t i = 0; i < n; i++)
		token->symbols[i] = fold_skeleton(symbols[i]);
	for (size_t i = 0; i < tokens->n; i++)
		if (tokens->tokens[i].n == n &&
		    memcmp(tokens->tokens[i].symbols, token->symbols, n * sizeof(*symbols)) == 0)
			return;
	tokens->n++;
}

static void token_append_latin(Tokens *tokens, const uint32_t *symbols, size_t n, TokenKind kind)
{
	uint32_t out[WORD_SYMBOLS_MAX];

	for (unsigned scheme = 0; scheme < TRANSLIT_SCHEMES; scheme++) {
		bool known = true;
		size_t n_out = 0;

		for (size_t i = 0; i < n && known; i++) {
			const char *latin = fold_translit(symbols[i], scheme);

			known = latin != NULL;
			for (; known && *latin && n_out < WORD_SYMBOLS_MAX; latin++)
				out[n_out++] = (uint8_t)*latin;
		}
		if (known)
			token_append(tokens, out, n_out, kind);
	}
}

/* As it comes out of a Latin keyboard: by the letters as they are, й and и being two keys. */
static void token_append_keys(Tokens *tokens, const char *word, size_t n, TokenKind kind)
{
	uint32_t out[WORD_SYMBOLS_MAX], key[VIEW_CHOICES];
	size_t n_out = 0;

	for (size_t i = 0; i < n;) {
		Symbol symbol = {};
		ucs4_t cp;
		int len = u8_mbtouc(&cp, (const uint8_t *)word + i, n - i);

		i += (size_t)len;
		symbol.raw = symbol.base = cp;
		if (cp >= 0x80 && n_out < WORD_SYMBOLS_MAX &&
		    layout_view(VIEW_LATIN_KEYS, &symbol, key)) {
			out[n_out++] = key[0];
			continue;
		}
		token_append(tokens, out, n_out, kind);
		n_out = 0;
	}
	token_append(tokens, out, n_out, kind);
}

static bool is_part(uint32_t symbol)
{
	return symbol_is_letter(symbol) || (symbol >= '0' && symbol <= '9');
}

/* The parts between separators, letters apart from digits, and all of them without separators. */
void tokens_add(Tokens *tokens, const char *word, size_t n, TokenKind kind)
{
	uint32_t symbols[POLICY_WORD_MAX], whole[WORD_SYMBOLS_MAX];
	size_t n_symbols = fold_word(word, n, symbols, POLICY_WORD_MAX);
	size_t begin = 0, n_whole = 0;

	for (size_t i = 0; i <= n_symbols; i++) {
		bool letter = i < n_symbols && symbol_is_letter(symbols[i]);
		size_t length = i - begin;

		if (i < n_symbols && symbols[i] == '@') {
			/* The mail address's host has words of its own. */
			token_append(tokens, whole, n_whole, kind);
			n_whole = 0;
		} else if (i < n_symbols && is_part(symbols[i]) && n_whole < WORD_SYMBOLS_MAX) {
			whole[n_whole++] = symbols[i];
		}
		if (letter)
			continue;
		if (length > WORD_SYMBOLS_MAX)
			length = WORD_SYMBOLS_MAX;
		token_append(tokens, symbols + begin, length, kind);
		if (length && symbols[begin] >= 0x80)
			token_append_latin(tokens, symbols + begin, length, kind);
		begin = i + 1;
	}
	token_append(tokens, whole, n_whole, kind);
	/* fold_word() has found it to be UTF-8. */
	if (n_symbols)
		token_append_keys(tokens, word, n, kind);
}
