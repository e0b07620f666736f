/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The secret questions to choose from: DATADIR/questions/LANG, extended by
 * /etc/pwreset/questions/LANG. Lines are an id, a tab and a text. A question that a site has taken
 * away is no longer offered, but those who enrolled it can still be asked.
 */
#pragma once

#include "questions_stored.h"

#define QUESTION_LIST_MAX 128U
#define QUESTION_TEXT_MAX 240U

typedef struct Question {
	char id[QUESTION_ID_MAX + 1];
	char text[QUESTION_TEXT_MAX + 1];
	bool offered;
} Question;

typedef struct QuestionList {
	Question list[QUESTION_LIST_MAX];
	size_t n;
} QuestionList;

/*
 * language: a tag, or NULL; a text that there is not in it comes in English. -ENOENT when there are
 * none at all.
 */
int question_list_load(QuestionList **ret, const Worker *worker, const char *language);
void question_list_freep(QuestionList **list);
/* NULL when there is none of that id. */
const Question *question_find(const QuestionList *list, const char *id);

/* Whether the prepared answer stands in DATADIR/questions/common-answers or the site's. */
bool question_answer_is_common(const Worker *worker, const char *prepared);
