/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which page stands at which path, and the pages' functions. */
#pragma once

#include "request.h"

typedef struct Route {
	const char *path; /* one that ends in "/" is followed by a ticket, but for "/" itself */
	void (*get)(Request *request);  /* also for HEAD: consumes nothing */
	void (*post)(Request *request); /* NULL: none */
	const FormField *fields;        /* of the POST */
} Route;

/* Serves a sound request. */
void route_request(Request *request);

/* pages_ask.c */
extern const FormField ask_fields[], username_fields[];
void ask_get(Request *request);
void ask_post(Request *request);
void username_get(Request *request);
void username_post(Request *request);

/* pages_code.c */
extern const FormField code_fields[], grant_fields[];
/* sent: say that a code is on its way. */
void code_page(Request *request, bool sent, unsigned status);
void code_get(Request *request);
void code_post(Request *request);
void grant_get(Request *request);
void grant_post(Request *request);

/* pages_reset.c */
extern const FormField reset_fields[], revoke_fields[];
/* "Your password has been changed." */
void done_page(Request *request);
/* What the page is for, and how many minutes are left. */
void reset_lead(Request *request);
void reset_get(Request *request);
void reset_post(Request *request);
void revoke_get(Request *request);
void revoke_post(Request *request);

/* pages_change.c */
extern const FormField change_fields[];
void change_get(Request *request);
void change_post(Request *request);

/* pages_setup.c */
extern const FormField setup_fields[], codes_fields[], mail_fields[], confirm_fields[];
void setup_get(Request *request);
void setup_post(Request *request);
void codes_get(Request *request);
void codes_post(Request *request);
void mail_get(Request *request);
void mail_post(Request *request);
void confirm_get(Request *request);
void confirm_post(Request *request);

/* pages_questions.c */
extern const FormField questions_fields[];
void questions_get(Request *request);
void questions_post(Request *request);
