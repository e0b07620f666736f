/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The code that proves that a recovery address can be read: kept in the address's state as
 * KEY.MAC.TRIES.
 */
#pragma once

#include "address.h"

#define CONFIRM_MINUTES 60
#define CONFIRM_TRIES 5U

typedef struct Confirmation {
	char key[PEPPER_ID_MAX + 1];
	uint8_t mac[MAC_SIZE];
	unsigned tries;
} Confirmation;

/* The address that waits for its code; NULL: none. At most one does at a time. */
const Address *confirm_pending(const Addresses *addresses);
/* A new code: CODE_SYMBOLS symbols, and the address with its verifier in place. */
void confirm_make(const Call *call, const Account *account, Address *address,
		  char ret[static CODE_SYMBOLS + 1]);
bool confirm_parse(const char *detail, Confirmation *ret);
void confirm_format(const Confirmation *confirmation, char ret[static ADDRESS_DETAIL_MAX]);
bool confirm_matches(const Call *call, const Account *account, const Address *address,
		     const Confirmation *confirmation, const char *code);
