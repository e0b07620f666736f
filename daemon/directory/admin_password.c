/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staff set a password: chosen, made and shown, or made and mailed when the mail is sent. */
#include <string.h>

#include "address.h"
#include "admin.h"
#include "check.h"
#include "generate.h"
#include "methods.h"
#include "mint.h"
#include "own.h"
#include "temporary.h"
#include "write.h"

typedef struct SetParameters {
	const JsonNode *caller;
	const char *user, *password;
	bool temporary, mail;
} SetParameters;

static const VarlinkField set_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(SetParameters, user, true, USER_NAME_MAX),
	FIELD_STRING(SetParameters, password, false, 0),
	{ "temporary", JSON_BOOL, offsetof(SetParameters, temporary), false, 0 },
	{ "mail", JSON_BOOL, offsetof(SetParameters, mail), false, 0 },
	{ 0 },
};

static bool has_address(Call *call, const Account *account)
{
	Addresses addresses;

	addresses_read(account, call->worker->config, &addresses);
	for (size_t i = 0; i < addresses.n; i++)
		if (address_counts(&addresses.list[i], call->caller.now))
			return true;
	return false;
}

/* Why it cannot be done for this account, or NULL. A mailed password is always a temporary one. */
static const char *set_refusal(Call *call, const Account *account, bool temporary, bool mail)
{
	if (!account_may_recover(account, true))
		return account_state_reason(account->state);
	if ((temporary || mail) && !temporary_possible(call, account))
		return "cannot-be-temporary";
	return mail && !has_address(call, account) ? "no-address" : NULL;
}

static int answer(Call *call, const Account *account, WriteResult result, const Secret *shown)
{
	char text[BASE64_SIZE(SECRET_MAX)];
	JsonWriter *w;

	if (result != WRITE_DONE)
		return password_write_failed(call, result);
	replicas_wait(call, account);
	w = serve_reply(call->serve);
	if (shown) {
		base64_encode(shown->bytes, shown->len, text, sizeof(text));
		json_put_string(w, "password", text);
		memory_wipe(text, sizeof(text));
	}
	return serve_send(call->serve);
}

static WriteResult set(Call *call, Account *account, const Secret *password, const History *history,
		       bool temporary, const char *ref)
{
	char by[24];

	caller_author(call, by, sizeof(by));
	return password_write(call, account,
			      &(PasswordWrite){
				      .password = password,
				      .history = history,
				      .what = "set",
				      .by = by,
				      .ref = ref,
				      .expires = temporary ? call->caller.now + TEMPORARY_LIFE : 0,
			      });
}

/* The secret of the call, or a new one. 0; 1: answered. */
static int password_take(Call *call, const SetParameters *p, Secret *ret)
{
	int r;

	if (!p->password) {
		password_generate(ret);
		return 0;
	}
	/* A chosen password would have to wait on a disk for its mail. */
	r = p->mail ? -EINVAL : secret_from_base64(ret, p->password);
	if (r == 0)
		return 0;
	if (r == -EINVAL)
		r = serve_invalid(call->serve, "mail");
	else
		r = r == -EBADMSG ? serve_invalid(call->serve, "password")
				  : password_refuse(call, policy_reason_code(POLICY_TOO_LONG));
	return r < 0 ? r : 1;
}

METHOD(method_admin_set_password)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AUTO_SECRET Secret password = SECRET_NULL;
	SetParameters p = { 0 };
	const char *reason;
	History history;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, set_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_SET_PASSWORD, p.user, &account);
	if (r == 0)
		r = password_take(&call, &p, &password);
	if (r != 0)
		return r < 0 ? r : 0;
	reason = set_refusal(&call, &account, p.temporary, p.mail);
	if (reason)
		return fail_not_allowed(&call, reason);
	if (p.mail) {
		/* Mint does it, when the mail goes. */
		serve_reply(serve);
		return serve_send(serve);
	}
	r = password_check(&call, &account, &password, NULL, &history);
	if (r != 0)
		return r == 1 ? 0 : fail_directory(&call, r);
	return answer(&call, &account, set(&call, &account, &password, &history, p.temporary, ""),
		      p.password ? NULL : &password);
}

int mint_temporary(Call *call, const MintRequest *request, Account *account)
{
	AUTO_SECRET Secret password = SECRET_NULL;
	const char *reason = set_refusal(call, account, true, true);
	Addresses addresses;
	History history;
	WriteResult result;
	MailTo to;
	int r;

	if (reason)
		return mint_skip(call, strcmp(reason, "no-address") == 0 ? reason : "inactive", 0);
	password_generate(&password);
	r = history_open(call, account, &password, &history);
	if (r < 0)
		return fail_directory(call, r);
	addresses_read(account, call->worker->config, &addresses);
	mail_to_recovery(call, account, &addresses, &to);
	mail_to_keep(&addresses, &to);
	result = set(call, account, &password, &history, true, request->id);
	/* Not known whether it was set: tried again later with another one. */
	if (result != WRITE_DONE)
		return fail_directory(call, -EIO);
	return mint_mail(
		call, request, account, &to,
		&(MailValues){ .password = password.bytes, .minutes = TEMPORARY_LIFE / 60 });
}
