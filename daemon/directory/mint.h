/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request out of the spool becomes a mail, or a reason why there is none. */
#pragma once

#include "address.h"
#include "stored.h"

/* org.pwreset.Directory.Request; strings are the message's, "" when absent. */
typedef struct MintRequest {
	const char *id, *kind, *user, *ticket, *requester, *language;
	const JsonNode *roles_node, *origin;
	int64_t created, expires, attempt;
	unsigned roles;
	uint8_t id_bytes[TOKEN_ID_SIZE];
	bool done;   /* the call that it tells of was answered with success */
	bool missed; /* each server has been asked once before, and none knew of it */
} MintRequest;

/* What differs between kinds of mail; NULL or 0: empty. Texts are borrowed. */
typedef struct MailValues {
	const char *link, *code, *revoke, *password, *mail;
	const char *set_up; /* "questions", "codes", "pin" or "way": what was enrolled */
	int64_t minutes;
	bool unsure; /* nobody can tell whether it happened */
} MailValues;

/* To whom. */
typedef struct MailTo {
	const char *list[ADDRESSES_MAX];
	size_t n;
} MailTo;

/*
 * The addresses that may receive what opens the account: the one that was typed, if one was, else
 * all that count.
 */
void mail_to_recovery(Call *call, const Account *account, const Addresses *addresses, MailTo *ret);
/* All that are to be told of a change. */
void mail_to_told(Call *call, const Addresses *addresses, MailTo *ret);

/*
 * Lets to point into addresses alone, since reading the entry again forgets what points into that.
 */
void mail_to_keep(const Addresses *addresses, MailTo *to);

#define MINT_E_SKIPPED 0x4001 /* it has been answered that there is nothing to send */
/* of several requests this one has no answer, nor have those behind it */
#define MINT_E_STOPPED 0x4002

/* Replies, or the next element of call->list. */
int mint_fail(Call *call, int r); /* fail_directory(), or MINT_E_STOPPED */
int mint_skip(Call *call, const char *reason, int64_t after);
int mint_mail(Call *call, const MintRequest *request, const Account *account, const MailTo *to,
	      const MailValues *values);

/* mint_token.c */
int mint_link(Call *call, const MintRequest *request, Account *account);
int mint_code(Call *call, const MintRequest *request, Account *account);
/* mint_notice.c */
int mint_user_name(Call *call, const MintRequest *request, Account *account);
int mint_notice(Call *call, const MintRequest *request, Account *account);
/* mint_confirm.c */
int mint_mail_confirm(Call *call, const MintRequest *request, Account *account);
/* admin_password.c */
int mint_temporary(Call *call, const MintRequest *request, Account *account);
/* expiry.c */
int mint_expiry(Call *call, const MintRequest *request, Account *account);
