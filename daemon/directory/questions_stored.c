/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stored form of enrolled questions. */
#include "questions_stored.h"

#include <string.h>

#define DAY 86400

static bool ids_parse(char *text, StoredQuestions *ret)
{
	char *state = NULL;

	for (char *id = strtok_r(text, ",", &state); id; id = strtok_r(NULL, ",", &state)) {
		if (ret->n == QUESTIONS_MAX || strlen(id) > QUESTION_ID_MAX)
			return false;
		memcpy(ret->ids[ret->n++], id, strlen(id) + 1);
	}
	return ret->n > 0;
}

bool questions_stored_read(const Entry *entry, StoredQuestions *ret)
{
	const char *text = entry_text(entry, "pwresetQuestions");
	char ids[QUESTIONS_MAX * (QUESTION_ID_MAX + 1) + 1], verifier[MAC_TEXT + 1];
	StoredQuestions stored = { 0 };
	long long day;
	size_t len = 0;
	int end = 0;

	if (!text ||
	    sscanf(text, "1:%16[^:]:%330[^:]:%9u:%22[^:]:%43[^:]:%9u:%18lld:%9u%n", stored.key, ids,
		   &stored.preparation, stored.salt, verifier, &stored.today, &day, &stored.left,
		   &end) != 8 ||
	    text[end] != '\0')
		return false;
	stored.day = day;
	if (base64url_decode(verifier, strlen(verifier), stored.verifier, sizeof(stored.verifier),
			     &len) < 0 ||
	    len != sizeof(stored.verifier) || !ids_parse(ids, &stored))
		return false;
	*ret = stored;
	return true;
}

int questions_stored_format(const StoredQuestions *questions, char ret[static QUESTIONS_VALUE_MAX])
{
	char verifier[MAC_TEXT + 1];
	Buf buf = { 0 };

	buf_init(&buf, ret, QUESTIONS_VALUE_MAX);
	base64url_encode(questions->verifier, sizeof(questions->verifier), verifier,
			 sizeof(verifier));
	buf_printf(&buf, "1:%s:", questions->key);
	for (size_t i = 0; i < questions->n; i++)
		buf_printf(&buf, "%s%s", i > 0 ? "," : "", questions->ids[i]);
	buf_printf(&buf, ":%u:%s:%s:%u:%lld:%u", questions->preparation, questions->salt, verifier,
		   questions->today, (long long)questions->day, questions->left);
	return buf.overflow ? -E2BIG : 0;
}

unsigned questions_tries(const StoredQuestions *questions, int64_t now)
{
	/* A clock that was set back does not give yesterday's tries again. */
	unsigned today = now / DAY > questions->day ? QUESTIONS_DAILY : questions->today;

	return today < questions->left ? today : questions->left;
}
