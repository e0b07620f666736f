/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changing a known password, and root's "passwd USER". */
#include "check.h"
#include "methods.h"
#include "prove.h"
#include "write.h"

#include <string.h>
#include <syslog.h>

typedef struct PasswordParameters {
	const JsonNode *caller;
	const char *user, *password, *current;
	const JsonNode *origin;
} PasswordParameters;

static const VarlinkField verify_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(PasswordParameters, user, true, 0),
	FIELD_STRING(PasswordParameters, password, true, 0),
	FIELD_OBJECT(PasswordParameters, origin, false),
	{ 0 },
};

static const VarlinkField change_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(PasswordParameters, user, true, 0),
	FIELD_STRING(PasswordParameters, current, true, 0),
	FIELD_STRING(PasswordParameters, password, true, 0),
	FIELD_OBJECT(PasswordParameters, origin, false),
	{ 0 },
};

static const VarlinkField set_by_root_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(PasswordParameters, user, true, 0),
	FIELD_STRING(PasswordParameters, password, true, 0),
	FIELD_OBJECT(PasswordParameters, origin, false),
	{ 0 },
};

static const VarlinkField exists_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(PasswordParameters, user, true, 0),
	{ 0 },
};

/* PAM asks for every name that logs in: it has to go on to local accounts. Nobody else is told. */
static int fail_absent(Call *call)
{
	return call_via(call, "pam") ? fail_not_allowed(call, "no-such-user")
				     : fail_wrong_password(call);
}

int prove_fail(Call *call, int r, int64_t seconds)
{
	switch (r) {
	case PROVE_E_WRONG:
		return fail_wrong_password(call);
	case PROVE_E_LATER:
		/*
		 * A name that nobody has is never told to wait: a stranger would learn who exists.
		 */
		if (call_via(call, "web"))
			return fail_wrong_password(call);
		return fail_try_later(call, seconds);
	default:
		return fail_directory(call, r);
	}
}

/* 0: found and its current password is right. 1: answered. */
static int prove_user(Call *call, const char *user, const Secret *current, Account *ret)
{
	int64_t seconds = 0;
	int r = account_find(call, user, ret);

	if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
		r = fail_absent(call);
	else if (r != 0)
		r = fail_directory(call, r);
	else if ((r = password_prove(call, ret, current, &seconds)) != 0)
		r = prove_fail(call, r, seconds);
	else
		return 0;
	return r < 0 ? r : 1;
}

METHOD(method_password_verify)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AUTO_SECRET Secret current = SECRET_NULL;
	PasswordParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, verify_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = secret_from_base64(&current, p.password);
	if (r < 0)
		return r == -EBADMSG ? serve_invalid(serve, "password")
				     : fail_wrong_password(&call);
	r = prove_user(&call, p.user, &current, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	serve_reply(serve);
	return serve_send(serve);
}

METHOD(method_password_exists)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	PasswordParameters p = { 0 };
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, exists_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = account_find(&call, p.user, &account);
	if (r != 0 && r != ACCOUNT_E_NONE && r != ACCOUNT_E_AMBIGUOUS)
		return fail_directory(&call, r);
	w = serve_reply(serve);
	/* An address finds an account, but it is no name that PAM could log in. */
	json_put_bool(w, "exists", r == 0 && !account.typed_address);
	return serve_send(serve);
}

int password_write_failed(Call *call, WriteResult result)
{
	switch (result) {
	case WRITE_POLICY:
		return password_refuse(
			call, password_directory_reason(directory_policy(call->worker->directory)));
	case WRITE_STATE:
	case WRITE_USED:
		return fail_not_allowed(call, "locked");
	case WRITE_FORBIDDEN:
		return fail_not_allowed(call, "not-possible-here");
	case WRITE_UNKNOWN:
		return fail_unknown_outcome(call);
	case WRITE_DONE:
	case WRITE_UNAVAILABLE:
		break;
	}
	return serve_fail(call->serve, "org.pwreset.Failure.Unavailable");
}

/* account: NULL when no marker was written that replicas could be asked for. */
static int answer_written(Call *call, const Account *account, WriteResult result)
{
	if (result != WRITE_DONE)
		return password_write_failed(call, result);
	if (account)
		replicas_wait(call, account);
	serve_reply(call->serve);
	return serve_send(call->serve);
}

/*
 * 0, or 1 when answered. The passwords of a call, or an answer that names what is wrong with them.
 */
static int secrets_read(Call *call, const PasswordParameters *p, Secret *current, Secret *password)
{
	int r = current ? secret_from_base64(current, p->current) : 0;

	if (r == -EBADMSG)
		r = serve_invalid(call->serve, "current");
	else if (r < 0)
		r = fail_wrong_password(call);
	else if ((r = secret_from_base64(password, p->password)) == -EBADMSG)
		r = serve_invalid(call->serve, "password");
	else if (r < 0)
		r = password_refuse(call, policy_reason_code(POLICY_TOO_LONG));
	else
		return 0;
	return r < 0 ? r : 1;
}

METHOD(method_password_change)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AUTO_SECRET Secret current = SECRET_NULL, password = SECRET_NULL;
	PasswordParameters p = { 0 };
	const char *reason;
	History history;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, change_fields, &p);
	if (r == 0)
		r = secrets_read(&call, &p, &current, &password);
	if (r == 0)
		r = prove_user(&call, p.user, &current, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	reason = account_state_reason(account.state);
	/*
	 * Who knows the password needs no way back in: passwd works for privileged people too, with
	 * their own rights. Strangers have been told by prove.c that it was wrong.
	 */
	if (account.privileged && !call_via(&call, "pam"))
		reason = "privileged";
	if (reason)
		return fail_not_allowed(&call, reason);
	r = password_check(&call, &account, &password, &current, &history);
	if (r != 0)
		return r == 1 ? 0 : fail_directory(&call, r);
	if (account.privileged)
		return answer_written(&call, NULL,
				      password_write_own(&call, &account, &current, &password));
	return answer_written(&call, &account,
			      password_write(&call, &account,
					     &(PasswordWrite){
						     .password = &password,
						     .history = &history,
						     .what = "changed",
						     .by = "",
						     .ref = "",
					     }));
}

METHOD(method_password_set_by_root)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AUTO_SECRET Secret password = SECRET_NULL;
	PasswordParameters p = { 0 };
	const char *reason;
	History history;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, set_by_root_fields, &p);
	if (r == 0)
		r = secrets_read(&call, &p, NULL, &password);
	if (r != 0)
		return r < 0 ? r : 0;
	/* Twice: the broker's table says it too. Root of a host in a fleet is nobody here. */
	if (!call.worker->config->roles.root_sets_passwords || !(call.caller.roles & ROLE_ROOT))
		return serve_fail(serve, VARLINK_E_PERMISSION_DENIED);
	r = account_find(&call, p.user, &account);
	if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
		return fail_not_allowed(&call, r == ACCOUNT_E_NONE ? "no-such-user" : "ambiguous");
	if (r != 0)
		return fail_directory(&call, r);
	reason = account.privileged ? "privileged" : account_state_reason(account.state);
	if (reason)
		return fail_not_allowed(&call, reason);
	r = password_check(&call, &account, &password, NULL, &history);
	if (r != 0)
		return r == 1 ? 0 : fail_directory(&call, r);
	return answer_written(&call, &account,
			      password_write(&call, &account,
					     &(PasswordWrite){
						     .password = &password,
						     .history = &history,
						     .what = "set",
						     .by = "root",
						     .ref = "",
					     }));
}
