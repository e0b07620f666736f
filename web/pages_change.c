/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changing a password that is known: the current one is the proof. */
#include "page.h"
#include "routes.h"

enum { CHANGE_USER, CHANGE_CURRENT, CHANGE_PASSWORD, CHANGE_AGAIN };
const FormField change_fields[] = {
	{ "user", 1024, false },
	{ "current", 4096, false },
	{ "password", 4096, false },
	{ "again", 4096, false },
	{},
};

static void change_page(Request *request)
{
	page_open(request, TEXT_CHANGE_TITLE);
	page_lead(request, TEXT_CHANGE_LEAD);
	page_form_open(request, NULL, true);
	page_proof(request);
	page_new_password(request);
	page_form_close(request, TEXT_CHANGE_BUTTON);
	page_link(request, "/", TEXT_CHANGE_FORGOTTEN);
	page_close(request, request->n_problems > 0 ? 422 : 200);
}

void change_get(Request *request)
{
	request_policy(request, change_page);
}

static void change_done(Request *request, Failure failure, const JsonNode *parameters)
{
	switch (failure) {
	case FAILURE_NONE:
		done_page(request);
		break;
	case FAILURE_WRONG_PASSWORD:
		request_problem(request, TEXT_CHANGE_WRONG, "current", 0);
		request_policy(request, change_page);
		break;
	case FAILURE_PASSWORD_REFUSED:
		request_password_problems(request, parameters);
		request_policy(request, change_page);
		break;
	case FAILURE_NOT_ALLOWED:
		request_problem(request, TEXT_CHANGE_NOT_ALLOWED, NULL, 0);
		request_policy(request, change_page);
		break;
	default:
		page_failure(request, failure, parameters);
	}
}

void change_post(Request *request)
{
	const char *const *values = request->form.values;

	if (!request_proof_check(request, values[CHANGE_USER], values[CHANGE_CURRENT]) ||
	    !request_password_check(request, values[CHANGE_PASSWORD], values[CHANGE_AGAIN])) {
		request_policy(request, change_page);
		return;
	}
	request_call(request, "org.pwreset.Password.Change");
	request->writes = request->writes_password = true;
	request_put(request, "user", values[CHANGE_USER]);
	request_put_password(request, "current", values[CHANGE_CURRENT]);
	request_put_password(request, "password", values[CHANGE_PASSWORD]);
	request_put_origin(request);
	request_send(request, change_done);
}
