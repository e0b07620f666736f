/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* base64 of any bytes and from any text: both ways, both alphabets, and into a Secret. */

#include "fuzz.h"
#include "validate.h"

typedef int (*Decode)(const char *text, size_t len, void *ret, size_t size, size_t *ret_len);
typedef size_t (*Encode)(const void *bytes, size_t len, char *ret, size_t size);

static void check(Decode decode, Encode encode, const char *bytes, size_t size)
{
	size_t room = BASE64_SIZE(size), len = 0, n, again_len = 0;
	char *text = malloc(room), *decoded = malloc(size + 1);
	int r;

	assert(text && decoded);
	if (decode(bytes, size, decoded, size, &len) == 0) {
		n = encode(decoded, len, text, room);
		assert(n == size && memcmp(text, bytes, n) == 0);
	}
	n = encode(bytes, size, text, room);
	assert(size == 0 || n > 0);
	r = decode(text, n, decoded, size, &again_len);
	assert(r == 0 && again_len == size && memcmp(decoded, bytes, size) == 0);
	free(text);
	free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_copy(data, size), *text = fuzz_text(data, size);
	Secret secret;

	check(base64_decode, base64_encode, bytes, size);
	check(base64url_decode, base64url_encode, bytes, size);
	if (secret_from_base64(&secret, text) == 0)
		assert(secret.len <= SECRET_MAX && strlen(secret.bytes) == secret.len);
	else
		assert(secret.len == 0 && secret.bytes[0] == '\0');
	free(bytes);
	free(text);
	return 0;
}
