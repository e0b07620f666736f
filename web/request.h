/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request on its way through a page: what was asked, the daemon's answers, the page being
 * written.
 *
 * A page is a chain of functions; each asks the daemon something and names the next one, the last
 * one answers. None of them needs an error branch for the call itself: request_send() answers when
 * it cannot be sent.
 */
#pragma once

#include "failure.h"
#include "form.h"
#include "http.h"
#include "rpc.h"
#include "secret.h"
#include "site.h"
#include "texts.h"
#include "token.h"

#define PAGE_MAX (64 * 1024)
#define PROBLEMS_MAX 24
#define POLICY_FRESH_S 60 /* how long the daemon's policy is believed */

/* The process. */
typedef struct Web {
	sd_event *event;
	const Site *site;
	const Texts *texts;
	Rpc *rpc;
	Http *http;
	bool behind_proxy; /* and on a Unix socket: X-Forwarded-For is believed */
	int64_t min_length;
	time_t policy_read;
} Web;

typedef struct Request Request;
/* parameters: of the reply or the error, or NULL; valid within the call only. */
typedef void (*RequestNext)(Request *request, Failure failure, const JsonNode *parameters);

/* Something to be put right, shown above the form and at its field. */
typedef struct Problem {
	TextId text;
	const char *field; /* name of the field, NULL: the form as a whole */
	int64_t number;    /* for the {name} of the text, where it has one … */
	const char *words; /* … unless it is these */
	bool hint;         /* not what is wrong, but what would help */
} Problem;

struct Request {
	Web *web;
	Exchange *exchange;
	const Language *language;
	bool takes_post;      /* the path has a form */
	bool language_chosen; /* by ?lang=, and so carried along */
	bool language_wanted; /* by Accept-Language; else the account's own may be taken */
	bool writes;          /* a call that changes something is under way */
	bool writes_password; /* and what it changes is the password */
	char ticket[TICKET_TEXT_MAX + 1];
	Form form;
	RpcCall *call;
	bool answered; /* a call of this request has had its reply */
	RequestNext next;
	void (*then)(Request *request); /* behind request_policy() */

	/* What a form that is shown again has to know. */
	char user[USER_NAME_MAX + 1];
	int64_t seconds;
	Problem problems[PROBLEMS_MAX];
	size_t n_problems;

	bool scripted; /* the page has something for the script */
	char *memory;  /* of the page */
	Buf page;
};

/* For HttpHandler; userdata is the Web. */
void request_begin(Exchange *exchange, void *userdata);
void request_closed(Exchange *exchange);

/* A call: open, put, send. One that changes something sets request->writes behind request_call().
 */
void request_call(Request *request, const char *method);
void request_put(Request *request, const char *name, const char *value);
void request_put_password(Request *request, const char *name, const char *value); /* as base64 */
void request_put_origin(Request *request);
void request_send(Request *request, RequestNext next);

/* Makes sure that web->min_length is known, then goes on with the function. */
void request_policy(Request *request, void (*then)(Request *request));

void request_problem(Request *request, TextId text, const char *field, int64_t number);
/* True, and a problem, when a field was left empty. label: the field's. */
bool request_empty(Request *request, const char *value, const char *field, TextId label);
/* The reasons and hints of PasswordRefused. */
void request_password_problems(Request *request, const JsonNode *parameters);
/* The same for a user name and a current password; true when there is no problem. */
bool request_proof_check(Request *request, const char *user, const char *current);
/* What can be seen of two new passwords without asking; true when there is no problem. */
bool request_password_check(Request *request, const char *password, const char *again);

/* Answers: a redirection to a path of ours, and a file. */
void request_redirect(Request *request, unsigned status, const char *path);
void request_file(Request *request, const Asset *asset);
