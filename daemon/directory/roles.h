/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who of the staff may do what with whose account: one table (docs/roles.md says the same in
 * words).
 */
#pragma once

#include "account.h"

typedef enum Verb {
	VERB_SHOW,
	VERB_SEND_LINK,
	VERB_REVOKE,
	VERB_UNLOCK,
	VERB_SET_MAIL,
	VERB_SET_PASSWORD,
	VERB_SET_PIN,
	VERB_VERIFY_PIN,
	VERB_REMIND_USER_NAME,
	_VERB_N,
} Verb;

/*
 * NULL when it may; else the reason of NotAllowed: "privileged", "oneself", or "role" for a verb
 * that the role has not got.
 */
const char *roles_refusal(Verb verb, unsigned roles, const Account *account, bool oneself);
/* Whether any of the roles has the verb at all. */
bool roles_have(Verb verb, unsigned roles);
/* A role by its name in the configuration and on the wire; 0: none. */
unsigned role_from_name(const char *name);
