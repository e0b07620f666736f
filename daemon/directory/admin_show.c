/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Admin.Show: the record of one account. */
#include <string.h>

#include "address.h"
#include "admin.h"
#include "event.h"
#include "methods.h"
#include "server_policy.h"
#include "questions_stored.h"
#include "stored.h"
#include "temporary.h"

typedef struct ShowParameters {
	const JsonNode *caller;
	const char *user;
} ShowParameters;

static const VarlinkField show_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(ShowParameters, user, true, USER_NAME_MAX),
	{ 0 },
};

static void put_addresses(Call *call, const Account *account, JsonWriter *w)
{
	char masked[MAIL_ADDRESS_MAX + 1];
	Addresses addresses;

	addresses_read(account, call->worker->config, &addresses);
	json_open(w, "addresses", '[');
	for (size_t i = 0; i < addresses.n; i++) {
		if (!address_counts(&addresses.list[i], call->caller.now))
			continue;
		mail_address_mask(addresses.list[i].text, masked, sizeof(masked));
		json_put_string(w, NULL, masked);
	}
	json_close(w, ']');
}

static void put_password(Call *call, const Account *account, JsonWriter *w)
{
	int64_t changed, expires, locked;
	const Attribute *failures = entry_attribute(account->entry, "pwdFailureTime");
	const Attribute *history = entry_attribute(account->entry, "pwresetHistory");
	int64_t retries = 0;

	if (password_changed(account->entry, &changed))
		json_put_integer(w, "passwordChanged", changed);
	if (password_expires(call, account->entry, &expires))
		json_put_integer(w, "passwordExpires", expires);
	json_put_bool(w, "mustChange", password_must_change(account->entry));
	if (temporary_end(account->entry, &expires))
		json_put_integer(w, "temporaryUntil", expires);
	json_put_integer(w, "earlierPasswords", history ? (int64_t)history->n : 0);
	if (!failures)
		(void)entry_integer(account->entry, "passwordRetryCount", &retries);
	json_put_integer(w, "failures", failures ? (int64_t)failures->n : retries);
	if (entry_time(account->entry, "pwdAccountLockedTime", &locked))
		json_put_integer(w, "lockedSince", locked);
}

static void put_setup(Call *call, const Account *account, JsonWriter *w)
{
	const Attribute *saved = entry_attribute(account->entry, "pwresetSavedCode");
	StoredQuestions questions;
	bool enrolled = questions_stored_read(account->entry, &questions);

	json_put_integer(w, "questions", enrolled ? (int64_t)questions.n : 0);
	json_put_integer(w, "questionTriesLeft",
			 enrolled ? questions_tries(&questions, call->caller.now) : 0);
	json_put_integer(w, "savedCodes", saved ? (int64_t)saved->n : 0);
	json_put_bool(w, "pin", entry_has(account->entry, "pwresetPin"));
}

static void put_requests(Call *call, const Account *account, JsonWriter *w)
{
	static const char *const kinds[] = {
		[TOKEN_LINK] = "link", [TOKEN_CODE] = "code", [TOKEN_GRANT] = "grant"
	};
	StoredTokens tokens;

	stored_read(account->entry, &tokens);
	json_open(w, "requests", '[');
	for (size_t i = 0; i < tokens.n; i++) {
		const StoredToken *token = &tokens.list[i];

		if (call->caller.now >= token->expiry)
			continue;
		json_open(w, NULL, '{');
		json_put_string(w, "kind", kinds[token->kind]);
		json_put_string(w, "id", token->id);
		json_put_integer(w, "expires", token->expiry);
		json_put_integer(w, "triesLeft", token->tries);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_events(const Account *account, JsonWriter *w)
{
	const Attribute *values = entry_attribute(account->entry, "pwresetEvent");

	json_open(w, "events", '[');
	for (size_t i = 0; values && i < values->n; i++) {
		Event event;

		if (!event_parse(values->values[i].bytes, &event) ||
		    strcmp(event.what, EVENT_PROOF) == 0)
			continue;
		json_open(w, NULL, '{');
		json_put_integer(w, "time", event.time);
		json_put_string(w, "what", event.what);
		if (*event.by)
			json_put_string(w, "by", event.by);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_text(JsonWriter *w, const char *key, const char *text)
{
	if (text && utf8_valid(text, strlen(text)))
		json_put_string(w, key, text);
}

METHOD(method_admin_show)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	ShowParameters p = { 0 };
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, show_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_SHOW, p.user, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	w = serve_reply(serve);
	json_open(w, "record", '{');
	json_put_string(w, "user", account.name);
	put_text(w, "name", entry_text(account.entry, "cn"));
	put_text(w, "dn", account.dn);
	if (account.uid_number >= 0)
		json_put_integer(w, "uidNumber", account.uid_number);
	json_put_string(w, "state", account_state_name(account.state));
	json_put_bool(w, "privileged", account.privileged != 0);
	put_addresses(&call, &account, w);
	put_password(&call, &account, w);
	put_setup(&call, &account, w);
	put_requests(&call, &account, w);
	put_events(&account, w);
	json_close(w, '}');
	return serve_send(serve);
}
