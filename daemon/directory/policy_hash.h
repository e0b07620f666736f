/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two digests in which lists of leaked passwords are published. Both are broken as hashes and
 * serve nothing here but to find an entry; libsodium has neither, and OpenSSL keeps MD4 in a module
 * that a site may not have loaded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA1_SIZE 20U
#define MD4_SIZE 16U

void sha1_digest(const uint8_t *bytes, size_t n, uint8_t out[static SHA1_SIZE]);
void md4_digest(const uint8_t *bytes, size_t n, uint8_t out[static MD4_SIZE]);
