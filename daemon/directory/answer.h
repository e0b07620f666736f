/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers to secret questions: the one form in which they are compared, and what is no good as one.
 */
#pragma once

#include "question_list.h"

#define ANSWER_MAX 256U /* bytes as typed */
#define ANSWER_PREPARED 4096U
#define ANSWER_MIN 3U /* code points, prepared */

typedef struct Answer {
	char text[ANSWER_PREPARED]; /* NUL-terminated */
} Answer;

/*
 * NFKC, full case folding, NFKC again, white space trimmed and collapsed (preparation 1). -EBADMSG
 * for what is not UTF-8 or is too long.
 */
int answer_prepare(const char *typed, Answer *ret);

/*
 * The reason of AnswerRefused for answer i, or NULL. questions[i] is the one that it answers;
 * earlier answers are compared for duplicates.
 */
const char *answer_refusal(const Call *call, const Account *account, const char *question_id,
			   const Answer *answers, size_t i);
