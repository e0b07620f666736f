/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a password: one modify that spends the token, sets the password, and leaves its marker,
 * so that the password is the old one or the new one and nothing in between; and the truth about it
 * when the reply is lost.
 */
#pragma once

#include "history.h"
#include "stored.h"

/* Far apart in bits: a single flipped one must not turn a refusal into success. */
typedef enum WriteResult {
	WRITE_DONE = 0x1ee7c0de,
	WRITE_USED = 0x6211b3a5,  /* the token has gone: somebody else's request won */
	WRITE_STATE = 0x4d9a255b, /* the account may no longer recover */
	/* The directory's own policy refused the password: see directory_policy(). */
	WRITE_POLICY = 0x39b41c96,
	WRITE_FORBIDDEN = 0x5a2cf16b,   /* its access rules did */
	WRITE_UNAVAILABLE = 0x0f55ea3c, /* nothing was changed */
	WRITE_UNKNOWN = 0x73c86d12,     /* it may be the old password or the new one */
} WriteResult;

typedef struct PasswordWrite {
	const Secret *password;
	const History *history;
	/* What it spends; NULL: the current password or staff's role was the proof. */
	const StoredToken *token;
	const Ticket *ticket; /* with token: it is verified anew whenever the entry is read again */
	const char *what; /* of the event: "changed" by the person, "set" by staff, "temporary" */
	const char *by;   /* "" or the staff member */
	const char *ref;  /* without token: what the event refers to, or "" */
	int64_t expires;  /* of a temporary password; 0: a lasting one */
} PasswordWrite;

/* Uses up to the rest of the call's time. account is read again when it has to be. */
WriteResult password_write(Call *call, Account *account, const PasswordWrite *write);
/*
 * write_own.c: with the rights of the person, whose current password it is, and no marker: for
 * accounts on which we have none.
 */
WriteResult password_write_own(Call *call, const Account *account, const Secret *current,
			       const Secret *password);
/* Answers a call whose password was not written, or not known to be; WRITE_DONE is not for this. */
int password_write_failed(Call *call, WriteResult result);

/* Asks read-uri= for the marker of this operation until each has it or a short time is over. */
void replicas_wait(Call *call, const Account *account);
