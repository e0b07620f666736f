/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwresetQuestions: 1:KEY:IDS:PREPARATION:SALT:VERIFIER:TODAY:DAY:LEFT. IDS are joined by commas;
 * VERIFIER is Argon2id of HMAC(pepper, prepared answers); TODAY is what is left of the tries of DAY
 * (days since the epoch), LEFT what is left in all.
 */
#pragma once

#include "account.h"
#include "stretch.h"

#define QUESTIONS_MAX 10U /* enrolled */
#define QUESTION_ID_MAX 32U
#define QUESTIONS_DAILY 5U       /* tries a day */
#define QUESTIONS_TOTAL 20U      /* tries between enrolments */
#define QUESTIONS_PREPARATION 1U /* version of the preparation of answers */
#define QUESTIONS_VALUE_MAX 640U

typedef struct StoredQuestions {
	char key[PEPPER_ID_MAX + 1];
	char ids[QUESTIONS_MAX][QUESTION_ID_MAX + 1];
	size_t n;
	unsigned preparation;
	char salt[STRETCH_SALT_TEXT + 1];
	uint8_t verifier[MAC_SIZE];
	unsigned today;
	int64_t day;
	unsigned left;
} StoredQuestions;

/* False when there are none, or the value is not one of ours. */
bool questions_stored_read(const Entry *entry, StoredQuestions *ret);
int questions_stored_format(const StoredQuestions *questions, char ret[static QUESTIONS_VALUE_MAX]);
/* Tries that are left at that time. */
unsigned questions_tries(const StoredQuestions *questions, int64_t now);
