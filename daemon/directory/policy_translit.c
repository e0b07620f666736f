/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How people write their own alphabet in Latin letters. Letters are folded: й is и, ё is е. */
#include "policy_internal.h"

static const struct {
	uint32_t base;
	const char *latin[TRANSLIT_SCHEMES];
} spellings[] = {
	{ 0x0430, { "a", "a", "a" } },       { 0x0431, { "b", "b", "b" } },
	{ 0x0432, { "v", "v", "w" } },       { 0x0433, { "g", "g", "g" } },
	{ 0x0434, { "d", "d", "d" } },       { 0x0435, { "e", "e", "e" } },
	{ 0x0436, { "zh", "j", "z" } },      { 0x0437, { "z", "z", "z" } },
	{ 0x0438, { "i", "i", "y" } },       { 0x043a, { "k", "k", "k" } },
	{ 0x043b, { "l", "l", "l" } },       { 0x043c, { "m", "m", "m" } },
	{ 0x043d, { "n", "n", "n" } },       { 0x043e, { "o", "o", "o" } },
	{ 0x043f, { "p", "p", "p" } },       { 0x0440, { "r", "r", "r" } },
	{ 0x0441, { "s", "s", "s" } },       { 0x0442, { "t", "t", "t" } },
	{ 0x0443, { "u", "u", "u" } },       { 0x0444, { "f", "f", "f" } },
	{ 0x0445, { "kh", "h", "x" } },      { 0x0446, { "ts", "c", "c" } },
	{ 0x0447, { "ch", "ch", "4" } },     { 0x0448, { "sh", "sh", "sh" } },
	{ 0x0449, { "shch", "sch", "sh" } }, { 0x044b, { "y", "y", "i" } },
	{ 0x044c, { "", "", "" } },          { 0x044d, { "e", "e", "e" } },
	{ 0x044e, { "yu", "ju", "u" } },     { 0x044f, { "ya", "ja", "ia" } },
	{ 0x0454, { "ye", "je", "e" } },     { 0x0456, { "i", "i", "i" } },
	{ 0x03b1, { "a", "a", "a" } },       { 0x03b2, { "v", "b", "v" } },
	{ 0x03b3, { "g", "g", "g" } },       { 0x03b4, { "d", "d", "d" } },
	{ 0x03b5, { "e", "e", "e" } },       { 0x03b6, { "z", "z", "z" } },
	{ 0x03b7, { "i", "h", "i" } },       { 0x03b8, { "th", "8", "th" } },
	{ 0x03b9, { "i", "i", "i" } },       { 0x03ba, { "k", "k", "k" } },
	{ 0x03bb, { "l", "l", "l" } },       { 0x03bc, { "m", "m", "m" } },
	{ 0x03bd, { "n", "n", "n" } },       { 0x03be, { "x", "ks", "x" } },
	{ 0x03bf, { "o", "o", "o" } },       { 0x03c0, { "p", "p", "p" } },
	{ 0x03c1, { "r", "r", "r" } },       { 0x03c3, { "s", "s", "s" } },
	{ 0x03c4, { "t", "t", "t" } },       { 0x03c5, { "y", "u", "i" } },
	{ 0x03c6, { "f", "f", "ph" } },      { 0x03c7, { "h", "x", "ch" } },
	{ 0x03c8, { "ps", "ps", "ps" } },    { 0x03c9, { "o", "w", "o" } },
};

const char *fold_translit(uint32_t base, unsigned scheme)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++)
		if (spellings[i].base == base && scheme < TRANSLIT_SCHEMES)
			return spellings[i].latin[scheme];
	return NULL;
}
