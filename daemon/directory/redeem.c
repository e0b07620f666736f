/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new password for a link or a grant. */
#include <string.h>

#include "check.h"
#include "methods.h"
#include "ticket.h"
#include "write.h"

typedef struct SetParameters {
	const JsonNode *caller;
	const char *ticket, *password, *user;
	const JsonNode *origin;
} SetParameters;

static const VarlinkField set_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(SetParameters, ticket, true, 0),
	FIELD_STRING(SetParameters, password, true, 0),
	FIELD_STRING(SetParameters, user, false, 0),
	FIELD_OBJECT(SetParameters, origin, false),
	{ 0 },
};

static int answer(Call *call, OpenTicket *open, WriteResult result)
{
	JsonWriter *w;

	switch (result) {
	case WRITE_DONE:
		replicas_wait(call, &open->account);
		w = serve_reply(call->serve);
		json_put_string(w, "user", open->account.name);
		return serve_send(call->serve);
	case WRITE_USED:
		return ticket_fail(call, open, "used");
	case WRITE_STATE:
		return ticket_fail(call, open, "revoked");
	case WRITE_POLICY:
		return password_refuse(
			call, password_directory_reason(directory_policy(call->worker->directory)));
	case WRITE_UNKNOWN:
		return fail_unknown_outcome(call);
	case WRITE_FORBIDDEN:
	case WRITE_UNAVAILABLE:
		break;
	}
	return serve_fail(call->serve, "org.pwreset.Failure.Unavailable");
}

METHOD(method_set_password)
{
	AUTO_OPEN_TICKET OpenTicket open = { .account = ACCOUNT_NULL };
	AUTO_SECRET Secret password = SECRET_NULL;
	SetParameters p = { 0 };
	History history;
	const char *dead;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, set_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = secret_from_base64(&password, p.password);
	if (r == -EBADMSG)
		return serve_invalid(serve, "password");
	if (r < 0)
		return password_refuse(&call, policy_reason_code(POLICY_TOO_LONG));
	r = ticket_open(&call, p.ticket, &open, &dead);
	if (r == TICKET_E_DEAD)
		return ticket_fail(&call, &open, dead);
	if (r != 0)
		return fail_directory(&call, r);
	/* A grant of one person, typed at the prompt of another. */
	if (p.user && !account_answers_to(&open.account, p.user, call.worker->config))
		return ticket_fail(&call, &open, "unknown");
	r = password_check(&call, &open.account, &password, NULL, &history);
	if (r != 0)
		return r == 1 ? 0 : fail_directory(&call, r);
	return answer(&call, &open,
		      password_write(&call, &open.account,
				     &(PasswordWrite){
					     .password = &password,
					     .history = &history,
					     .token = &open.token,
					     .ticket = &open.ticket,
					     .what = "changed",
					     .by = "",
				     }));
}
