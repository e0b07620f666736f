/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets of bounded length: set, compare in constant time, wipe. */

#include <string.h>

#include "secret.h"

void memory_wipe(void *p, size_t len)
{
	if (len > 0)
		explicit_bzero(p, len);
}

bool memory_equal(const void *a, const void *b, size_t len)
{
	/* volatile: the compiler may not leave the loop at the first difference. */
	const volatile unsigned char *x = a, *y = b;
	unsigned char difference = 0;

	for (size_t i = 0; i < len; i++)
		difference |= x[i] ^ y[i];
	return difference == 0;
}

void secret_wipe(Secret *secret)
{
	if (secret)
		memory_wipe(secret, sizeof(*secret));
}

int secret_set(Secret *secret, const void *bytes, size_t len)
{
	memory_wipe(secret, sizeof(*secret));
	if (len > SECRET_MAX)
		return -E2BIG;
	if (len > 0)
		memcpy(secret->bytes, bytes, len);
	secret->len = len;
	return 0;
}
