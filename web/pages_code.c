/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typing a code instead of following a link: a mailed one, or one of the saved ones. */
#include <string.h>

#include "page.h"
#include "routes.h"

#define SAVED_CODE_MAX 64 /* bytes as typed */

enum { CODE_USER, CODE_CODE };
const FormField code_fields[] = { { "user", 1024, false }, { "code", 256, false }, {} };

enum { GRANT_USER, GRANT_GRANT, GRANT_PASSWORD, GRANT_AGAIN };
const FormField grant_fields[] = {
	{ "user", USER_NAME_MAX, false },
	{ "grant", TICKET_TEXT_MAX, false },
	{ "password", 4096, false },
	{ "again", 4096, false },
	{},
};

void code_page(Request *request, bool sent, unsigned status)
{
	page_open(request, TEXT_CODE_TITLE);
	page_lead(request, sent ? TEXT_CODE_SENT : TEXT_CODE_LEAD);
	page_form_open(request, "/code", false);
	page_field(request, &(Field){ .name = "user",
				      .label = TEXT_ASK_USER,
				      .autocomplete = "username",
				      .extra = " autocapitalize=\"none\" spellcheck=\"false\"" });
	page_field(
		request,
		&(Field){
			.name = "code",
			.label = TEXT_CODE_LABEL,
			.autocomplete = "one-time-code",
			.hint = "example",
			.extra =
				" class=\"code\" autocapitalize=\"characters\" spellcheck=\"false\"" });
	buf_puts(&request->page, "<p class=\"quiet\" id=\"example\">");
	page_text(request, TEXT_CODE_EXAMPLE);
	buf_puts(&request->page, "</p>\n");
	page_form_close(request, TEXT_CODE_BUTTON);
	page_link(request, "/", TEXT_CODE_NONE);
	page_close(request, status);
}

void code_get(Request *request)
{
	code_page(request, false, 200);
}

/* The form behind a right code. The grant stands in it, and nothing of it has to be kept here. */
static void grant_page(Request *request, unsigned status)
{
	page_open(request, TEXT_RESET_TITLE);
	reset_lead(request);
	page_form_open(request, "/new", true);
	page_hidden(request, "grant", request->ticket);
	page_field(request, &(Field){ .name = "user",
				      .label = TEXT_ASK_USER,
				      .autocomplete = "username",
				      .value = request->user,
				      .readonly = true });
	page_new_password(request);
	page_form_close(request, TEXT_RESET_BUTTON);
	page_close(request, status);
}

static void grant_form(Request *request)
{
	grant_page(request, 200);
}

static void code_done(Request *request, Failure failure, const JsonNode *parameters)
{
	const char *grant = json_get_string(parameters, "grant");
	Ticket ticket;

	if (failure == FAILURE_REFUSED) {
		request_problem(request, TEXT_CODE_REFUSED, "code", 0);
		code_page(request, false, 422);
		return;
	}
	if (failure != FAILURE_NONE || !grant || ticket_parse(&ticket, grant) < 0 ||
	    !json_get_integer(parameters, "seconds", &request->seconds)) {
		page_failure(request, failure != FAILURE_NONE ? failure : FAILURE_UNAVAILABLE,
			     parameters);
		return;
	}
	ticket_wipe(&ticket);
	snprintf(request->ticket, sizeof(request->ticket), "%s", grant);
	/* The daemon has taken it for a name that goes with the code. */
	snprintf(request->user, sizeof(request->user), "%s", request->form.values[CODE_USER]);
	request_policy(request, grant_form);
}

void code_post(Request *request)
{
	const char *user = request->form.values[CODE_USER], *code = request->form.values[CODE_CODE];
	char symbols[CODE_SYMBOLS + 1];
	bool mailed = code_parse(code, symbols) == 0;

	memory_wipe(symbols, sizeof(symbols));
	(void)request_empty(request, user, "user", TEXT_ASK_USER);
	(void)request_empty(request, code, "code", TEXT_CODE_LABEL);
	if (request->n_problems == 0 && (!user_name_valid(user) || strlen(code) > SAVED_CODE_MAX))
		request_problem(request, TEXT_CODE_REFUSED, "code", 0);
	if (request->n_problems > 0) {
		code_page(request, false, 422);
		return;
	}
	request_call(request, mailed ? "org.pwreset.Recovery.VerifyCode"
				     : "org.pwreset.Recovery.VerifySavedCode");
	request_put(request, "user", user);
	request_put(request, "code", code);
	request_put_origin(request);
	request_send(request, code_done);
}

/* Nothing stands here without a code. */
void grant_get(Request *request)
{
	request_redirect(request, 303, "/code");
}

static void grant_again(Request *request)
{
	grant_page(request, 422);
}

static void grant_done(Request *request, Failure failure, const JsonNode *parameters)
{
	switch (failure) {
	case FAILURE_NONE:
		done_page(request);
		break;
	case FAILURE_PASSWORD_REFUSED:
		request_password_problems(request, parameters);
		request_policy(request, grant_again);
		break;
	case FAILURE_REFUSED:
	case FAILURE_LINK_DEAD:
		request_problem(request, TEXT_RESET_EXPIRED, NULL, 0);
		code_page(request, false, 410);
		break;
	default:
		page_failure(request, failure, parameters);
	}
}

void grant_post(Request *request)
{
	const char *const *values = request->form.values;
	Ticket ticket;

	/* Both were written by us: what is not in their form is not from our page. */
	if (ticket_parse(&ticket, values[GRANT_GRANT]) < 0 ||
	    !user_name_valid(values[GRANT_USER])) {
		page_refused(request, 400);
		return;
	}
	ticket_wipe(&ticket);
	snprintf(request->ticket, sizeof(request->ticket), "%s", values[GRANT_GRANT]);
	snprintf(request->user, sizeof(request->user), "%s", values[GRANT_USER]);
	if (!request_password_check(request, values[GRANT_PASSWORD], values[GRANT_AGAIN])) {
		request_policy(request, grant_again);
		return;
	}
	request_call(request, "org.pwreset.Recovery.SetPassword");
	request->writes = request->writes_password = true;
	request_put(request, "ticket", request->ticket);
	request_put_password(request, "password", values[GRANT_PASSWORD]);
	request_put_origin(request);
	request_send(request, grant_done);
}
