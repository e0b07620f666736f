/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request on its way through a page. */
#include <string.h>

#include "page.h"
#include "routes.h"

static void language_choose(Request *request)
{
	static const char name[] = "lang=";
	const Texts *texts = request->web->texts;
	const char *query = request->exchange->query;
	const Language *language = NULL;

	if (strncmp(query, name, strlen(name)) == 0)
		language = texts_find(texts, query + strlen(name));
	/* Only a tag that is ours word for word is carried along: what stands in links is never
	 * what was sent. */
	request->language_chosen = language && strcmp(query + strlen(name), language->tag) == 0;
	if (!request->language_chosen)
		language = texts_negotiate(texts, request->exchange->head.language);
	request->language_wanted = language != NULL;
	request->language = language ? language : &texts->languages[texts->fallback];
}

void request_begin(Exchange *exchange, void *userdata)
{
	Request *request = calloc(1, sizeof(*request));

	if (request)
		request->memory = malloc(PAGE_MAX);
	if (!request || !request->memory) {
		free(request);
		http_answer(exchange, &(Answer){ .status = 503, .type = "text/plain", .body = "" });
		return;
	}
	buf_init(&request->page, request->memory, PAGE_MAX);
	request->web = userdata;
	request->exchange = exchange;
	exchange->userdata = request;
	language_choose(request);
	if (exchange->refused)
		page_refused(request, exchange->refused);
	else
		route_request(request);
}

void request_closed(Exchange *exchange)
{
	Request *request = exchange->userdata;

	if (!request)
		return;
	exchange->userdata = NULL;
	rpc_call_free(request->call);
	memory_wipe(request->memory, PAGE_MAX);
	free(request->memory);
	memory_wipe(request, sizeof(*request));
	free(request);
}

/* ---- calls ---- */

static void on_done(int error, const VarlinkReply *reply, void *userdata)
{
	Request *request = userdata;
	RequestNext next = request->next;

	/* Freed by rpc.c behind this; next may make another one. */
	request->call = NULL;
	request->next = NULL;
	request->answered = true;
	next(request, failure_of(error, reply), error < 0 ? NULL : reply->parameters);
}

void request_call(Request *request, const char *method)
{
	request->writes = request->writes_password = false;
	/* Without a call, request_put() does nothing and request_send() says that it cannot be
	 * done. */
	if (rpc_call_new(&request->call, request->web->rpc, method, request->answered, on_done,
			 request) < 0)
		request->call = NULL;
}

void request_put(Request *request, const char *name, const char *value)
{
	if (request->call)
		json_put_string(rpc_call_writer(request->call), name, value);
}

void request_put_password(Request *request, const char *name, const char *value)
{
	char text[BASE64_SIZE(SECRET_MAX)];

	if (base64_encode(value, strlen(value), text, sizeof(text)) > 0 || *value == '\0')
		request_put(request, name, *value ? text : "");
	else if (request->call)
		rpc_call_writer(request->call)->buf->overflow = true;
	memory_wipe(text, sizeof(text));
}

void request_put_origin(Request *request)
{
	const Exchange *exchange = request->exchange;
	const char *address =
		request->web->behind_proxy ? exchange->head.forwarded : exchange->address;
	JsonWriter *w;

	if (!request->call)
		return;
	w = rpc_call_writer(request->call);
	json_open(w, "origin", '{');
	json_put_string(w, "service", "web");
	if (*address)
		json_put_string(w, "address", address);
	json_close(w, '}');
}

void request_send(Request *request, RequestNext next)
{
	request->next = next;
	if (request->call && rpc_call_send(request->call) == 0)
		return;
	request->call = rpc_call_free(request->call);
	page_failure(request, FAILURE_UNAVAILABLE, NULL);
}

static void policy_known(Request *request, Failure failure, const JsonNode *parameters)
{
	Web *web = request->web;

	/* An old policy is better than none: the daemon decides in any case. */
	if (failure == FAILURE_NONE && json_get_integer(parameters, "minLength", &web->min_length))
		web->policy_read = time(NULL);
	else if (web->min_length == 0) {
		page_failure(request, failure == FAILURE_NONE ? FAILURE_UNAVAILABLE : failure,
			     parameters);
		return;
	}
	request->then(request);
}

void request_policy(Request *request, void (*then)(Request *request))
{
	time_t age = time(NULL) - request->web->policy_read;

	if (age >= 0 && age < POLICY_FRESH_S) {
		then(request);
		return;
	}
	request->then = then;
	request_call(request, "org.pwreset.Password.GetPolicy");
	request_send(request, policy_known);
}

/* ---- problems ---- */

static Problem *problem_add(Request *request, TextId text, const char *field)
{
	Problem *problem;

	if (request->n_problems == PROBLEMS_MAX)
		return NULL;
	problem = &request->problems[request->n_problems++];
	*problem = (Problem){ .text = text, .field = field };
	return problem;
}

void request_problem(Request *request, TextId text, const char *field, int64_t number)
{
	Problem *problem = problem_add(request, text, field);

	if (problem)
		problem->number = number;
}

bool request_empty(Request *request, const char *value, const char *field, TextId label)
{
	Problem *problem;

	if (*value)
		return false;
	problem = problem_add(request, TEXT_MISSING, field);
	if (problem)
		problem->words = text_of(request->language, label);
	return true;
}

static void codes_add(Request *request, const JsonNode *codes, const char *section, bool hint)
{
	if (!codes || codes->type != JSON_ARRAY)
		return;
	JSON_FOREACH(code, codes) {
		int text = code->type == JSON_STRING ? text_lookup(section, code->string) : -1;
		Problem *problem = text >= 0 ? problem_add(request, (TextId)text, NULL) : NULL;

		if (problem) {
			problem->number = request->web->min_length;
			problem->hint = hint;
		}
	}
}

void request_password_problems(Request *request, const JsonNode *parameters)
{
	size_t before;

	request_problem(request, TEXT_POLICY_REFUSED, "password", 0);
	before = request->n_problems;
	codes_add(request, json_get(parameters, "reasons"), "reason", false);
	/* A reason of a newer daemon has no text here yet. */
	if (request->n_problems == before)
		request_problem(request, TEXT_REASON_OTHER, NULL, 0);
	codes_add(request, json_get(parameters, "hints"), "hint", true);
}

bool request_password_check(Request *request, const char *password, const char *again)
{
	if (request_empty(request, password, "password", TEXT_NEW))
		return false;
	if (strlen(password) > SECRET_MAX) {
		request_problem(request, TEXT_REASON_TOO_LONG, "password", 0);
		return false;
	}
	if (strcmp(password, again) != 0) {
		request_problem(request, TEXT_MISMATCH, "again", 0);
		return false;
	}
	return true;
}

bool request_proof_check(Request *request, const char *user, const char *current)
{
	bool empty = request_empty(request, user, "user", TEXT_USER);

	empty = request_empty(request, current, "current", TEXT_CURRENT) || empty;
	if (empty)
		return false;
	/* What cannot be a name or a password is answered like a wrong one. */
	if (!user_name_valid(user) || strlen(current) > SECRET_MAX) {
		request_problem(request, TEXT_CHANGE_WRONG, "current", 0);
		return false;
	}
	return true;
}

/* ---- answers that are no page ---- */

void request_redirect(Request *request, unsigned status, const char *path)
{
	Buf *out = &request->page;

	/* A path: the browser puts its own idea of the origin before it, so no Host can send it
	 * elsewhere. */
	buf_puts(out, path);
	if (request->language_chosen)
		buf_printf(out, "?lang=%s", request->language->tag);
	http_answer(request->exchange,
		    &(Answer){ .status = status, .location = out->data, .body = "" });
}

void request_file(Request *request, const Asset *asset)
{
	http_answer(request->exchange, &(Answer){ .status = 200,
						  .type = asset->type,
						  .body = asset->data,
						  .len = asset->len,
						  .immutable = true });
}
