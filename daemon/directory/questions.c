/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secret questions. All are asked together and checked by one verifier, so that nobody learns which
 * answer was wrong; a try is charged before it is checked; and a name that does not exist is asked
 * questions too, always the same.
 */
#include "questions.h"

#include <string.h>
#include <syslog.h>

#include "code.h"
#include "decoy.h"
#include "methods.h"

#define ATTEMPTS_MAX (QUESTIONS_DAILY + 1)
#define DAY 86400

typedef struct QuestionParameters {
	const JsonNode *caller;
	const char *user, *language, *code;
	const JsonNode *answers, *origin;
} QuestionParameters;

static const VarlinkField get_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(QuestionParameters, user, true, 0),
	FIELD_STRING(QuestionParameters, language, false, LANGUAGE_MAX),
	FIELD_OBJECT(QuestionParameters, origin, false),
	{ 0 },
};

static const VarlinkField answer_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(QuestionParameters, user, true, 0),
	{ "answers", JSON_ARRAY, offsetof(QuestionParameters, answers), true, QUESTIONS_MAX },
	FIELD_STRING(QuestionParameters, code, false, 0),
	FIELD_OBJECT(QuestionParameters, origin, false),
	{ 0 },
};

/*
 * A terminal of this very machine: a virtual console, a serial line, a display of its own. On relay
 * it is a fleet's host that says so, whose root may claim anything: there nobody sits at a console.
 */
static bool is_local(const Call *call, const JsonNode *origin)
{
	const char *address = json_get_string(origin, "address");
	const char *terminal = json_get_string(origin, "terminal");

	if (!call_via(call, "pam") || (address && *address) || !terminal)
		return false;
	if (strncmp(terminal, "/dev/", 5) == 0)
		terminal += 5;
	if (terminal[0] == ':')
		return terminal[1] >= '0' && terminal[1] <= '9';
	if (strncmp(terminal, "tty", 3) != 0)
		return false;
	terminal += terminal[3] == 'S' ? 4 : 3;
	return *terminal >= '0' && *terminal <= '9';
}

static bool needs_code(const Call *call, const JsonNode *origin)
{
	switch (call->worker->config->recovery.questions) {
	case CONFIG_QUESTIONS_ALONE:
		return false;
	case CONFIG_QUESTIONS_AUTO:
		return !is_local(call, origin);
	case CONFIG_QUESTIONS_WITH_CODE:
	case CONFIG_QUESTIONS_OFF:
		break;
	}
	return true;
}

/* Names that mean the same account must be shown the same questions. */
static void lower(const char *name, char ret[static USER_NAME_MAX + 1])
{
	snprintf(ret, USER_NAME_MAX + 1, "%s", name);
	for (char *p = ret; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

/*
 * Questions for those who have none: chosen by the oldest pepper here, which stays through one
 * change of the current one.
 */
static void decoy_questions(const Call *call, const QuestionList *list, const char *name,
			    StoredQuestions *ret)
{
	const Pepper *pepper = &call->worker->pepper;
	const Question *offered[QUESTION_LIST_MAX];
	char lowered[USER_NAME_MAX + 1];
	uint8_t seed[MAC_SIZE];
	size_t n = 0, asked = call->worker->config->recovery.questions_asked;
	Mac mac;

	*ret = (StoredQuestions){ .preparation = QUESTIONS_PREPARATION, .left = 1, .today = 1 };
	snprintf(ret->key, sizeof(ret->key), "%s", pepper_current(pepper)->id);
	lower(name, lowered);
	mac_init(&mac, &pepper->keys[pepper->n - 1], "pwreset decoy 1");
	mac_add_text(&mac, lowered);
	mac_finish(&mac, seed);
	base64url_encode(seed, crypto_pwhash_SALTBYTES, ret->salt, sizeof(ret->salt));
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].offered)
			offered[n++] = &list->list[i];
	for (size_t i = 0; i < asked && i < QUESTIONS_MAX && n > 0; i++) {
		size_t choice = (size_t)(seed[2 * i] << 8 | seed[2 * i + 1]) % n;

		memcpy(ret->ids[ret->n++], offered[choice]->id, sizeof(offered[choice]->id));
		offered[choice] = offered[--n];
	}
}

/*
 * The account's own questions, or made-up ones; *ret_account has no entry for nobody. An address is
 * nobody here: asked the same as the name, it would tell a stranger that somebody is there, and
 * who.
 */
static int questions_open(Call *call, const char *user, const QuestionList *list,
			  Account *ret_account, StoredQuestions *ret, bool *ret_enrolled)
{
	int r = account_find(call, user, ret_account);

	if (r != 0 && r != ACCOUNT_E_NONE && r != ACCOUNT_E_AMBIGUOUS)
		return r;
	if (r == 0 && ret_account->typed_address) {
		account_deinit(ret_account);
		r = ACCOUNT_E_NONE;
	}
	*ret_enrolled = r == 0 && questions_stored_read(ret_account->entry, ret);
	if (!*ret_enrolled)
		decoy_questions(call, list, r == 0 ? ret_account->name : user, ret);
	return 0;
}

METHOD(method_get_questions)
{
	CLEANUP(question_list_freep) QuestionList *list = NULL;
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	StoredQuestions questions;
	QuestionParameters p = { 0 };
	bool enrolled;
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, get_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	if (call.worker->config->recovery.questions == CONFIG_QUESTIONS_OFF ||
	    !user_name_valid(p.user))
		return fail_refused(&call);
	r = question_list_load(&list, call.worker, p.language);
	if (r == 0)
		r = questions_open(&call, p.user, list, &account, &questions, &enrolled);
	if (r == 0)
		r = call_fence(&call);
	if (r != 0)
		return fail_directory(&call, r);
	w = serve_reply(serve);
	json_open(w, "questions", '[');
	for (size_t i = 0; i < questions.n; i++) {
		const Question *question = question_find(list, questions.ids[i]);

		json_open(w, NULL, '{');
		json_put_string(w, "id", questions.ids[i]);
		json_put_string(w, "text",
				question && *question->text ? question->text : questions.ids[i]);
		json_close(w, '}');
	}
	json_close(w, ']');
	json_put_bool(w, "needsCode", needs_code(&call, p.origin));
	return serve_send(serve);
}

int questions_derive(const Call *call, const Account *account, const StoredQuestions *questions,
		     const Answer *answers, uint8_t ret[static MAC_SIZE])
{
	const PepperKey *key = pepper_key(&call->worker->pepper, questions->key);
	const char *uuid = account->entry ? entry_text(account->entry, "entryUUID") : NULL;
	Mac mac;

	/* With a key that has gone nothing can match, but the time is the same. */
	mac_init(&mac, key ? key : pepper_current(&call->worker->pepper), "pwreset answers 1");
	mac_add_text(&mac, key ? "known" : "unknown");
	mac_add_text(&mac, uuid ? uuid : account->dn);
	for (size_t i = 0; i < questions->n; i++) {
		mac_add_text(&mac, questions->ids[i]);
		mac_add_text(&mac, answers[i].text);
	}
	return stretch(&mac, questions->salt, ret);
}

static void tries_set(StoredQuestions *questions, int64_t now, int change)
{
	int64_t day = now / DAY;

	if (day > questions->day) {
		questions->day = day;
		questions->today = QUESTIONS_DAILY;
	}
	questions->today = (unsigned)((int)questions->today + change);
	questions->left = (unsigned)((int)questions->left + change);
	if (questions->today > QUESTIONS_DAILY)
		questions->today = QUESTIONS_DAILY;
	if (questions->left > QUESTIONS_TOTAL)
		questions->left = QUESTIONS_TOTAL;
}

/* The stored value, exactly, becomes the one with the tries changed. */
static int put_tries(Changes *changes, const Account *account, const StoredQuestions *questions)
{
	const char *old = entry_text(account->entry, "pwresetQuestions");
	char text[QUESTIONS_VALUE_MAX];

	if (!old || questions_stored_format(questions, text) < 0)
		return -EBADMSG;
	changes_add(changes, CHANGE_DELETE, "pwresetQuestions", old);
	changes_add(changes, CHANGE_ADD, "pwresetQuestions", text);
	return 0;
}

/* Takes one try. CODE_E_REFUSED when none is left, or others take them all. */
static int questions_charge(Call *call, Account *account, StoredQuestions *questions)
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		int r;

		if (!questions_stored_read(account->entry, questions) ||
		    questions_tries(questions, call->caller.now) == 0)
			return CODE_E_REFUSED;
		tries_set(questions, call->caller.now, -1);
		r = put_tries(&changes, account, questions);
		if (r == 0)
			r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (r == 0)
			return account_reload(call, account);
		if (!call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r == ACCOUNT_E_NONE ? CODE_E_REFUSED : r;
	}
	return CODE_E_REFUSED;
}

/* Right: the try is given back and a grant made, in one modify. */
static int questions_grant(Call *call, Account *account, char ret[static TICKET_TEXT_MAX + 1])
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		uint8_t id[TOKEN_ID_SIZE];
		StoredQuestions questions;
		int r;

		if (!questions_stored_read(account->entry, &questions))
			return CODE_E_REFUSED;
		tries_set(&questions, call->caller.now, 1);
		r = put_tries(&changes, account, &questions);
		randombytes_buf(id, sizeof(id));
		stored_sweep(&changes, account->entry, call->caller.now);
		if (r == 0)
			r = grant_make(call, account, id, &changes, ret);
		if (r == 0)
			r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (!call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r == ACCOUNT_E_NONE ? CODE_E_REFUSED : r;
	}
	return CODE_E_REFUSED;
}

/* 0: right. The label of nobody's code charges nobody. */
static int check_code(Call *call, Account *account, const char *typed, StoredToken *ret)
{
	char code[CODE_SYMBOLS + 1];
	int r = CODE_E_REFUSED;

	if (!typed || code_parse(typed, code) < 0)
		memset(code, '0', CODE_SYMBOLS);
	if (account->entry)
		r = code_charge(call, account, code, ret);
	if (r == CODE_E_REFUSED && (r = decoy_charge(call)) == 0)
		r = CODE_E_REFUSED;
	if (r == 0 && !code_matches(call, account, ret, code))
		r = CODE_E_REFUSED;
	if (r == 0)
		r = account_reload(call, account);
	memory_wipe(code, sizeof(code));
	return r == ACCOUNT_E_NONE ? CODE_E_REFUSED : r;
}

static bool answers_read(const JsonNode *array, size_t n, Answer *ret)
{
	bool good = array->n == n;
	size_t i = 0;

	JSON_FOREACH(it, array) {
		if (i < n && (it->type != JSON_STRING || answer_prepare(it->string, &ret[i]) < 0)) {
			good = false;
			ret[i].text[0] = '\0';
		}
		i++;
	}
	return good;
}

/*
 * Every path does the same work: one charge (of the account's, or the decoy's), one derivation.
 * Questions are charged only behind a right code where one is needed, so that strangers cannot use
 * up the tries.
 */
static int check_answers(Call *call, const QuestionParameters *p, Account *account,
			 StoredQuestions *questions, bool enrolled, Answer *answers)
{
	bool good = answers_read(p->answers, questions->n, answers), charged = false;
	uint8_t verifier[MAC_SIZE];
	int r;

	if (enrolled) {
		r = questions_charge(call, account, questions);
		if (r != 0 && r != CODE_E_REFUSED)
			return r;
		charged = r == 0;
	}
	r = charged ? 0 : decoy_charge(call);
	if (r == 0)
		r = questions_derive(call, account, questions, answers, verifier);
	if (r < 0)
		return r;
	if (!memory_equal(verifier, questions->verifier, sizeof(verifier)) || !charged || !good)
		return CODE_E_REFUSED;
	return questions->preparation == QUESTIONS_PREPARATION ? 0 : CODE_E_REFUSED;
}

static int answer(Call *call, const QuestionParameters *p, Answer *answers,
		  char ret[static TICKET_TEXT_MAX + 1])
{
	CLEANUP(question_list_freep) QuestionList *list = NULL;
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	bool code = needs_code(call, p->origin), enrolled;
	StoredQuestions questions;
	StoredToken token;
	int r, code_result = 0;

	r = question_list_load(&list, call->worker, NULL);
	if (r == 0)
		r = questions_open(call, p->user, list, &account, &questions, &enrolled);
	if (r == 0 && code) {
		code_result = check_code(call, &account, p->code, &token);
		if (code_result != 0 && code_result != CODE_E_REFUSED)
			return code_result;
	}
	if (r == 0)
		r = check_answers(call, p, &account, &questions, enrolled && code_result == 0,
				  answers);
	if (r == 0 && code_result == 0 && !account_may_recover(&account, false)) {
		journal_note(call, LOG_NOTICE, "recovery-refused", account.name,
			     account.privileged ? "privileged" : account_state_name(account.state));
		r = CODE_E_REFUSED;
	}
	if (r == 0)
		r = code_result;
	return r == 0 ? questions_grant(call, &account, ret) : r;
}

METHOD(method_answer_questions)
{
	AUTO_FREE Answer *answers = calloc(QUESTIONS_MAX, sizeof(Answer));
	char grant[TICKET_TEXT_MAX + 1] = "";
	QuestionParameters p = { 0 };
	Call call;
	int r;

	if (!answers)
		return -ENOMEM;
	r = call_open(&call, serve, varlink, userdata, answer_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	if (call.worker->config->recovery.questions == CONFIG_QUESTIONS_OFF)
		return fail_refused(&call);
	r = answer(&call, &p, answers, grant);
	memory_wipe(answers, QUESTIONS_MAX * sizeof(Answer));
	if (r == CODE_E_REFUSED)
		return fail_refused(&call);
	if (r != 0)
		return fail_directory(&call, r);
	return grant_answer(&call, grant);
}
