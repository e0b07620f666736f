/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A secret of bounded length that is wiped when it goes out of scope, and comparison in constant
 * time.
 */
#pragma once

#include "macros.h"

/* bytes, without the terminating NUL; the longest password (PAM_MAX_RESP_SIZE - 1) */
#define SECRET_MAX 511

typedef struct Secret {
	size_t len;
	char bytes[SECRET_MAX + 1]; /* always NUL-terminated at len */
} Secret;

#define SECRET_NULL ((Secret){ .len = 0 })
#define AUTO_SECRET CLEANUP(secret_wipe)

void secret_wipe(Secret *secret);

/* Copies len bytes. Returns -E2BIG (and leaves *secret empty) when they do not fit. */
int secret_set(Secret *secret, const void *bytes, size_t len);

/* True when both are equal; the time depends on len alone. */
bool memory_equal(const void *a, const void *b, size_t len);

/* Wipes len bytes in a way that the compiler cannot drop; takes NULL with len 0. */
void memory_wipe(void *p, size_t len);
