/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a person for the policy engine, and its verdict on the wire. */
#include "check.h"

#include <string.h>

#define REASON_REUSED "history"

typedef struct Words {
	const char *list[POLICY_PERSON_WORDS_MAX];
	size_t n;
} Words;

static void words_add(Words *words, const char *word)
{
	for (size_t i = 0; i < words->n; i++)
		if (strcmp(words->list[i], word) == 0)
			return;
	if (words->n < ARRAY_SIZE(words->list))
		words->list[words->n++] = word;
}

static void words_add_entry(Words *words, const Account *account, const Config *config)
{
	const char *names[ACCOUNT_PERSONAL_N];

	account_personal(config, names);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const Attribute *attribute = entry_attribute(account->entry, names[i]);

		for (size_t j = 0; attribute && j < attribute->n; j++)
			words_add(words, attribute->values[j].bytes);
	}
}

void password_judge(Call *call, const Account *account, const JsonNode *words_node,
		    const Secret *password, const Secret *old, PolicyVerdict *ret)
{
	Words words = { 0 };
	PolicyInput input = {
		.password = (const uint8_t *)password->bytes,
		.n_password = password->len,
		.person_words = words.list,
		.old_password = old ? (const uint8_t *)old->bytes : NULL,
		.n_old_password = old ? old->len : 0,
	};

	if (words_node)
		JSON_FOREACH(it, words_node)
			if (it->type == JSON_STRING)
				words_add(&words, it->string);
	if (account)
		words_add_entry(&words, account, call->worker->config);
	input.n_person_words = words.n;
	policy_check(call->worker->policy, &input, ret);
}

void verdict_write(JsonWriter *w, const PolicyVerdict *verdict)
{
	json_open(w, "reasons", '[');
	for (uint32_t bit = 1; bit <= _POLICY_REASON_MAX; bit <<= 1)
		if (verdict->reasons & bit)
			json_put_string(w, NULL, policy_reason_code((PolicyReason)bit));
	json_close(w, ']');
	json_open(w, "hints", '[');
	for (uint32_t bit = 1; bit <= _POLICY_HINT_MAX; bit <<= 1)
		if (verdict->hints & bit)
			json_put_string(w, NULL, policy_hint_code((PolicyHint)bit));
	json_close(w, ']');
	json_put_integer(w, "bits", verdict->bits);
}

int password_refuse(Call *call, const char *reason)
{
	JsonWriter *w = serve_error(call->serve, "org.pwreset.Failure.PasswordRefused");

	json_open(w, "reasons", '[');
	json_put_string(w, NULL, reason);
	json_close(w, ']');
	json_open(w, "hints", '[');
	json_close(w, ']');
	json_put_integer(w, "bits", 0);
	return serve_send(call->serve);
}

const char *password_directory_reason(DirectoryPolicy policy)
{
	switch (policy) {
	case DIRECTORY_POLICY_TOO_SHORT:
		return "too-short";
	case DIRECTORY_POLICY_TOO_LONG:
		return "too-long";
	case DIRECTORY_POLICY_IN_HISTORY:
		return REASON_REUSED;
	case DIRECTORY_POLICY_TOO_YOUNG:
		return "too-young";
	default:
		return "directory-policy";
	}
}

int password_check(Call *call, const Account *account, const Secret *password, const Secret *old,
		   History *ret_history)
{
	const Config *config = call->worker->config;
	PolicyVerdict verdict;
	JsonWriter *w;
	int r;

	password_judge(call, account, NULL, password, old, &verdict);
	if (!verdict.accepted) {
		w = serve_error(call->serve, "org.pwreset.Failure.PasswordRefused");
		verdict_write(w, &verdict);
		r = serve_send(call->serve);
		return r < 0 ? r : 1;
	}
	/* What begins with a scheme would be taken for a hash by a server that hashes itself. */
	if (config->directory.hash == CONFIG_HASH_SERVER && password->bytes[0] == '{') {
		r = password_refuse(call, "directory-policy");
		return r < 0 ? r : 1;
	}
	r = history_open(call, account, password, ret_history);
	if (r < 0)
		return r;
	if (ret_history->reused || (old && old->len == password->len &&
				    memory_equal(old->bytes, password->bytes, old->len))) {
		r = password_refuse(call, REASON_REUSED);
		return r < 0 ? r : 1;
	}
	return 0;
}
