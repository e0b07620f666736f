/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking for a link or a code, and for one's user name: the answer is the same for everyone. */
#include <string.h>

#include "page.h"
#include "routes.h"

enum { ASK_USER, ASK_KIND };
const FormField ask_fields[] = { { "user", 1024, false }, { "kind", 8, true }, {} };

enum { USERNAME_ADDRESS };
const FormField username_fields[] = { { "address", 1024, false }, {} };

static void ask_page(Request *request, unsigned status)
{
	page_open(request, TEXT_ASK_TITLE);
	page_lead(request, TEXT_ASK_LEAD);
	page_form_open(request, "/", false);
	page_field(request, &(Field){ .name = "user",
				      .label = TEXT_ASK_USER,
				      .autocomplete = "username",
				      .extra = " autocapitalize=\"none\" spellcheck=\"false\"" });
	buf_puts(&request->page, "<button name=\"kind\" value=\"link\">");
	page_text(request, TEXT_ASK_BUTTON);
	buf_puts(&request->page,
		 "</button>\n<button class=\"second\" name=\"kind\" value=\"code\">");
	page_text(request, TEXT_ASK_BUTTON_CODE);
	buf_puts(&request->page, "</button>\n</form>\n<section>\n<h2>");
	page_text(request, TEXT_ASK_OTHER);
	buf_puts(&request->page, "</h2>\n");
	page_link(request, "/code", TEXT_ASK_CODE);
	page_link(request, "/username", TEXT_ASK_USERNAME);
	page_link(request, "/change", TEXT_ASK_CHANGE);
	page_link(request, "/setup", TEXT_ASK_SETUP);
	buf_puts(&request->page, "</section>\n");
	page_close(request, status);
}

void ask_get(Request *request)
{
	ask_page(request, 200);
}

static void put_advice(Request *request, const TextId *texts, size_t n)
{
	buf_puts(&request->page, "<section>\n<h2>");
	page_text(request, TEXT_SENT_NOTHING);
	buf_puts(&request->page, "</h2>\n<ul>\n");
	for (size_t i = 0; i < n; i++) {
		buf_puts(&request->page, "<li>");
		page_text(request, texts[i]);
		buf_puts(&request->page, "</li>\n");
	}
	buf_puts(&request->page, "</ul>\n</section>\n");
}

static void sent_page(Request *request)
{
	static const TextId advice[] = { TEXT_SENT_SPAM, TEXT_SENT_SPELLING, TEXT_SENT_WAIT };

	page_open(request, TEXT_SENT_TITLE);
	page_lead(request, TEXT_SENT_LEAD);
	put_advice(request, advice, ARRAY_SIZE(advice));
	page_link(request, "/", TEXT_SENT_AGAIN);
	page_close(request, 200);
}

static void ask_link_done(Request *request, Failure failure, const JsonNode *parameters)
{
	if (failure != FAILURE_NONE)
		page_failure(request, failure, parameters);
	else
		sent_page(request);
}

static void ask_code_done(Request *request, Failure failure, const JsonNode *parameters)
{
	if (failure != FAILURE_NONE)
		page_failure(request, failure, parameters);
	else
		code_page(request, true, 200);
}

void ask_post(Request *request)
{
	const char *user = request->form.values[ASK_USER], *kind = request->form.values[ASK_KIND];
	bool code = kind && strcmp(kind, "code") == 0;

	if (kind && !code && strcmp(kind, "link") != 0) {
		page_refused(request, 400);
		return;
	}
	/* What this tells, it tells of the text alone, not of any account. */
	if (!user_name_valid(user)) {
		if (!request_empty(request, user, "user", TEXT_ASK_USER))
			request_problem(request, TEXT_ASK_INVALID, "user", 0);
		ask_page(request, 422);
		return;
	}
	request_call(request, code ? "org.pwreset.Recovery.RequestCode"
				   : "org.pwreset.Recovery.RequestLink");
	request_put(request, "user", user);
	request_put(request, "language", request->language->tag);
	request_put_origin(request);
	request_send(request, code ? ask_code_done : ask_link_done);
}

/* ---- the user name ---- */

static void username_page(Request *request, unsigned status)
{
	page_open(request, TEXT_USERNAME_TITLE);
	page_lead(request, TEXT_USERNAME_LEAD);
	page_form_open(request, NULL, false);
	page_field(request, &(Field){ .name = "address",
				      .label = TEXT_USERNAME_ADDRESS,
				      .type = "email",
				      .autocomplete = "email" });
	page_form_close(request, TEXT_USERNAME_BUTTON);
	page_link(request, "/", TEXT_START);
	page_close(request, status);
}

void username_get(Request *request)
{
	username_page(request, 200);
}

static void username_done(Request *request, Failure failure, const JsonNode *parameters)
{
	static const TextId advice[] = { TEXT_SENT_SPAM, TEXT_SENT_SPELLING };

	if (failure != FAILURE_NONE) {
		page_failure(request, failure, parameters);
		return;
	}
	page_open(request, TEXT_USERNAME_SENT_TITLE);
	page_lead(request, TEXT_USERNAME_SENT_LEAD);
	put_advice(request, advice, ARRAY_SIZE(advice));
	page_link(request, "/", TEXT_START);
	page_close(request, 200);
}

void username_post(Request *request)
{
	const char *address = request->form.values[USERNAME_ADDRESS];

	if (!mail_address_valid(address)) {
		if (!request_empty(request, address, "address", TEXT_USERNAME_ADDRESS))
			request_problem(request, TEXT_USERNAME_INVALID, "address", 0);
		username_page(request, 422);
		return;
	}
	request_call(request, "org.pwreset.Recovery.RemindUserName");
	request_put(request, "address", address);
	request_put(request, "language", request->language->tag);
	request_put_origin(request);
	request_send(request, username_done);
}
