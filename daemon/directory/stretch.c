/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One slow derivation for questions, PINs and earlier passwords. */
#include "stretch.h"

#include <string.h>

#include "secret.h"
#include "validate.h"

void stretch_salt(char ret[static STRETCH_SALT_TEXT + 1])
{
	uint8_t salt[crypto_pwhash_SALTBYTES];

	randombytes_buf(salt, sizeof(salt));
	base64url_encode(salt, sizeof(salt), ret, STRETCH_SALT_TEXT + 1);
}

int stretch(Mac *mac, const char *salt, uint8_t ret[static MAC_SIZE])
{
	uint8_t bytes[crypto_pwhash_SALTBYTES], keyed[MAC_SIZE];
	size_t len = 0;
	int r;

	mac_finish(mac, keyed);
	if (base64url_decode(salt, strlen(salt), bytes, sizeof(bytes), &len) < 0 ||
	    len != sizeof(bytes))
		r = -EBADMSG;
	else
		r = crypto_pwhash(ret, MAC_SIZE, (const char *)keyed, sizeof(keyed), bytes,
				  STRETCH_PASSES, STRETCH_MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0
			    ? 0
			    : -ENOMEM;
	memory_wipe(keyed, sizeof(keyed));
	return r;
}
