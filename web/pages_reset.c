/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The page behind a link: setting a new password, and calling the link off. Only a POST uses a link
 * up. */
#include <string.h>

#include "page.h"
#include "routes.h"

enum { RESET_USER, RESET_PASSWORD, RESET_AGAIN };
const FormField reset_fields[] = {
	{ "user", USER_NAME_MAX, true },
	{ "password", 4096, false },
	{ "again", 4096, false },
	{},
};

const FormField revoke_fields[] = { {} };

static bool ticket_whole(const Request *request)
{
	Ticket ticket;
	int r = ticket_parse(&ticket, request->ticket);

	ticket_wipe(&ticket);
	return r == 0;
}

/* How long link or grant are good is known when they were just looked at. */
void reset_lead(Request *request)
{
	buf_puts(&request->page, "<p class=\"lead\">");
	page_text(request, TEXT_RESET_LEAD);
	if (request->seconds > 0) {
		buf_puts(&request->page, " ");
		page_number(request, TEXT_RESET_LEFT,
			    request->seconds / 60 + (request->seconds % 60 > 0));
	}
	buf_puts(&request->page, "</p>\n");
}

static void reset_page(Request *request)
{
	page_open(request, TEXT_RESET_TITLE);
	reset_lead(request);
	page_form_open(request, NULL, true);
	page_field(request, &(Field){ .name = "user",
				      .label = TEXT_USER,
				      .autocomplete = "username",
				      .value = request->user,
				      .readonly = true });
	page_new_password(request);
	page_form_close(request, TEXT_RESET_BUTTON);
	page_close(request, request->n_problems > 0 ? 422 : 200);
}

/* The account's own language counts where the browser asked for none of ours. */
static void reset_language(Request *request, const char *tag)
{
	const Language *language = tag ? texts_find(request->web->texts, tag) : NULL;

	if (language && !request->language_wanted)
		request->language = language;
}

static void reset_inspected(Request *request, Failure failure, const JsonNode *parameters)
{
	const char *user = json_get_string(parameters, "user");

	if (failure != FAILURE_NONE || !user || !user_name_valid(user) ||
	    !json_get_integer(parameters, "seconds", &request->seconds)) {
		page_failure(request, failure != FAILURE_NONE ? failure : FAILURE_UNAVAILABLE,
			     parameters);
		return;
	}
	reset_language(request, json_get_string(parameters, "language"));
	snprintf(request->user, sizeof(request->user), "%s", user);
	request_policy(request, reset_page);
}

static void reset_inspect(Request *request)
{
	request_call(request, "org.pwreset.Recovery.InspectLink");
	request_put(request, "link", request->ticket);
	request_put_origin(request);
	request_send(request, reset_inspected);
}

void reset_get(Request *request)
{
	/* Said without asking: nothing that is cut off can be alive. */
	if (ticket_whole(request))
		reset_inspect(request);
	else
		page_dead(request, NULL);
}

void done_page(Request *request)
{
	page_open_done(request, TEXT_DONE_TITLE);
	page_lead(request, TEXT_DONE_LEAD);
	page_paragraph(request, TEXT_DONE_DEVICES);
	page_link(request, "/setup", TEXT_DONE_SETUP);
	page_close(request, 200);
}

static void reset_done(Request *request, Failure failure, const JsonNode *parameters)
{
	switch (failure) {
	case FAILURE_NONE:
		done_page(request);
		break;
	case FAILURE_PASSWORD_REFUSED:
		request_password_problems(request, parameters);
		reset_inspect(request);
		break;
	default:
		page_failure(request, failure, parameters);
	}
}

void reset_post(Request *request)
{
	const char *const *values = request->form.values;

	if (values[RESET_USER] && !user_name_valid(values[RESET_USER])) {
		page_refused(request, 400);
		return;
	}
	if (!ticket_whole(request)) {
		page_dead(request, NULL);
		return;
	}
	if (!request_password_check(request, values[RESET_PASSWORD], values[RESET_AGAIN])) {
		reset_inspect(request);
		return;
	}
	request_call(request, "org.pwreset.Recovery.SetPassword");
	request->writes = request->writes_password = true;
	request_put(request, "ticket", request->ticket);
	request_put_password(request, "password", values[RESET_PASSWORD]);
	if (values[RESET_USER])
		request_put(request, "user", values[RESET_USER]);
	request_put_origin(request);
	request_send(request, reset_done);
}

/* ---- "this was not me" ---- */

void revoke_get(Request *request)
{
	if (!ticket_whole(request)) {
		page_dead(request, NULL);
		return;
	}
	page_open(request, TEXT_REVOKE_TITLE);
	page_lead(request, TEXT_REVOKE_LEAD);
	page_paragraph(request, TEXT_REVOKE_SAFE);
	page_form_open(request, NULL, false);
	page_form_close(request, TEXT_REVOKE_BUTTON);
	page_close(request, 200);
}

static void revoke_done(Request *request, Failure failure, const JsonNode *parameters)
{
	if (failure != FAILURE_NONE) {
		page_failure(request, failure, parameters);
		return;
	}
	page_open_done(request, TEXT_REVOKED_TITLE);
	page_lead(request, TEXT_REVOKED_LEAD);
	page_paragraph(request, TEXT_REVOKED_ADVICE);
	page_link(request, "/", TEXT_START);
	page_close(request, 200);
}

void revoke_post(Request *request)
{
	if (!ticket_whole(request)) {
		page_dead(request, NULL);
		return;
	}
	request_call(request, "org.pwreset.Recovery.RevokeLink");
	request->writes = true;
	request_put(request, "link", request->ticket);
	request_put_origin(request);
	request_send(request, revoke_done);
}
