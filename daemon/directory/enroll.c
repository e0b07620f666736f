/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Setting up questions and saved codes, and what is set up. */
#include <string.h>

#include "address.h"
#include "methods.h"
#include "own.h"
#include "questions.h"
#include "saved.h"
#include "server_policy.h"

#define DAY 86400

typedef struct EnrollParameters {
	const JsonNode *caller;
	const char *user, *current, *language;
	const JsonNode *answers, *origin;
} EnrollParameters;

static const VarlinkField status_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(EnrollParameters, user, false, USER_NAME_MAX),
	FIELD_STRING(EnrollParameters, current, false, 0),
	FIELD_OBJECT(EnrollParameters, origin, false),
	{ 0 },
};

static const VarlinkField list_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(EnrollParameters, language, false, LANGUAGE_MAX),
	FIELD_OBJECT(EnrollParameters, origin, false),
	{ 0 },
};

static const VarlinkField questions_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(EnrollParameters, current, true, 0),
	{ "answers", JSON_ARRAY, offsetof(EnrollParameters, answers), true, QUESTIONS_MAX },
	FIELD_STRING(EnrollParameters, user, false, USER_NAME_MAX),
	FIELD_OBJECT(EnrollParameters, origin, false),
	{ 0 },
};

static const VarlinkField codes_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(EnrollParameters, current, true, 0),
	FIELD_STRING(EnrollParameters, user, false, USER_NAME_MAX),
	FIELD_OBJECT(EnrollParameters, origin, false),
	{ 0 },
};

METHOD(method_list_questions)
{
	CLEANUP(question_list_freep) QuestionList *list = NULL;
	EnrollParameters p = { 0 };
	JsonWriter *w;
	Call call;
	int r;

	r = call_open_offline(&call, serve, varlink, userdata, list_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = question_list_load(&list, call.worker, p.language);
	if (r < 0)
		return fail_directory(&call, r);
	w = serve_reply(serve);
	json_open(w, "questions", '[');
	for (size_t i = 0; i < list->n; i++) {
		if (!list->list[i].offered)
			continue;
		json_open(w, NULL, '{');
		json_put_string(w, "id", list->list[i].id);
		json_put_string(w, "text", list->list[i].text);
		json_close(w, '}');
	}
	json_close(w, ']');
	json_put_integer(w, "minimum", call.worker->config->recovery.questions_asked);
	return serve_send(serve);
}

static bool id_taken(const StoredQuestions *questions, const char *id)
{
	for (size_t i = 0; i < questions->n; i++)
		if (strcmp(questions->ids[i], id) == 0)
			return true;
	return false;
}

/*
 * Ids and prepared answers; *ret_bad is the answer that is no good, with its reason in the return.
 * -EBADMSG: malformed.
 */
static int answers_take(Call *call, const Account *account, const JsonNode *array,
			StoredQuestions *ret, Answer *answers, const char **ret_reason)
{
	CLEANUP(question_list_freep) QuestionList *list = NULL;
	int r = question_list_load(&list, call->worker, NULL);

	if (r < 0)
		return r;
	/*
	 * Exactly as many as those have who do not exist: a fourth question would tell that
	 * somebody does.
	 */
	if (array->n != call->worker->config->recovery.questions_asked)
		return -EBADMSG;
	JSON_FOREACH(it, array) {
		const char *id = json_get_string(it, "id"), *text = json_get_string(it, "answer");
		const Question *question = id ? question_find(list, id) : NULL;

		if (!question || !question->offered || !text || it->n != 2)
			return -EBADMSG;
		if (id_taken(ret, id)) {
			*ret_reason = "duplicate";
			return 0;
		}
		memcpy(ret->ids[ret->n], question->id, sizeof(question->id));
		if (answer_prepare(text, &answers[ret->n]) < 0)
			return -EBADMSG;
		*ret_reason = answer_refusal(call, account, id, answers, ret->n);
		if (*ret_reason)
			return 0;
		ret->n++;
	}
	return 0;
}

static int refuse_answer(Call *call, size_t index, const char *reason)
{
	JsonWriter *w = serve_error(call->serve, "org.pwreset.Account.AnswerRefused");

	json_put_integer(w, "index", (int64_t)index);
	json_put_string(w, "reason", reason);
	return serve_send(call->serve);
}

static int build_questions(Call *call, const Account *account, Changes *changes, void *userdata)
{
	changes_add(changes, CHANGE_REPLACE, "pwresetQuestions", userdata);
	account_put_event(call, account, "questions", "", "", changes);
	return 0;
}

static int enroll_questions(Call *call, Account *account, const JsonNode *array, Answer *answers)
{
	StoredQuestions questions = {
		.preparation = QUESTIONS_PREPARATION,
		.today = QUESTIONS_DAILY,
		.day = call->caller.now / DAY,
		.left = QUESTIONS_TOTAL,
	};
	char text[QUESTIONS_VALUE_MAX];
	const char *reason = NULL;
	int r;

	r = answers_take(call, account, array, &questions, answers, &reason);
	if (r == -EBADMSG)
		return serve_invalid(call->serve, "answers");
	if (r == 0 && reason)
		return refuse_answer(call, questions.n, reason);
	snprintf(questions.key, sizeof(questions.key), "%s",
		 pepper_current(&call->worker->pepper)->id);
	stretch_salt(questions.salt);
	if (r == 0)
		r = questions_derive(call, account, &questions, answers, questions.verifier);
	if (r == 0)
		r = questions_stored_format(&questions, text);
	if (r == 0)
		r = account_modify(call, account, build_questions, text);
	if (r != 0)
		return fail_directory(call, r);
	serve_reply(call->serve);
	return serve_send(call->serve);
}

METHOD(method_enroll_questions)
{
	AUTO_FREE Answer *answers = calloc(QUESTIONS_MAX, sizeof(Answer));
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	EnrollParameters p = { 0 };
	Call call;
	int r;

	if (!answers)
		return -ENOMEM;
	r = call_open(&call, serve, varlink, userdata, questions_fields, &p);
	if (r == 0 && call.worker->config->recovery.questions == CONFIG_QUESTIONS_OFF)
		return fail_not_allowed(&call, "not-possible-here");
	if (r == 0)
		r = own_open(&call, p.user, p.current, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	r = enroll_questions(&call, &account, p.answers, answers);
	memory_wipe(answers, QUESTIONS_MAX * sizeof(Answer));
	return r;
}

typedef struct NewCodes {
	char texts[SAVED_CODES][SAVED_TEXT + 1];
	char values[SAVED_CODES][SAVED_VALUE_MAX];
} NewCodes;

static void new_codes_wipe(NewCodes *codes)
{
	memory_wipe(codes, sizeof(*codes));
}

static int build_codes(Call *call, const Account *account, Changes *changes, void *userdata)
{
	const NewCodes *codes = userdata;

	for (size_t i = 0; i < SAVED_CODES; i++)
		changes_add(changes, CHANGE_REPLACE, "pwresetSavedCode", codes->values[i]);
	account_put_event(call, account, "codes", "", "", changes);
	return 0;
}

METHOD(method_enroll_codes)
{
	CLEANUP(new_codes_wipe) NewCodes codes = { 0 };
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	EnrollParameters p = { 0 };
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, codes_fields, &p);
	if (r == 0)
		r = own_open(&call, p.user, p.current, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	for (size_t i = 0; i < SAVED_CODES; i++)
		saved_make(&call, &account, codes.texts[i], codes.values[i]);
	r = account_modify(&call, &account, build_codes, &codes);
	if (r != 0)
		return fail_directory(&call, r);
	w = serve_reply(serve);
	json_open(w, "codes", '[');
	for (size_t i = 0; i < SAVED_CODES; i++)
		json_put_string(w, NULL, codes.texts[i]);
	json_close(w, ']');
	return serve_send(serve);
}

static const char *shown_state(const Address *address, int64_t now)
{
	if (address_counts(address, now))
		return "valid";
	return address->state == ADDRESS_WAITING ? "waiting" : "unconfirmed";
}

static size_t put_addresses(Call *call, const Account *account, JsonWriter *w)
{
	char masked[MAIL_ADDRESS_MAX + 1];
	Addresses addresses;
	size_t n = 0;

	addresses_read(account, call->worker->config, &addresses);
	json_open(w, "addresses", '[');
	for (size_t i = 0; i < addresses.n; i++) {
		const Address *address = &addresses.list[i];

		if (!address_counts(address, call->caller.now) &&
		    address->state != ADDRESS_WAITING && address->state != ADDRESS_UNCONFIRMED)
			continue;
		n += address_counts(address, call->caller.now);
		mail_address_mask(address->text, masked, sizeof(masked));
		json_open(w, NULL, '{');
		json_put_string(w, "address", masked);
		json_put_string(w, "state", shown_state(address, call->caller.now));
		json_put_bool(w, "own", address->own);
		json_close(w, '}');
	}
	json_close(w, ']');
	return n;
}

static void put_status(Call *call, const Account *account, JsonWriter *w)
{
	const Attribute *saved = entry_attribute(account->entry, "pwresetSavedCode");
	bool wanted = call->worker->config->recovery.questions != CONFIG_QUESTIONS_OFF;
	StoredQuestions questions;
	bool enrolled = questions_stored_read(account->entry, &questions);
	int64_t changed;
	size_t mails;

	json_put_string(w, "user", account->name);
	mails = put_addresses(call, account, w);
	json_put_integer(w, "questions", enrolled ? (int64_t)questions.n : 0);
	json_put_integer(w, "savedCodes", saved ? (int64_t)saved->n : 0);
	if (password_changed(account->entry, &changed))
		json_put_integer(w, "passwordChanged", changed);
	json_open(w, "missing", '[');
	if (mails == 0)
		json_put_string(w, NULL, "mail");
	if (wanted && !enrolled)
		json_put_string(w, NULL, "questions");
	if (!saved)
		json_put_string(w, NULL, "codes");
	json_close(w, ']');
}

METHOD(method_status)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	EnrollParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, status_fields, &p);
	/* At the prompt after a login: root's module asks for who has just logged in. */
	if (r == 0 && call_via(&call, "pam") && p.user) {
		r = account_find(&call, p.user, &account);
		if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
			return fail_not_allowed(&call, "no-such-user");
		if (r != 0)
			return fail_directory(&call, r);
	} else if (r == 0) {
		r = own_open(&call, p.user, p.current, &account);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	put_status(&call, &account, serve_reply(serve));
	return serve_send(serve);
}
