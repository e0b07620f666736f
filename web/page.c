/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame of every page, and the parts that pages are made of. */
#include <inttypes.h>
#include <string.h>

#include "page.h"

static void put(Request *request, const char *literal)
{
	buf_puts(&request->page, literal);
}

void page_text(Request *request, TextId text)
{
	html_text(&request->page, text_of(request->language, text));
}

void page_fill(Request *request, TextId id, const char *value)
{
	const char *text = text_of(request->language, id);
	const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
	char name[32];
	const HtmlValue values[] = { { name, value }, { NULL, NULL } };

	/* texts.c has made sure that there is one name at most. */
	if (close)
		snprintf(name, sizeof(name), "%.*s", (int)(close - open - 1), open + 1);
	html_fill(&request->page, text, close ? values : NULL);
}

void page_number(Request *request, TextId text, int64_t number)
{
	char value[24];

	snprintf(value, sizeof(value), "%" PRId64, number);
	page_fill(request, text, value);
}

/* A path of ours, with the language that the person chose. */
static void put_path(Request *request, const char *path)
{
	html_text(&request->page, path);
	if (request->language_chosen)
		buf_printf(&request->page, "?lang=%s", request->language->tag);
}

static void put_head(Request *request, TextId title)
{
	const Site *site = request->web->site;
	Buf *out = &request->page;

	buf_printf(out,
		   "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<title>",
		   request->language->tag);
	if (request->n_problems > 0)
		page_fill(request, TEXT_ERROR_TITLE, text_of(request->language, title));
	else
		page_text(request, title);
	put(request, " \xc2\xb7 ");
	html_text(out, site->config->web.site_name);
	put(request,
	    "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n");
	buf_printf(out, "<link rel=\"icon\" href=\"%s\">\n<link rel=\"stylesheet\" href=\"%s\">\n",
		   site->logo.url, site->style.url);
	put(request, "</head>\n");
}

static void put_problem_text(Request *request, const Problem *problem)
{
	if (problem->words)
		page_fill(request, problem->text, problem->words);
	else
		page_number(request, problem->text, problem->number);
}

static void put_problem_item(Request *request, const Problem *problem)
{
	put(request, "<li>");
	if (problem->field)
		buf_printf(&request->page, "<a href=\"#%s\">", problem->field);
	put_problem_text(request, problem);
	put(request, problem->field ? "</a></li>\n" : "</li>\n");
}

/* What is wrong, then what would help. */
static void put_problem_list(Request *request, bool hints)
{
	bool open = false;

	for (size_t i = 0; i < request->n_problems; i++) {
		const Problem *problem = &request->problems[i];

		if (problem->hint != hints)
			continue;
		if (!open && hints) {
			put(request, "<h2>");
			page_text(request, TEXT_POLICY_HELP);
			put(request, "</h2>\n");
		}
		put(request, open ? "" : "<ul>\n");
		open = true;
		put_problem_item(request, problem);
	}
	put(request, open ? "</ul>\n" : "");
}

static void put_problems(Request *request)
{
	if (request->n_problems == 0)
		return;
	/* Focused without a script, so that a screen reader begins here. */
	put(request, "<div class=\"problem\" role=\"alert\" tabindex=\"-1\" autofocus>\n<h2>");
	page_text(request, TEXT_PROBLEM);
	put(request, "</h2>\n");
	put_problem_list(request, false);
	put_problem_list(request, true);
	put(request, "</div>\n");
}

static void open_page(Request *request, TextId title, const char *main)
{
	put_head(request, title);
	put(request, "<body>\n<header>\n<a href=\"");
	put_path(request, "/");
	buf_printf(&request->page, "\"><img src=\"%s\" alt=\"\"><span>",
		   request->web->site->logo.url);
	html_text(&request->page, request->web->site->config->web.site_name);
	buf_printf(&request->page, "</span></a>\n</header>\n%s\n<h1>", main);
	page_text(request, title);
	put(request, "</h1>\n");
	put_problems(request);
}

void page_open(Request *request, TextId title)
{
	open_page(request, title, "<main>");
}

void page_open_done(Request *request, TextId title)
{
	open_page(request, title, "<main class=\"done\">");
}

/* Offered only where another GET of the same path shows the same page. */
static void put_languages(Request *request)
{
	const Texts *texts = request->web->texts;

	if (!request->exchange->get || texts->n < 2)
		return;
	put(request, "<nav aria-label=\"");
	page_text(request, TEXT_LANGUAGES);
	put(request, "\">\n<ul>\n");
	for (size_t i = 0; i < texts->n; i++) {
		const Language *language = &texts->languages[i];

		buf_printf(&request->page,
			   "<li><a href=\"?lang=%s\" lang=\"%s\" hreflang=\"%s\"%s>", language->tag,
			   language->tag, language->tag,
			   language == request->language ? " aria-current=\"true\"" : "");
		html_text(&request->page, text_of(language, TEXT_LANGUAGE));
		put(request, "</a></li>\n");
	}
	put(request, "</ul>\n</nav>\n");
}

void page_close(Request *request, unsigned status)
{
	const Config *config = request->web->site->config;
	Buf *out = &request->page;

	put(request, "</main>\n<footer>\n");
	if (*config->web.help_text) {
		put(request, "<p>");
		html_text(out, config->web.help_text);
		put(request, "</p>\n");
	}
	if (*config->web.contact) {
		put(request, "<p>");
		page_text(request, TEXT_HELP);
		put(request, " ");
		html_contact(out, config->web.contact);
		put(request, "</p>\n");
	}
	put_languages(request);
	put(request, "</footer>\n");
	if (request->scripted)
		buf_printf(out, "<script src=\"%s\"></script>\n", request->web->site->script.url);
	put(request, "</body>\n</html>\n");
	/* Half a page would be worse than none; that it fits is what the tests see to. */
	http_answer(
		request->exchange,
		&(Answer){ .status = out->overflow ? 500 : status,
			   .type = "text/html; charset=utf-8",
			   .body = out->data,
			   .len = out->overflow ? 0 : out->len,
			   .language = request->language->tag,
			   .retry_after = status == 429 || status == 503
						  ? (request->seconds > 0 ? request->seconds : 60)
						  : 0,
			   .allow = status == 405 ? (request->takes_post ? "GET, HEAD, POST"
									 : "GET, HEAD")
						  : NULL });
}

void page_paragraph(Request *request, TextId text)
{
	put(request, "<p>");
	page_text(request, text);
	put(request, "</p>\n");
}

void page_lead(Request *request, TextId text)
{
	put(request, "<p class=\"lead\">");
	page_text(request, text);
	put(request, "</p>\n");
}

static void put_link(Request *request, const char *path, TextId text, const char *class)
{
	buf_printf(&request->page, "<p class=\"%s\"><a href=\"", class);
	put_path(request, path);
	put(request, "\">");
	page_text(request, text);
	put(request, "</a></p>\n");
}

void page_action(Request *request, const char *path, TextId text)
{
	put_link(request, path, text, "action");
}

void page_link(Request *request, const char *path, TextId text)
{
	put_link(request, path, text, "link");
}

/* ---- forms ---- */

static void put_data(Request *request, const char *name, TextId text)
{
	buf_printf(&request->page, " data-%s=\"", name);
	page_text(request, text);
	put(request, "\"");
}

void page_form_open(Request *request, const char *path, bool passwords)
{
	put(request, "<form method=\"post\" action=\"");
	put_path(request, path ? path : request->exchange->path);
	put(request, "\"");
	if (passwords) {
		request->scripted = true;
		/* The script's words and figures. */
		put_data(request, "show", TEXT_STRENGTH_SHOW);
		put_data(request, "hide", TEXT_STRENGTH_HIDE);
		put_data(request, "short", TEXT_STRENGTH_SHORT);
		put_data(request, "weak", TEXT_STRENGTH_WEAK);
		put_data(request, "fair", TEXT_STRENGTH_FAIR);
		put_data(request, "good", TEXT_STRENGTH_GOOD);
		put_data(request, "match", TEXT_STRENGTH_MATCH);
		put_data(request, "differ", TEXT_STRENGTH_DIFFER);
		buf_printf(&request->page, " data-min=\"%" PRId64 "\"", request->web->min_length);
	}
	put(request, ">\n");
}

void page_form_close(Request *request, TextId button)
{
	put(request, "<button>");
	page_text(request, button);
	put(request, "</button>\n</form>\n");
}

const Problem *page_problem(const Request *request, const char *field)
{
	for (size_t i = 0; i < request->n_problems; i++)
		if (request->problems[i].field && strcmp(request->problems[i].field, field) == 0)
			return &request->problems[i];
	return NULL;
}

void page_field(Request *request, const Field *field)
{
	const Problem *problem = page_problem(request, field->name);
	Buf *out = &request->page;

	buf_printf(out, "<div class=\"field%s\">\n<label for=\"%s\">", problem ? " wrong" : "",
		   field->name);
	page_number(request, field->label, field->number);
	put(request, "</label>\n");
	if (problem) {
		buf_printf(out, "<p class=\"wrong\" id=\"%s-wrong\">", field->name);
		put_problem_text(request, problem);
		put(request, "</p>\n");
	}
	buf_printf(out, "<input id=\"%s\" name=\"%s\" type=\"%s\" autocomplete=\"%s\"", field->name,
		   field->name, field->type ? field->type : "text", field->autocomplete);
	if (field->value) {
		put(request, " value=\"");
		html_text(out, field->value);
		put(request, "\"");
	}
	if (problem || field->hint)
		buf_printf(out, " aria-describedby=\"%s%s%s%s\"", problem ? field->name : "",
			   problem ? "-wrong" : "", problem && field->hint ? " " : "",
			   field->hint ? field->hint : "");
	put(request, problem ? " aria-invalid=\"true\"" : "");
	put(request, field->readonly ? " readonly" : " required");
	put(request, field->extra ? field->extra : "");
	put(request, ">\n</div>\n");
}

void page_hidden(Request *request, const char *name, const char *value)
{
	buf_printf(&request->page, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	html_text(&request->page, value);
	put(request, "\">\n");
}

void page_new_password(Request *request)
{
	static const TextId rules[] = { TEXT_POLICY_GUESS, TEXT_POLICY_PERSONAL,
					TEXT_POLICY_UNIQUE };

	put(request, "<div class=\"policy\" id=\"policy\">\n<h2>");
	page_text(request, TEXT_POLICY_TITLE);
	put(request, "</h2>\n<ul>\n<li>");
	page_number(request, TEXT_POLICY_LENGTH, request->web->min_length);
	put(request, "</li>\n");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		put(request, "<li>");
		page_text(request, rules[i]);
		put(request, "</li>\n");
	}
	put(request, "</ul>\n</div>\n");
	page_field(request, &(Field){ .name = "password",
				      .label = TEXT_NEW,
				      .type = "password",
				      .autocomplete = "new-password",
				      .hint = "policy" });
	page_field(request, &(Field){ .name = "again",
				      .label = TEXT_AGAIN,
				      .type = "password",
				      .autocomplete = "new-password" });
}

void page_proof(Request *request)
{
	page_field(request, &(Field){ .name = "user",
				      .label = TEXT_USER,
				      .autocomplete = "username",
				      .extra = " autocapitalize=\"none\" spellcheck=\"false\"" });
	page_field(request, &(Field){ .name = "current",
				      .label = TEXT_CURRENT,
				      .type = "password",
				      .autocomplete = "current-password" });
}
