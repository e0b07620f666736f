/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Setting up secret questions: as many as the site asks for, each chosen from the daemon's list. */
#include <string.h>

#include "page.h"
#include "routes.h"

#define QUESTIONS_MAX 5
#define ANSWER_MAX 1024

enum { QUESTIONS_USER, QUESTIONS_CURRENT, QUESTIONS_FIRST };
const FormField questions_fields[] = {
	{ "user", 1024, false },
	{ "current", 4096, false },
	{ "question1", 64, false },
	{ "answer1", ANSWER_MAX, false },
	{ "question2", 64, true },
	{ "answer2", ANSWER_MAX, true },
	{ "question3", 64, true },
	{ "answer3", ANSWER_MAX, true },
	{ "question4", 64, true },
	{ "answer4", ANSWER_MAX, true },
	{ "question5", 64, true },
	{ "answer5", ANSWER_MAX, true },
	{},
};

/* Names of the fields of question i, from 0: they stand in the table above. */
static const char *question_field(size_t i)
{
	return questions_fields[QUESTIONS_FIRST + 2 * i].name;
}

static const char *answer_field(size_t i)
{
	return questions_fields[QUESTIONS_FIRST + 2 * i + 1].name;
}

static const char *question_of(const Request *request, size_t i)
{
	return request->form.values[QUESTIONS_FIRST + 2 * i];
}

static const char *answer_of(const Request *request, size_t i)
{
	return request->form.values[QUESTIONS_FIRST + 2 * i + 1];
}

static void put_options(Request *request, const JsonNode *questions, const char *chosen)
{
	Buf *out = &request->page;

	buf_puts(out, "<option value=\"\">");
	page_text(request, TEXT_QUESTIONS_CHOOSE);
	buf_puts(out, "</option>\n");
	JSON_FOREACH(question, questions) {
		const char *id = json_get_string(question, "id"),
			   *text = json_get_string(question, "text");

		if (!id || !text)
			continue;
		buf_puts(out, "<option value=\"");
		html_text(out, id);
		/* A choice among our own is kept when the form is shown again; an answer never is.
		 */
		buf_puts(out, chosen && strcmp(chosen, id) == 0 ? "\" selected>" : "\">");
		html_text(out, text);
		buf_puts(out, "</option>\n");
	}
}

static void put_question(Request *request, const JsonNode *questions, size_t i)
{
	const char *name = question_field(i);
	bool wrong = page_problem(request, name) != NULL;
	Buf *out = &request->page;

	buf_printf(out, "<div class=\"set\">\n<div class=\"field%s\">\n<label for=\"%s\">",
		   wrong ? " wrong" : "", name);
	page_number(request, TEXT_QUESTIONS_QUESTION, (int64_t)i + 1);
	buf_printf(out, "</label>\n<select id=\"%s\" name=\"%s\" required%s>\n", name, name,
		   wrong ? " aria-invalid=\"true\"" : "");
	put_options(request, questions, question_of(request, i));
	buf_puts(out, "</select>\n</div>\n");
	page_field(request, &(Field){ .name = answer_field(i),
				      .label = TEXT_QUESTIONS_ANSWER,
				      .number = (int64_t)i + 1,
				      .autocomplete = "off",
				      .extra = " spellcheck=\"false\"" });
	buf_puts(out, "</div>\n");
}

static void questions_listed(Request *request, Failure failure, const JsonNode *parameters)
{
	const JsonNode *questions = json_get(parameters, "questions");
	int64_t n;

	if (failure != FAILURE_NONE || !questions || questions->type != JSON_ARRAY ||
	    !json_get_integer(parameters, "minimum", &n) || n < 1 || n > QUESTIONS_MAX) {
		page_failure(request, failure != FAILURE_NONE ? failure : FAILURE_UNAVAILABLE,
			     parameters);
		return;
	}
	page_open(request, TEXT_QUESTIONS_TITLE);
	page_lead(request, TEXT_QUESTIONS_LEAD);
	page_paragraph(request, TEXT_QUESTIONS_ADVICE);
	page_form_open(request, NULL, true);
	for (size_t i = 0; i < (size_t)n; i++)
		put_question(request, questions, i);
	buf_puts(&request->page, "<fieldset>\n<legend>");
	page_text(request, TEXT_SETUP_PROOF);
	buf_puts(&request->page, "</legend>\n");
	page_proof(request);
	buf_puts(&request->page, "</fieldset>\n");
	page_form_close(request, TEXT_QUESTIONS_BUTTON);
	page_link(request, "/setup", TEXT_SETUP_BACK);
	page_close(request, request->n_problems > 0 ? 422 : 200);
}

static void questions_page(Request *request)
{
	request_call(request, "org.pwreset.Account.ListQuestions");
	request_put(request, "language", request->language->tag);
	request_put_origin(request);
	request_send(request, questions_listed);
}

void questions_get(Request *request)
{
	questions_page(request);
}

static void answer_problem(Request *request, const JsonNode *parameters)
{
	const char *reason = json_get_string(parameters, "reason");
	int text = reason ? text_lookup("questions", reason) : -1;
	int64_t index = 0;

	/* Only these are about an answer; the section has other texts. */
	if (text < TEXT_QUESTIONS_EMPTY || text > TEXT_QUESTIONS_REFUSED)
		text = TEXT_QUESTIONS_REFUSED;
	if (!json_get_integer(parameters, "index", &index) || index < 0 || index >= QUESTIONS_MAX)
		index = 0;
	request_problem(request, (TextId)text, answer_field((size_t)index), index + 1);
}

static void questions_done(Request *request, Failure failure, const JsonNode *parameters)
{
	switch (failure) {
	case FAILURE_NONE:
		page_open_done(request, TEXT_QUESTIONS_DONE_TITLE);
		page_lead(request, TEXT_QUESTIONS_DONE);
		page_link(request, "/setup", TEXT_SETUP_BACK);
		page_close(request, 200);
		return;
	case FAILURE_ANSWER_REFUSED:
		answer_problem(request, parameters);
		break;
	case FAILURE_WRONG_PASSWORD:
		request_problem(request, TEXT_CHANGE_WRONG, "current", 0);
		break;
	case FAILURE_NOT_ALLOWED:
		request_problem(request, TEXT_CHANGE_NOT_ALLOWED, NULL, 0);
		break;
	default:
		page_failure(request, failure, parameters);
		return;
	}
	questions_page(request);
}

/* The number of questions in the form; what the page itself can see wrong becomes a problem. */
static size_t questions_check(Request *request)
{
	size_t n = 0;

	for (size_t i = 0; i < QUESTIONS_MAX && question_of(request, i) && answer_of(request, i);
	     i++, n++) {
		if (!*question_of(request, i))
			request_problem(request, TEXT_QUESTIONS_CHOOSE, question_field(i), 0);
		for (size_t j = 0; j < i; j++)
			if (*question_of(request, i) &&
			    strcmp(question_of(request, i), question_of(request, j)) == 0)
				request_problem(request, TEXT_QUESTIONS_TWICE, question_field(i),
						0);
		if (!*answer_of(request, i))
			request_problem(request, TEXT_QUESTIONS_EMPTY, answer_field(i),
					(int64_t)i + 1);
	}
	return n;
}

void questions_post(Request *request)
{
	const char *const *values = request->form.values;
	size_t n = questions_check(request);
	JsonWriter *w;

	(void)request_proof_check(request, values[QUESTIONS_USER], values[QUESTIONS_CURRENT]);
	if (request->n_problems > 0) {
		questions_page(request);
		return;
	}
	request_call(request, "org.pwreset.Account.EnrollQuestions");
	request->writes = true;
	request_put_password(request, "current", values[QUESTIONS_CURRENT]);
	request_put(request, "user", values[QUESTIONS_USER]);
	if (request->call) {
		w = rpc_call_writer(request->call);
		json_open(w, "answers", '[');
		for (size_t i = 0; i < n; i++) {
			json_open(w, NULL, '{');
			json_put_string(w, "id", question_of(request, i));
			json_put_string(w, "answer", answer_of(request, i));
			json_close(w, '}');
		}
		json_close(w, ']');
	}
	request_put_origin(request);
	request_send(request, questions_done);
}
