/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The secret that lies outside the directory: whoever copies the directory, but not this, can test
 * no guess of a code, an answer, a PIN or an earlier password.
 */
#pragma once

#include <sodium.h>

#include "config.h"

#define PEPPER_ID_MAX 16U
#define PEPPER_KEY_SIZE 32U
#define PEPPER_KEYS_MAX 2U
#define MAC_SIZE 32U
#define MAC_TEXT 43U /* a MAC in base64url */

typedef struct PepperKey {
	char id[PEPPER_ID_MAX + 1]; /* letters, digits, '-' and '_' */
	uint8_t bytes[PEPPER_KEY_SIZE];
} PepperKey;

/* The current key first: it makes; the previous one only verifies. */
typedef struct Pepper {
	PepperKey keys[PEPPER_KEYS_MAX];
	size_t n;
} Pepper;

/* The credential "pepper": one or two lines KEYID:BASE64. Negative after a complaint. */
int pepper_load(Pepper *ret, IniComplaint complain, void *userdata);
int pepper_parse(Pepper *ret, const char *text, IniComplaint complain, void *userdata);
void pepper_wipe(Pepper *pepper);

static inline const PepperKey *pepper_current(const Pepper *pepper)
{
	return &pepper->keys[0];
}

/* NULL: a value made with a key that is no longer (or not yet) here. */
const PepperKey *pepper_key(const Pepper *pepper, const char *id);

/*
 * HMAC-SHA256 over parts, each preceded by its length, so that no two lists of parts are the same
 * text. domain tells uses apart: a value of one can never pass for another.
 */
typedef struct Mac {
	crypto_auth_hmacsha256_state state;
} Mac;

void mac_init(Mac *mac, const PepperKey *key, const char *domain);
void mac_add(Mac *mac, const void *bytes, size_t len);
void mac_add_text(Mac *mac, const char *text); /* NULL counts as "" */
void mac_finish(Mac *mac, uint8_t ret[static MAC_SIZE]);
