/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks passwords up in a mapped blocklist filter. */
#include "policy_filter.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "policy_file.h"
#include "policy_internal.h"

struct Filter {
	PolicyFile file;
	FilterKey key;
	unsigned bucket_bits;
	uint32_t n_keys;
	const uint32_t *counts;
	const uint8_t *remainders;
};

uint64_t filter_key_read(const uint8_t digest[static 8])
{
	uint64_t key;

	memcpy(&key, digest, sizeof(key));
	return be64toh(key);
}

static bool filter_key_ntlm(const uint8_t *password, size_t n, uint8_t digest[static MD4_SIZE])
{
	uint8_t utf16[POLICY_PASSWORD_MAX * 2];
	size_t n_utf16 = 0;

	for (size_t i = 0; i < n;) {
		uint16_t units[2];
		ucs4_t cp;
		int len = u8_mbtoucr(&cp, password + i, n - i), n_units;

		if (len <= 0)
			return false;
		i += (size_t)len;
		n_units = u16_uctomb(units, cp, 2);
		for (int k = 0; k < n_units; k++) {
			utf16[n_utf16++] = (uint8_t)units[k];
			utf16[n_utf16++] = (uint8_t)(units[k] >> 8);
		}
	}
	md4_digest(utf16, n_utf16, digest);
	explicit_bzero(utf16, sizeof(utf16));
	return true;
}

bool filter_key(FilterKey kind, const uint8_t *password, size_t n, uint64_t *ret)
{
	uint8_t digest[SHA1_SIZE];

	if (n > POLICY_PASSWORD_MAX)
		return false;
	if (kind == FILTER_KEY_SHA1)
		sha1_digest(password, n, digest);
	else if (!filter_key_ntlm(password, n, digest))
		return false;
	*ret = filter_key_read(digest);
	explicit_bzero(digest, sizeof(digest));
	return true;
}

static int filter_check(Filter *filter)
{
	const uint32_t *parameters = filter->file.header->parameters;
	uint64_t n_counts;

	filter->key = (FilterKey)parameters[FILTER_PARAMETER_KEY];
	filter->bucket_bits = parameters[FILTER_PARAMETER_BUCKET_BITS];
	filter->n_keys = parameters[FILTER_PARAMETER_N_KEYS];
	if (filter->key >= _FILTER_KEY_MAX)
		return POLICY_E_FORMAT;
	if (filter->bucket_bits > FILTER_BUCKET_BITS_MAX)
		return POLICY_E_CORRUPT;
	n_counts = (UINT64_C(1) << filter->bucket_bits) + 1;
	if (filter->file.n_payload !=
	    n_counts * sizeof(uint32_t) + (uint64_t)filter->n_keys * FILTER_REMAINDER_SIZE)
		return POLICY_E_CORRUPT;
	filter->counts = (const uint32_t *)(const void *)filter->file.payload;
	filter->remainders = filter->file.payload + n_counts * sizeof(uint32_t);
	return 0;
}

int filter_open(Filter **ret, const char *path)
{
	Filter *filter = calloc(1, sizeof(*filter));
	int r;

	if (!filter)
		return -ENOMEM;
	r = policy_file_open(&filter->file, path, POLICY_FILE_FILTER);
	if (r == 0)
		r = filter_check(filter);
	if (r) {
		filter_free(filter);
		return r;
	}
	*ret = filter;
	return 0;
}

Filter *filter_free(Filter *filter)
{
	if (filter)
		policy_file_close(&filter->file);
	free(filter);
	return NULL;
}

bool filter_contains(const Filter *filter, const uint8_t *password, size_t n)
{
	uint64_t key, bucket;
	uint32_t begin, end, remainder;

	if (!filter_key(filter->key, password, n, &key))
		return false;
	bucket = filter_bucket(key, filter->bucket_bits);
	remainder = filter_remainder(key, filter->bucket_bits);
	begin = filter->counts[bucket];
	end = filter->counts[bucket + 1];
	/* A large site's file is not summed at each start: trust no count in it. */
	if (end > filter->n_keys)
		end = filter->n_keys;
	for (uint32_t i = begin; i < end; i++) {
		const uint8_t *at = filter->remainders + (size_t)i * FILTER_REMAINDER_SIZE;

		if (((uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]) == remainder)
			return true;
	}
	return false;
}
