/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The blocklist filter, what its reader and its builder agree upon.
 *
 * A key is the first eight bytes of a digest, as a big-endian number. The keys stand sorted; their
 * first `bucket_bits` bits choose a bucket, the next 24 are stored, the rest is forgotten. With at
 * most 32 keys in a bucket on the average, a password that is not in the list is taken for one that
 * is with a chance below 2^-19. Payload: 2^bucket_bits + 1 counts of the keys before each bucket,
 * 32 bits each, then three bytes a key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy_hash.h"

typedef enum FilterKey {
	FILTER_KEY_SHA1, /* of the password's bytes */
	FILTER_KEY_NTLM, /* MD4 of the password in UTF-16, little-endian */
	_FILTER_KEY_MAX,
} FilterKey;

enum {
	FILTER_PARAMETER_KEY,
	FILTER_PARAMETER_BUCKET_BITS,
	FILTER_PARAMETER_N_KEYS,
};

#define FILTER_BUCKET_BITS_MAX 28U
#define FILTER_REMAINDER_BITS 24U
#define FILTER_REMAINDER_SIZE 3U

static inline uint64_t filter_bucket(uint64_t key, unsigned bucket_bits)
{
	return bucket_bits ? key >> (64 - bucket_bits) : 0;
}

static inline uint32_t filter_remainder(uint64_t key, unsigned bucket_bits)
{
	return (uint32_t)(key << bucket_bits >> (64 - FILTER_REMAINDER_BITS));
}

/* The key of a digest's first eight bytes. */
uint64_t filter_key_read(const uint8_t digest[static 8]);
/* False when the password has no key of this kind: not UTF-8, or too long. */
bool filter_key(FilterKey kind, const uint8_t *password, size_t n, uint64_t *ret);
