/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SipHash-2-4 (Aumasson, Bernstein): a keyed hash for tables whose keys strangers choose. Not for
 * passwords.
 */
#pragma once

#include "macros.h"

#define SIPHASH_KEY_SIZE 16

uint64_t siphash(const uint8_t key[static SIPHASH_KEY_SIZE], const void *bytes, size_t len);
