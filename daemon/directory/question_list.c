/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the lists of questions. They are small and read when they are needed, so that a change
 * needs no restart.
 */
#include "question_list.h"

#include <limits.h>
#include <string.h>

#include "version.h"

#define LINE_MAX_BYTES 512
#define LINES_MAX 4096U
#define FALLBACK "en"

static FILE *list_open(const Worker *worker, const char *folder, const char *name)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s%s/questions/%s", worker->root, folder, name) >=
	    sizeof(path))
		return NULL;
	return fopen(path, "re");
}

static Question *question_add(QuestionList *list, const char *id)
{
	Question *question;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->list[i].id, id) == 0)
			return &list->list[i];
	if (list->n == QUESTION_LIST_MAX)
		return NULL;
	question = &list->list[list->n++];
	snprintf(question->id, sizeof(question->id), "%.*s", (int)QUESTION_ID_MAX, id);
	return question;
}

/* An id is part of a stored value and of a wire: nothing that separates there. */
static bool id_valid(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= QUESTION_ID_MAX &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static void line_take(QuestionList *list, char *line)
{
	char *tab = strchr(line, '\t');
	const char *text = tab ? tab + 1 : "";
	Question *question;

	if (tab)
		*tab = '\0';
	if (!id_valid(line) || strlen(text) > QUESTION_TEXT_MAX ||
	    !text_valid(text, QUESTION_TEXT_MAX))
		return;
	question = question_add(list, line);
	if (!question)
		return;
	question->offered = *text != '\0';
	if (*text)
		snprintf(question->text, sizeof(question->text), "%s", text);
}

static void list_read(QuestionList *list, const Worker *worker, const char *folder,
		      const char *name)
{
	AUTO_FCLOSE FILE *file = list_open(worker, folder, name);
	char line[LINE_MAX_BYTES];

	for (unsigned i = 0; file && i < LINES_MAX && fgets(line, sizeof(line), file); i++) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line && *line != '#')
			line_take(list, line);
	}
}

static void language_read(QuestionList *list, const Worker *worker, const char *name)
{
	list_read(list, worker, PWRESET_DATADIR, name);
	list_read(list, worker, PWRESET_CONFDIR, name);
}

int question_list_load(QuestionList **ret, const Worker *worker, const char *language)
{
	CLEANUP(question_list_freep) QuestionList *list = calloc(1, sizeof(*list));
	char primary[LANGUAGE_MAX + 1] = "";

	if (!list)
		return -ENOMEM;
	language_read(list, worker, FALLBACK);
	/* A valid tag has letters, digits and hyphens alone: it cannot leave the folder. */
	if (language && language_valid(language)) {
		snprintf(primary, sizeof(primary), "%.*s", (int)strcspn(language, "-_"), language);
		for (char *p = primary; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		if (strcmp(primary, FALLBACK) != 0)
			language_read(list, worker, primary);
		if (strcmp(primary, language) != 0)
			language_read(list, worker, language);
	}
	if (list->n == 0)
		return -ENOENT;
	*ret = STEAL(list);
	return 0;
}

void question_list_freep(QuestionList **list)
{
	free(*list);
	*list = NULL;
}

const Question *question_find(const QuestionList *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->list[i].id, id) == 0)
			return &list->list[i];
	return NULL;
}

bool question_answer_is_common(const Worker *worker, const char *prepared)
{
	static const char *const folders[] = { PWRESET_DATADIR, PWRESET_CONFDIR };
	char line[LINE_MAX_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		AUTO_FCLOSE FILE *file = list_open(worker, folders[i], "common-answers");

		for (unsigned n = 0; file && n < LINES_MAX && fgets(line, sizeof(line), file);
		     n++) {
			line[strcspn(line, "\r\n")] = '\0';
			if (strcmp(line, prepared) == 0)
				return true;
		}
	}
	return false;
}
