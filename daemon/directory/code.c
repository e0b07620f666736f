/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mailed code becomes a grant. A try is charged before it is checked, so that guesses in parallel
 * cannot share one; the right code gets its try back and is spent only by the password that it
 * leads to.
 */
#include "code.h"

#include <string.h>
#include <syslog.h>

#include "decoy.h"
#include "methods.h"

static bool find_label(Call *call, const Account *account, const char *code, StoredToken *ret)
{
	StoredTokens tokens;

	stored_read(account->entry, &tokens);
	for (size_t i = 0; i < tokens.n; i++) {
		const StoredToken *token = &tokens.list[i];

		if (token->kind == TOKEN_CODE && stored_live(token, call->caller.now) &&
		    strncmp(token->label, code, CODE_LABEL) == 0) {
			*ret = *token;
			return true;
		}
	}
	return false;
}

static bool find_code(const Account *account, const char *id, StoredToken *ret)
{
	StoredTokens tokens;

	stored_read(account->entry, &tokens);
	for (size_t i = 0; i < tokens.n; i++)
		if (tokens.list[i].kind == TOKEN_CODE && strcmp(tokens.list[i].id, id) == 0) {
			*ret = tokens.list[i];
			return true;
		}
	return false;
}

int code_charge(Call *call, Account *account, const char *code, StoredToken *ret)
{
	unsigned attempts = call->worker->config->recovery.code_tries + 1;

	for (unsigned i = 0; i < attempts; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		StoredToken token;
		int r;

		if (!find_label(call, account, code, &token))
			return CODE_E_REFUSED;
		stored_delete(&changes, &token);
		token.tries--;
		stored_add(&changes, &token);
		r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (r == 0) {
			*ret = token;
			return 0;
		}
		/* A lost reply may have charged: what was charged for nothing is not given back. */
		if (!call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r == ACCOUNT_E_NONE ? CODE_E_REFUSED : r;
	}
	return CODE_E_REFUSED;
}

bool code_matches(Call *call, const Account *account, const StoredToken *token, const char *code)
{
	return stored_verify(token, call, account, code + CODE_LABEL, CODE_SECRET);
}

/* The change that gives the try back and makes the grant. */
static int put_grant(Call *call, const Account *account, const StoredToken *token, Changes *changes,
		     char ret[static TICKET_TEXT_MAX + 1])
{
	unsigned cap = call->worker->config->recovery.code_tries;
	StoredToken restored = *token;
	uint8_t id[TOKEN_ID_SIZE];
	StoredTokens tokens;
	size_t len = 0;

	if (base64url_decode(token->id, TOKEN_ID_TEXT, id, sizeof(id), &len) < 0 ||
	    len != sizeof(id))
		return -EBADMSG;
	stored_delete(changes, token);
	stored_read(account->entry, &tokens);
	for (size_t i = 0; i < tokens.n; i++)
		if (tokens.list[i].kind == TOKEN_GRANT && strcmp(tokens.list[i].id, token->id) == 0)
			stored_delete(changes, &tokens.list[i]);
	restored.tries = token->tries < cap ? token->tries + 1 : cap;
	stored_add(changes, &restored);
	return grant_make(call, account, id, changes, ret);
}

int code_grant(Call *call, Account *account, const StoredToken *charged,
	       char ret[static TICKET_TEXT_MAX + 1])
{
	unsigned attempts = call->worker->config->recovery.code_tries + 1;
	StoredToken token = *charged;

	for (unsigned i = 0; i < attempts; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		int r = put_grant(call, account, &token, &changes, ret);

		if (r < 0)
			return r;
		r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (!call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r == ACCOUNT_E_NONE ? CODE_E_REFUSED : r;
		if (!find_code(account, charged->id, &token))
			return CODE_E_REFUSED;
	}
	return CODE_E_REFUSED;
}

typedef struct CodeParameters {
	const JsonNode *caller;
	const char *user, *code;
	const JsonNode *origin;
} CodeParameters;

static const VarlinkField code_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(CodeParameters, user, true, 0),
	FIELD_STRING(CodeParameters, code, true, 0),
	FIELD_OBJECT(CodeParameters, origin, false),
	{ 0 },
};

/* 0, CODE_E_REFUSED or a result of directory_*(). */
static int verify(Call *call, const CodeParameters *p, const char *code,
		  char ret[static TICKET_TEXT_MAX + 1])
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	StoredToken token;
	int r;

	r = account_find(call, p->user, &account);
	if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS) {
		r = decoy_charge(call);
		return r < 0 ? r : CODE_E_REFUSED;
	}
	if (r != 0)
		return r;
	r = code_charge(call, &account, code, &token);
	/*
	 * The label is nobody's: the account is not charged, so a stranger cannot use up its tries.
	 */
	if (r == CODE_E_REFUSED) {
		r = decoy_charge(call);
		return r < 0 ? r : CODE_E_REFUSED;
	}
	if (r != 0)
		return r;
	if (!code_matches(call, &account, &token, code))
		return CODE_E_REFUSED;
	if (!account_may_recover(&account, token.staff)) {
		journal_note(call, LOG_NOTICE, "recovery-refused", account.name,
			     account.privileged ? "privileged" : account_state_name(account.state));
		return CODE_E_REFUSED;
	}
	return code_grant(call, &account, &token, ret);
}

int grant_answer(Call *call, char grant[static TICKET_TEXT_MAX + 1])
{
	JsonWriter *w = serve_reply(call->serve);

	json_put_string(w, "grant", grant);
	json_put_integer(w, "seconds", (int64_t)call->worker->config->recovery.grant_minutes * 60);
	memory_wipe(grant, TICKET_TEXT_MAX + 1);
	return serve_send(call->serve);
}

METHOD(method_verify_code)
{
	char code[CODE_SYMBOLS + 1] = "", grant[TICKET_TEXT_MAX + 1] = "";
	CodeParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, code_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	/*
	 * What is no code at all gives label and secret that match nothing, and takes the same way.
	 */
	if (code_parse(p.code, code) < 0)
		memset(code, '0', CODE_SYMBOLS);
	r = verify(&call, &p, code, grant);
	memory_wipe(code, sizeof(code));
	if (r == CODE_E_REFUSED)
		return fail_refused(&call);
	if (r != 0)
		return fail_directory(&call, r);
	return grant_answer(&call, grant);
}
