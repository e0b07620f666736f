/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SipHash-2-4, held against the reference vectors in the tests. */

#include "siphash.h"

typedef struct State {
	uint64_t v0, v1, v2, v3;
} State;

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

static void rounds(State *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void absorb(State *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[static SIPHASH_KEY_SIZE], const void *bytes, size_t len)
{
	const uint64_t k0 = load(key, 8), k1 = load(key + 8, 8);
	const uint8_t *p = bytes;
	/* "somepseudorandomlygeneratedbytes", as the specification has it. */
	State s = {
		.v0 = k0 ^ 0x736f6d6570736575,
		.v1 = k1 ^ 0x646f72616e646f6d,
		.v2 = k0 ^ 0x6c7967656e657261,
		.v3 = k1 ^ 0x7465646279746573,
	};
	size_t whole = len - len % 8;

	for (size_t i = 0; i < whole; i += 8)
		absorb(&s, load(p + i, 8));
	absorb(&s, load(p + whole, len % 8) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
