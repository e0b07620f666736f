/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libFuzzer calls and replay.c calls as well. */
#pragma once

#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input, exactly as long as it is, so that a sanitizer sees each byte beyond; never NULL. */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);

	assert(copy);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* The same with a NUL behind it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}
