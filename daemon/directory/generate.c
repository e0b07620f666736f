/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random passwords. */
#include "generate.h"

#define GROUPS 4U
#define GROUP_SYMBOLS 4U

void password_generate(Secret *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < GROUPS * GROUP_SYMBOLS; i++) {
		char c = CODE_ALPHABET[randombytes_uniform(sizeof(CODE_ALPHABET) - 1)];

		if (i > 0 && i % GROUP_SYMBOLS == 0)
			ret->bytes[n++] = '-';
		ret->bytes[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	ret->bytes[n] = '\0';
	ret->len = n;
}
