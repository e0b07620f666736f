/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each method may be given. Whether it means anything is for the workers to say. */

#include <string.h>

#include "batch.h"
#include "parameters.h"

#define CODE_TEXT_MAX 256  /* a code as typed, with blanks and hyphens */
#define LINK_TEXT_MAX 1024 /* as pasted; the worker says that a damaged one is dead */
#define ANSWERS_MAX 16
#define ANSWER_MAX 256
#define WORDS_MAX 32
#define PIN_MAX 12
#define FILTER_MAX 2048
#define DAYS_MAX 366
#define PASSWORD_TEXT_MAX (BASE64_SIZE(SECRET_MAX) - 1)

#define FIELD(name, type, must, limit)                                                             \
	{                                                                                          \
#name, type, offsetof(Parameters, name), must, limit                               \
	}
#define USER(must) FIELD(user, JSON_STRING, must, USER_NAME_MAX)
#define LANGUAGE FIELD(language, JSON_STRING, false, LANGUAGE_MAX)
#define ORIGIN                                                                                     \
	{                                                                                          \
		"origin", JSON_OBJECT, offsetof(Parameters, origin_object), false, 0               \
	}
#define ADDRESS FIELD(address, JSON_STRING, true, MAIL_ADDRESS_MAX)
#define CODE(must) FIELD(code, JSON_STRING, must, CODE_TEXT_MAX)
#define PASSWORD(name, must) FIELD(name, JSON_STRING, must, PASSWORD_TEXT_MAX)
#define END                                                                                        \
	{                                                                                          \
		0                                                                                  \
	}

const VarlinkField fields_none[] = { END };
const VarlinkField fields_interface[] = { FIELD(interface, JSON_STRING, true, VARLINK_NAME_MAX),
					  END };
const VarlinkField fields_hello[] = { FIELD(host, JSON_STRING, true, HOST_NAME_MAX_LEN), END };
const VarlinkField fields_request[] = { USER(true), LANGUAGE, ORIGIN, END };
const VarlinkField fields_remind_address[] = { ADDRESS, LANGUAGE, ORIGIN, END };
const VarlinkField fields_code[] = { USER(true), CODE(true), ORIGIN, END };
const VarlinkField fields_get_questions[] = { USER(true), LANGUAGE, ORIGIN, END };
const VarlinkField fields_answer_questions[] = {
	USER(true), FIELD(answers, JSON_ARRAY, true, ANSWERS_MAX), CODE(false), ORIGIN, END,
};
const VarlinkField fields_link[] = { FIELD(link, JSON_STRING, true, LINK_TEXT_MAX), ORIGIN, END };
const VarlinkField fields_redeem[] = {
	FIELD(ticket, JSON_STRING, true, LINK_TEXT_MAX),
	PASSWORD(password, true),
	USER(false),
	ORIGIN,
	END,
};
const VarlinkField fields_verify[] = { USER(true), PASSWORD(password, true), ORIGIN, END };
const VarlinkField fields_user[] = { USER(true), END };
const VarlinkField fields_change[] = {
	USER(true), PASSWORD(current, true), PASSWORD(password, true), ORIGIN, END,
};
const VarlinkField fields_set_by_root[] = { USER(true), PASSWORD(password, true), ORIGIN, END };
const VarlinkField fields_check[] = {
	PASSWORD(password, true), USER(false), FIELD(words, JSON_ARRAY, false, WORDS_MAX),
	PASSWORD(old, false),     ORIGIN,      END,
};
const VarlinkField fields_status[] = { USER(false), PASSWORD(current, false), ORIGIN, END };
const VarlinkField fields_list_questions[] = { LANGUAGE, ORIGIN, END };
const VarlinkField fields_enroll_questions[] = {
	PASSWORD(current, true),
	{ "answers", JSON_ARRAY, offsetof(Parameters, enrolled), true, ANSWERS_MAX },
	USER(false),
	ORIGIN,
	END,
};
const VarlinkField fields_enroll_codes[] = { PASSWORD(current, true), USER(false), ORIGIN, END };
const VarlinkField fields_enroll_mail[] = { PASSWORD(current, true), ADDRESS, USER(false), ORIGIN,
					    END };
const VarlinkField fields_confirm_mail[] = { ADDRESS, CODE(true), USER(false), ORIGIN, END };
const VarlinkField fields_send_link[] = {
	FIELD(users, JSON_ARRAY, true, USERS_MAX),
	FIELD(batch, JSON_STRING, false, BATCH_NAME_MAX),
	END,
};
const VarlinkField fields_find[] = {
	FIELD(filter, JSON_STRING, true, FILTER_MAX),
	FIELD(after, JSON_STRING, false, USER_NAME_MAX),
	END,
};
const VarlinkField fields_remind_expiry[] = {
	FIELD(days, JSON_INTEGER, true, 0),
	FIELD(after, JSON_STRING, false, USER_NAME_MAX),
	END,
};
const VarlinkField fields_set_mail[] = { USER(true), ADDRESS, FIELD(once, JSON_BOOL, false, 0),
					 END };
const VarlinkField fields_set_password[] = {
	USER(true),
	PASSWORD(password, false),
	FIELD(temporary, JSON_BOOL, false, 0),
	FIELD(mail, JSON_BOOL, false, 0),
	END,
};
const VarlinkField fields_pin[] = { USER(true), FIELD(pin, JSON_STRING, true, PIN_MAX), END };
const VarlinkField fields_address[] = { ADDRESS, END };

static const VarlinkField origin_fields[] = {
	{ "service", JSON_STRING, offsetof(Origin, service), false, ORIGIN_MAX },
	{ "host", JSON_STRING, offsetof(Origin, host), false, ORIGIN_MAX },
	{ "address", JSON_STRING, offsetof(Origin, address), false, ORIGIN_MAX },
	{ "terminal", JSON_STRING, offsetof(Origin, terminal), false, ORIGIN_MAX },
	END,
};

typedef struct Answer {
	const char *id, *answer;
} Answer;

static const VarlinkField answer_fields[] = {
	{ "id", JSON_STRING, offsetof(Answer, id), true, 64 },
	{ "answer", JSON_STRING, offsetof(Answer, answer), true, ANSWER_MAX },
	END,
};

static bool strings_valid(const JsonNode *array, uint32_t min, uint32_t max)
{
	if (!array)
		return true;
	JSON_FOREACH(element, array)
		if (element->type != JSON_STRING || element->n < min || element->n > max)
			return false;
	return true;
}

static bool answers_valid(const JsonNode *array)
{
	if (!array)
		return true;
	JSON_FOREACH(element, array) {
		Answer answer = { 0 };
		const char *bad;

		if (element->type != JSON_OBJECT ||
		    varlink_dispatch(element, answer_fields, &answer, &bad) != 0)
			return false;
	}
	return true;
}

static bool origin_member_valid(const char *text)
{
	return !text || text_valid(text, ORIGIN_MAX);
}

static bool origin_take(Parameters *p)
{
	const char *bad;

	if (!p->origin_object)
		return true;
	if (varlink_dispatch(p->origin_object, origin_fields, &p->origin, &bad) != 0)
		return false;
	return origin_member_valid(p->origin.service) && origin_member_valid(p->origin.host) &&
	       origin_member_valid(p->origin.address) && origin_member_valid(p->origin.terminal);
}

/* The name of the first whose content will not do; NULL: all will. */
static const char *parameters_check(Parameters *p)
{
	const struct {
		const char *name;
		bool valid;
	} checks[] = {
		{ "user", !p->user || user_name_valid(p->user) },
		{ "address", !p->address || mail_address_valid(p->address) },
		{ "language", !p->language || language_valid(p->language) },
		{ "host", !p->host || host_valid(p->host) },
		{ "batch", !p->batch || text_valid(p->batch, BATCH_NAME_MAX) },
		{ "days", p->days >= 0 && p->days <= DAYS_MAX },
		{ "users", strings_valid(p->users, 1, USER_NAME_MAX) },
		{ "words", strings_valid(p->words, 0, ANSWER_MAX) },
		{ "answers",
		  strings_valid(p->answers, 0, ANSWER_MAX) && answers_valid(p->enrolled) },
		{ "origin", origin_take(p) },
		/* What is mailed is made when it is mailed: the spool may hold no password. */
		{ "mail", !p->mail || !p->password },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (!checks[i].valid)
			return checks[i].name;
	return NULL;
}

int parameters_take(Parameters *parameters, const JsonNode *object, const VarlinkField *fields,
		    const char **bad)
{
	Parameters p = { 0 };

	if (varlink_dispatch(object, fields, &p, bad) != 0)
		return 1;
	*bad = parameters_check(&p);
	if (*bad)
		return 1;
	*parameters = p;
	return 0;
}
