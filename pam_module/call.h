/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's methods as the module needs them: one connection a call, so that nobody who sits at
 * a prompt holds one, each bounded by timeout=, the other side required to be root. What cannot be
 * said in JSON (a reply that is not UTF-8) is sent as something that is never right, so that it
 * takes the same way and time as a wrong one.
 */
#pragma once

#include "context.h"
#include "secret.h"

#define QUESTIONS_MAX 8
#define QUESTION_TEXT_MAX 255 /* bytes */
#define REASONS_MAX 4

/*
 * Far apart in bits and none of them 0 or 1: a flipped bit or a forgotten assignment is no success.
 */
typedef enum Outcome {
	OUTCOME_OK = 0x5c3a96d1,
	/* The daemon's errors. */
	OUTCOME_REFUSED = 0x23d5a96e,
	OUTCOME_WRONG_PASSWORD = 0x35c96a1d,
	OUTCOME_PASSWORD_REFUSED = 0x4aa5d372,
	OUTCOME_NOT_ALLOWED = 0x16e35cb9,
	OUTCOME_NO_SUCH_USER = 0x69b4c31a,
	OUTCOME_TRY_LATER = 0x3a6d59c6,
	OUTCOME_UNAVAILABLE = 0x657a2cd5,
	OUTCOME_UNCERTAIN = 0x0db9e563, /* a password may or may not have been written */
	/* The person's choices. */
	OUTCOME_ENDED = 0x72d40f9b,     /* the conversation ended */
	OUTCOME_CANCELLED = 0x1f86b2e4, /* empty where that means: leave it */
	OUTCOME_TRIES = 0x4e5f71a8,     /* wrong too often */
} Outcome;

typedef struct Reasons {
	size_t n;
	TextId texts[REASONS_MAX];
} Reasons;

typedef struct Questions {
	size_t n;
	bool needs_code;
	char texts[QUESTIONS_MAX][QUESTION_TEXT_MAX + 1];
} Questions;

/* Recovery. A grant is what opens call_set_password(). */
Outcome call_request_code(const Context *ctx);
Outcome call_verify_code(const Context *ctx, const Secret *code, Secret *grant);
Outcome call_verify_saved_code(const Context *ctx, const Secret *code, Secret *grant);
Outcome call_get_questions(const Context *ctx, Questions *questions);
/* answers: questions->n of them; code only where questions->needs_code. */
Outcome call_answer_questions(const Context *ctx, const Questions *questions, const Secret *answers,
			      const Secret *code, Secret *grant);
Outcome call_set_password(const Context *ctx, const Secret *grant, const Secret *password,
			  Reasons *reasons);

/* Passwords that are known. */
Outcome call_exists(const Context *ctx); /* OUTCOME_OK or OUTCOME_NO_SUCH_USER */
Outcome call_verify(const Context *ctx, const Secret *current);
Outcome call_change(const Context *ctx, const Secret *current, const Secret *password,
		    Reasons *reasons);
Outcome call_set_by_root(const Context *ctx, const Secret *password, Reasons *reasons);
/* The policy alone. old may be empty; word (the GECOS field) NULL. */
Outcome call_check(const Context *ctx, const Secret *password, const Secret *old, const char *word,
		   Reasons *reasons);

/*
 * OUTCOME_OK when the account has no way of recovery at all, which is worth telling; anything else:
 * be silent.
 */
Outcome call_lacks_recovery(const Context *ctx);
