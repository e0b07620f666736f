/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Setting up saved codes and a recovery address, and seeing what is set up. Each form asks for the
 * current password anew: so this process keeps none, and there is no session that could be stolen.
 */
#include <string.h>
#include <time.h>

#include "page.h"
#include "routes.h"

enum { SETUP_USER, SETUP_CURRENT };
const FormField setup_fields[] = { { "user", 1024, false }, { "current", 4096, false }, {} };
const FormField codes_fields[] = { { "user", 1024, false }, { "current", 4096, false }, {} };

enum { MAIL_USER, MAIL_CURRENT, MAIL_ADDRESS };
const FormField mail_fields[] = {
	{ "user", 1024, false },
	{ "current", 4096, false },
	{ "address", 1024, false },
	{},
};

enum { CONFIRM_USER, CONFIRM_ADDRESS, CONFIRM_CODE };
const FormField confirm_fields[] = {
	{ "user", 1024, false },
	{ "address", 1024, false },
	{ "code", 256, false },
	{},
};

typedef void (*SetupPage)(Request *request);

/* What every call with a current password can fail with; true when the page has been shown. */
static bool setup_failed(Request *request, Failure failure, const JsonNode *parameters,
			 SetupPage again)
{
	switch (failure) {
	case FAILURE_NONE:
		return false;
	case FAILURE_WRONG_PASSWORD:
		request_problem(request, TEXT_CHANGE_WRONG, "current", 0);
		again(request);
		return true;
	case FAILURE_NOT_ALLOWED:
		request_problem(request, TEXT_CHANGE_NOT_ALLOWED, NULL, 0);
		again(request);
		return true;
	default:
		page_failure(request, failure, parameters);
		return true;
	}
}

static unsigned status_of(const Request *request)
{
	return request->n_problems > 0 ? 422 : 200;
}

/* ---- the overview ---- */

static void put_choice(Request *request, const char *path, TextId text, TextId why)
{
	Buf *out = &request->page;

	buf_puts(out, "<li><a href=\"");
	buf_puts(out, path);
	if (request->language_chosen)
		buf_printf(out, "?lang=%s", request->language->tag);
	buf_puts(out, "\"><strong>");
	page_text(request, text);
	buf_puts(out, "</strong> <span>");
	page_text(request, why);
	buf_puts(out, "</span></a></li>\n");
}

static void put_choices(Request *request)
{
	buf_puts(&request->page, "<ul class=\"choices\">\n");
	put_choice(request, "/setup/codes", TEXT_SETUP_CODES, TEXT_SETUP_CODES_WHY);
	put_choice(request, "/setup/mail", TEXT_SETUP_MAIL, TEXT_SETUP_MAIL_WHY);
	put_choice(request, "/setup/questions", TEXT_SETUP_QUESTIONS, TEXT_SETUP_QUESTIONS_WHY);
	buf_puts(&request->page, "</ul>\n");
}

static void setup_page(Request *request)
{
	page_open(request, TEXT_SETUP_TITLE);
	page_lead(request, TEXT_SETUP_LEAD);
	put_choices(request);
	buf_puts(&request->page, "<section>\n<h2>");
	page_text(request, TEXT_SETUP_STATUS);
	buf_puts(&request->page, "</h2>\n");
	page_paragraph(request, TEXT_SETUP_STATUS_LEAD);
	page_form_open(request, NULL, true);
	page_proof(request);
	page_form_close(request, TEXT_SETUP_STATUS_BUTTON);
	buf_puts(&request->page, "</section>\n");
	page_close(request, status_of(request));
}

void setup_get(Request *request)
{
	setup_page(request);
}

static void put_address(Request *request, const JsonNode *address)
{
	Buf *out = &request->page;
	const char *text = json_get_string(address, "address"),
		   *state = json_get_string(address, "state");

	if (!text)
		return;
	buf_puts(out, "<dd>");
	html_text(out, text);
	if (json_get_bool(address, "own", false)) {
		buf_puts(out, " <span class=\"tag\">");
		page_text(request, TEXT_STATUS_OWN);
		buf_puts(out, "</span>");
	}
	if (state && strcmp(state, "valid") != 0) {
		buf_puts(out, " <span class=\"tag\">");
		page_text(request, strcmp(state, "waiting") == 0 ? TEXT_STATUS_WAITING
								 : TEXT_STATUS_UNCONFIRMED);
		buf_puts(out, "</span>");
	}
	buf_puts(out, "</dd>\n");
}

static void put_term(Request *request, TextId term)
{
	buf_puts(&request->page, "<dt>");
	page_text(request, term);
	buf_puts(&request->page, "</dt>\n");
}

static void put_count(Request *request, TextId term, TextId text, int64_t number)
{
	put_term(request, term);
	buf_puts(&request->page, number > 0 ? "<dd>" : "<dd class=\"quiet\">");
	if (number > 0)
		page_number(request, text, number);
	else
		page_text(request, TEXT_STATUS_NOT_SET);
	buf_puts(&request->page, "</dd>\n");
}

static void put_day(Request *request, TextId term, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char day[16];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(day, sizeof(day), "%F", &tm) == 0)
		return;
	put_term(request, term);
	buf_printf(&request->page, "<dd><time datetime=\"%s\">%s</time></dd>\n", day, day);
}

static void setup_done(Request *request, Failure failure, const JsonNode *parameters)
{
	const JsonNode *addresses = json_get(parameters, "addresses");
	int64_t questions = 0, codes = 0, changed;

	if (setup_failed(request, failure, parameters, setup_page))
		return;
	(void)json_get_integer(parameters, "questions", &questions);
	(void)json_get_integer(parameters, "savedCodes", &codes);
	page_open(request, TEXT_STATUS_TITLE);
	buf_puts(&request->page, "<dl>\n");
	put_term(request, TEXT_STATUS_ADDRESSES);
	if (addresses && addresses->type == JSON_ARRAY && addresses->n > 0) {
		JSON_FOREACH(address, addresses)
			put_address(request, address);
	} else {
		buf_puts(&request->page, "<dd>");
		page_text(request, TEXT_STATUS_NO_ADDRESS);
		buf_puts(&request->page, "</dd>\n");
	}
	put_count(request, TEXT_STATUS_CODES, TEXT_STATUS_CODES_LEFT, codes);
	put_count(request, TEXT_STATUS_QUESTIONS, TEXT_STATUS_QUESTIONS_SET, questions);
	if (json_get_integer(parameters, "passwordChanged", &changed))
		put_day(request, TEXT_STATUS_PASSWORD, changed);
	buf_puts(&request->page, "</dl>\n<section>\n<h2>");
	page_text(request, TEXT_SETUP_CHOOSE);
	buf_puts(&request->page, "</h2>\n");
	put_choices(request);
	buf_puts(&request->page, "</section>\n");
	page_close(request, 200);
}

void setup_post(Request *request)
{
	const char *const *values = request->form.values;

	if (!request_proof_check(request, values[SETUP_USER], values[SETUP_CURRENT])) {
		setup_page(request);
		return;
	}
	request_call(request, "org.pwreset.Account.Status");
	request_put(request, "user", values[SETUP_USER]);
	request_put_password(request, "current", values[SETUP_CURRENT]);
	request_put_origin(request);
	request_send(request, setup_done);
}

/* ---- saved codes ---- */

static void codes_page(Request *request)
{
	page_open(request, TEXT_CODES_TITLE);
	page_lead(request, TEXT_CODES_LEAD);
	page_paragraph(request, TEXT_CODES_REPLACE);
	page_form_open(request, NULL, true);
	page_proof(request);
	page_form_close(request, TEXT_CODES_BUTTON);
	page_link(request, "/setup", TEXT_SETUP_BACK);
	page_close(request, status_of(request));
}

void codes_get(Request *request)
{
	codes_page(request);
}

static void codes_done(Request *request, Failure failure, const JsonNode *parameters)
{
	const JsonNode *codes = json_get(parameters, "codes");
	Buf *out = &request->page;

	if (setup_failed(request, failure, parameters, codes_page))
		return;
	if (!codes || codes->type != JSON_ARRAY) {
		page_failure(request, FAILURE_LOST, NULL);
		return;
	}
	page_open(request, TEXT_CODES_DONE_TITLE);
	page_lead(request, TEXT_CODES_DONE);
	buf_puts(out, "<ol class=\"codes\">\n");
	JSON_FOREACH(code, codes) {
		if (code->type != JSON_STRING)
			continue;
		buf_puts(out, "<li>");
		html_text(out, code->string);
		buf_puts(out, "</li>\n");
	}
	buf_puts(out, "</ol>\n");
	page_paragraph(request, TEXT_CODES_USE);
	/* Shown by the script; without it the browser's own menu prints. */
	request->scripted = true;
	buf_puts(out, "<button type=\"button\" class=\"print\" hidden>");
	page_text(request, TEXT_CODES_PRINT);
	buf_puts(out, "</button>\n");
	page_link(request, "/setup", TEXT_SETUP_BACK);
	page_close(request, 200);
}

void codes_post(Request *request)
{
	const char *const *values = request->form.values;

	if (!request_proof_check(request, values[SETUP_USER], values[SETUP_CURRENT])) {
		codes_page(request);
		return;
	}
	request_call(request, "org.pwreset.Account.EnrollCodes");
	request->writes = true;
	request_put_password(request, "current", values[SETUP_CURRENT]);
	request_put(request, "user", values[SETUP_USER]);
	request_put_origin(request);
	request_send(request, codes_done);
}

/* ---- the recovery address ---- */

static void mail_page(Request *request)
{
	page_open(request, TEXT_MAIL_TITLE);
	page_lead(request, TEXT_MAIL_LEAD);
	page_form_open(request, NULL, true);
	page_field(request, &(Field){ .name = "address",
				      .label = TEXT_MAIL_ADDRESS,
				      .type = "email",
				      .autocomplete = "email" });
	page_proof(request);
	page_form_close(request, TEXT_MAIL_BUTTON);
	page_link(request, "/setup/confirm", TEXT_MAIL_HAVE_CODE);
	page_link(request, "/setup", TEXT_SETUP_BACK);
	page_close(request, status_of(request));
}

void mail_get(Request *request)
{
	mail_page(request);
}

/* known: name and address were just taken by the daemon, and need not be typed again. */
static void confirm_page(Request *request, const char *user, const char *address)
{
	page_open(request, TEXT_MAIL_CONFIRM_TITLE);
	page_lead(request, TEXT_MAIL_CONFIRM_LEAD);
	page_form_open(request, "/setup/confirm", false);
	page_field(request, &(Field){ .name = "user",
				      .label = TEXT_USER,
				      .autocomplete = "username",
				      .value = user,
				      .readonly = user != NULL,
				      .extra = " autocapitalize=\"none\" spellcheck=\"false\"" });
	page_field(request, &(Field){ .name = "address",
				      .label = TEXT_MAIL_ADDRESS,
				      .type = "email",
				      .autocomplete = "email",
				      .value = address,
				      .readonly = address != NULL });
	page_field(
		request,
		&(Field){
			.name = "code",
			.label = TEXT_CODE_LABEL,
			.autocomplete = "one-time-code",
			.extra =
				" class=\"code\" autocapitalize=\"characters\" spellcheck=\"false\"" });
	page_form_close(request, TEXT_MAIL_CONFIRM_BUTTON);
	page_link(request, "/setup", TEXT_SETUP_BACK);
	page_close(request, status_of(request));
}

static void mail_done(Request *request, Failure failure, const JsonNode *parameters)
{
	const char *const *values = request->form.values;

	if (!setup_failed(request, failure, parameters, mail_page))
		confirm_page(request, values[MAIL_USER], values[MAIL_ADDRESS]);
}

void mail_post(Request *request)
{
	const char *const *values = request->form.values;
	bool sound = request_proof_check(request, values[MAIL_USER], values[MAIL_CURRENT]);

	if (!mail_address_valid(values[MAIL_ADDRESS])) {
		request_problem(request, TEXT_USERNAME_INVALID, "address", 0);
		sound = false;
	}
	if (!sound) {
		mail_page(request);
		return;
	}
	request_call(request, "org.pwreset.Account.EnrollMail");
	request->writes = true;
	request_put_password(request, "current", values[MAIL_CURRENT]);
	request_put(request, "address", values[MAIL_ADDRESS]);
	request_put(request, "user", values[MAIL_USER]);
	request_put_origin(request);
	request_send(request, mail_done);
}

void confirm_get(Request *request)
{
	confirm_page(request, NULL, NULL);
}

static void confirm_done(Request *request, Failure failure, const JsonNode *parameters)
{
	if (failure == FAILURE_REFUSED || failure == FAILURE_NOT_ALLOWED) {
		request_problem(request, TEXT_MAIL_REFUSED, "code", 0);
		confirm_page(request, NULL, NULL);
		return;
	}
	if (failure != FAILURE_NONE) {
		page_failure(request, failure, parameters);
		return;
	}
	page_open_done(request, TEXT_MAIL_DONE_TITLE);
	page_lead(request, TEXT_MAIL_DONE);
	page_link(request, "/setup", TEXT_SETUP_BACK);
	page_close(request, 200);
}

void confirm_post(Request *request)
{
	const char *const *values = request->form.values;

	if (request_empty(request, values[CONFIRM_CODE], "code", TEXT_CODE_LABEL) ||
	    !user_name_valid(values[CONFIRM_USER]) ||
	    !mail_address_valid(values[CONFIRM_ADDRESS])) {
		if (request->n_problems == 0)
			request_problem(request, TEXT_MAIL_REFUSED, "code", 0);
		confirm_page(request, NULL, NULL);
		return;
	}
	request_call(request, "org.pwreset.Account.ConfirmMail");
	request->writes = true;
	request_put(request, "address", values[CONFIRM_ADDRESS]);
	request_put(request, "code", values[CONFIRM_CODE]);
	request_put(request, "user", values[CONFIRM_USER]);
	request_put_origin(request);
	request_send(request, confirm_done);
}
