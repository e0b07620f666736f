/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy's verdict without an account being changed. */
#include "check.h"
#include "methods.h"

#define WORDS_MAX 64U

typedef struct CheckParameters {
	const JsonNode *caller;
	const char *password, *user, *old;
	const JsonNode *words, *origin;
} CheckParameters;

static const VarlinkField check_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(CheckParameters, password, true, 0),
	FIELD_STRING(CheckParameters, user, false, USER_NAME_MAX),
	{ "words", JSON_ARRAY, offsetof(CheckParameters, words), false, WORDS_MAX },
	FIELD_STRING(CheckParameters, old, false, 0),
	FIELD_OBJECT(CheckParameters, origin, false),
	{ 0 },
};

/*
 * Whose words count: the caller's own entry when the name is the caller's, and at the prompt; for
 * others the name alone, since a verdict that changes with somebody's entry would tell what is in
 * it.
 */
static int words_account(Call *call, const char *user, Account *ret)
{
	AUTO_ACCOUNT Account own = ACCOUNT_NULL;
	int r;

	if (!user)
		return 0;
	if (call_via(call, "pam"))
		r = account_find(call, user, ret);
	else
		r = account_find_own(call, &own);
	if (r == 0 && own.entry && account_answers_to(&own, user, call->worker->config)) {
		*ret = own;
		own = ACCOUNT_NULL;
	}
	return r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS ? 0 : r;
}

METHOD(method_password_check)
{
	AUTO_SECRET Secret password = SECRET_NULL, old = SECRET_NULL;
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	CheckParameters p = { 0 };
	PolicyVerdict verdict;
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, check_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = secret_from_base64(&password, p.password);
	if (r == -EBADMSG)
		return serve_invalid(serve, "password");
	if (p.old && secret_from_base64(&old, p.old) < 0)
		return serve_invalid(serve, "old");
	if (r < 0) {
		verdict = (PolicyVerdict){ .reasons = POLICY_TOO_LONG };
	} else {
		r = words_account(&call, p.user, &account);
		if (r != 0)
			return fail_directory(&call, r);
		password_judge(&call, account.entry ? &account : NULL, p.words, &password,
			       p.old ? &old : NULL, &verdict);
	}
	w = serve_reply(serve);
	json_put_bool(w, "accepted", verdict.accepted);
	verdict_write(w, &verdict);
	return serve_send(serve);
}

METHOD(method_password_get_policy)
{
	static const VarlinkField fields[] = { CALLER_FIELD, { 0 } };
	const JsonNode *caller;
	const Config *config;
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, fields, &caller);
	if (r != 0)
		return r < 0 ? r : 0;
	config = call.worker->config;
	w = serve_reply(serve);
	json_put_integer(w, "minLength", config->policy.min_length);
	json_put_integer(w, "maxBytes", POLICY_PASSWORD_MAX);
	json_put_integer(w, "minBits", config->policy.min_bits);
	return serve_send(serve);
}
