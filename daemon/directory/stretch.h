/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slow verifiers of what people remember: Argon2id over a MAC under the pepper. */
#pragma once

#include "pepper.h"

#define STRETCH_SALT_TEXT 22U /* a salt in base64url */

/* The cost is part of what is stored: another would need another version of each stored form. */
#define STRETCH_PASSES 2U
#define STRETCH_MEMORY ((size_t)19456 * 1024)

void stretch_salt(char ret[static STRETCH_SALT_TEXT + 1]);
/* Finishes mac and derives. -ENOMEM; -EBADMSG for a salt that is none. */
int stretch(Mac *mac, const char *salt, uint8_t ret[static MAC_SIZE]);
