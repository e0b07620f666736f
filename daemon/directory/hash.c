/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argon2id in slapd's form, yescrypt by crypt(3), or nothing where the server hashes. */
#include "hash.h"

#include <crypt.h>
#include <string.h>

static int hash_argon2id(const Config *config, const Secret *password, Secret *ret)
{
	char text[crypto_pwhash_STRBYTES];
	char value[crypto_pwhash_STRBYTES + sizeof("{ARGON2}")];
	int r;

	if (crypto_pwhash_str_alg(text, password->bytes, password->len,
				  config->directory.argon2_passes,
				  (size_t)config->directory.argon2_memory * 1024,
				  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return -ENOMEM;
	snprintf(value, sizeof(value), "{ARGON2}%s", text);
	r = secret_set(ret, value, strlen(value));
	memory_wipe(text, sizeof(text));
	memory_wipe(value, sizeof(value));
	return r;
}

static int hash_yescrypt(const Secret *password, Secret *ret)
{
	AUTO_FREE struct crypt_data *data = calloc(1, sizeof(*data));
	char random[16], setting[CRYPT_GENSALT_OUTPUT_SIZE],
		value[CRYPT_OUTPUT_SIZE + sizeof("{CRYPT}")];
	const char *text;
	int r = -EIO;

	if (!data)
		return -ENOMEM;
	randombytes_buf(random, sizeof(random));
	if (!crypt_gensalt_rn("$y$", 0, random, sizeof(random), setting, sizeof(setting)))
		return -EIO;
	text = crypt_r(password->bytes, setting, data);
	/* A failure is a string that begins with an asterisk. */
	if (text && strncmp(text, "$y$", 3) == 0) {
		snprintf(value, sizeof(value), "{CRYPT}%s", text);
		r = secret_set(ret, value, strlen(value));
	}
	memory_wipe(data, sizeof(*data));
	memory_wipe(value, sizeof(value));
	return r;
}

int hash_make(const Config *config, const Secret *password, Secret *ret)
{
	switch (config->directory.hash) {
	case CONFIG_HASH_ARGON2ID:
		return hash_argon2id(config, password, ret);
	case CONFIG_HASH_YESCRYPT:
		return hash_yescrypt(password, ret);
	case CONFIG_HASH_SERVER:
		/*
		 * A server that finds a scheme in front takes the rest for a hash: a person could
		 * choose their own.
		 */
		if (password->bytes[0] == '{')
			return -EINVAL;
		return secret_set(ret, password->bytes, password->len);
	case CONFIG_HASH_UNSET:
		break;
	}
	return -EINVAL;
}
