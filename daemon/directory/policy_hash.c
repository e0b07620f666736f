/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-1 (FIPS 180-4) and MD4 (RFC 1320), over short messages that lie in memory as a whole. */
#include "policy_hash.h"

#include <endian.h>
#include <string.h>

#define BLOCK 64U

typedef void (*BlockFunction)(uint32_t *state, const uint8_t block[static BLOCK]);

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void sha1_block(uint32_t *state, const uint8_t block[static BLOCK])
{
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	memcpy(w, block, BLOCK);
	for (size_t i = 0; i < 16; i++)
		w[i] = be32toh(w[i]);
	for (size_t i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (size_t i = 0; i < 80; i++) {
		uint32_t f, next;

		if (i < 20)
			f = ((b & c) | (~b & d)) + 0x5a827999;
		else if (i < 40)
			f = (b ^ c ^ d) + 0x6ed9eba1;
		else if (i < 60)
			f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
		else
			f = (b ^ c ^ d) + 0xca62c1d6;
		next = rotate(a, 5) + f + e + w[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	explicit_bzero(w, sizeof(w));
}

static void md4_block(uint32_t *state, const uint8_t block[static BLOCK])
{
	static const uint8_t order[3][16] = {
		{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
		{ 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 },
		{ 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 },
	};
	static const uint8_t shift[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3];

	memcpy(w, block, BLOCK);
	for (size_t i = 0; i < 48; i++) {
		unsigned round = (unsigned)(i / 16);
		uint32_t f, next;

		if (round == 0)
			f = (b & c) | (~b & d);
		else if (round == 1)
			f = ((b & c) | (b & d) | (c & d)) + 0x5a827999;
		else
			f = (b ^ c ^ d) + 0x6ed9eba1;
		next = rotate(a + f + le32toh(w[order[round][i % 16]]), shift[round][i % 4]);
		a = d;
		d = c;
		c = b;
		b = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	explicit_bzero(w, sizeof(w));
}

/* The padding that both share; only the order of the length's bytes differs. */
static void digest(BlockFunction block, uint32_t *state, const uint8_t *bytes, size_t n,
		   uint64_t length)
{
	uint8_t last[2 * BLOCK] = {};
	size_t whole = n / BLOCK * BLOCK, rest = n - whole;
	size_t n_last = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;

	for (size_t i = 0; i < whole; i += BLOCK)
		block(state, bytes + i);
	if (rest)
		memcpy(last, bytes + whole, rest);
	last[rest] = 0x80;
	memcpy(last + n_last - sizeof(length), &length, sizeof(length));
	for (size_t i = 0; i < n_last; i += BLOCK)
		block(state, last + i);
	explicit_bzero(last, sizeof(last));
}

void sha1_digest(const uint8_t *bytes, size_t n, uint8_t out[static SHA1_SIZE])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };

	digest(sha1_block, state, bytes, n, htobe64((uint64_t)n * 8));
	for (size_t i = 0; i < 5; i++)
		state[i] = htobe32(state[i]);
	memcpy(out, state, SHA1_SIZE);
}

void md4_digest(const uint8_t *bytes, size_t n, uint8_t out[static MD4_SIZE])
{
	uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };

	digest(md4_block, state, bytes, n, htole64((uint64_t)n * 8));
	for (size_t i = 0; i < 4; i++)
		state[i] = htole32(state[i]);
	memcpy(out, state, MD4_SIZE);
}
