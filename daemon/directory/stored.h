/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tokens as they are stored: values of pwresetToken, "kind:id:digest:expiry:tries-left".
 *
 * kind: link, code or grant. id: of the request, 22 characters of base64url. digest:
 * FLAG.KEY.LABEL.MAC, where FLAG is 's' when the person asked and 'a' when staff did, KEY names the
 * pepper, LABEL is a code's (else '-'), MAC is 43 characters of base64url. The MAC covers the
 * secret, all that stands in the value but the tries, whose entry it is, and what must not have
 * changed since: addresses, pwdChangedTime, shadowLastChange, lock state. Nothing of it opens
 * anything.
 */
#pragma once

#include "account.h"

typedef enum TokenKind { TOKEN_LINK, TOKEN_CODE, TOKEN_GRANT } TokenKind;

#define STORED_TEXT_MAX 192U
#define STORED_MAX 32U /* values of an entry that are looked at */

typedef struct StoredToken {
	TokenKind kind;
	char id[TOKEN_ID_TEXT + 1];
	bool staff;
	char key[PEPPER_ID_MAX + 1];
	char label[CODE_LABEL + 1]; /* "" for links and grants */
	uint8_t mac[MAC_SIZE];
	int64_t expiry;
	unsigned tries;
} StoredToken;

typedef struct StoredTokens {
	StoredToken list[STORED_MAX];
	size_t n;
} StoredTokens;

/* False for anything that is not exactly what stored_format() writes. */
bool stored_parse(const char *text, StoredToken *ret);
void stored_format(const StoredToken *token, char ret[static STORED_TEXT_MAX]);
void stored_read(const Entry *entry, StoredTokens *ret);

/* Neither expired nor exhausted. */
static inline bool stored_live(const StoredToken *token, int64_t now)
{
	return now < token->expiry && token->tries > 0;
}

/* Computes token->mac for this secret; -ENOKEY when its pepper is not here. */
int stored_seal(StoredToken *token, const Call *call, const Account *account, const void *secret,
		size_t len);
/* In constant time; false also when its pepper is not here. */
bool stored_verify(const StoredToken *token, const Call *call, const Account *account,
		   const void *secret, size_t len);

/* Changes of one modify. */
void stored_add(Changes *changes, const StoredToken *token);
void stored_delete(Changes *changes, const StoredToken *token);
/* Deletes those that have expired. */
void stored_sweep(Changes *changes, const Entry *entry, int64_t now);
/* The class that carries our attributes, for an entry that has not got it. */
void stored_add_class(Changes *changes, const Account *account);

/* A new grant for the account under that id, put into the changes; its ticket as text. */
int grant_make(Call *call, const Account *account, const uint8_t id[static TOKEN_ID_SIZE],
	       Changes *changes, char ret[static TICKET_TEXT_MAX + 1]);

/*
 * The ticket by which the request of that id can be revoked, whatever it was for: made from the
 * pepper, never stored.
 */
int revoke_ticket(const Call *call, const Account *account, const uint8_t id[static TOKEN_ID_SIZE],
		  char ret[static TICKET_TEXT_MAX + 1]);
bool revoke_ticket_valid(const Call *call, const Ticket *ticket);
