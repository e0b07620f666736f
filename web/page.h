/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame of every page, and the parts that pages are made of. All text goes out escaped. */
#pragma once

#include "html.h"
#include "request.h"

typedef struct Field {
	const char *name;
	TextId label;
	const char *type; /* NULL: text */
	const char *autocomplete;
	const char *value; /* only ever what the daemon has confirmed */
	const char *hint;  /* id of an element that explains it */
	const char *extra; /* literal attributes */
	bool readonly;
	int64_t number; /* for the label's {number} */
} Field;

/* Everything from the doctype to the heading, and the summary of problems if there are any. */
void page_open(Request *request, TextId title);
/* The same for what has been done: a tick stands above it. */
void page_open_done(Request *request, TextId title);
/* The end; answers with the status. */
void page_close(Request *request, unsigned status);

void page_lead(Request *request, TextId text);
void page_paragraph(Request *request, TextId text);
/* A link styled as a button, and one in a line of its own. */
void page_action(Request *request, const char *path, TextId text);
void page_link(Request *request, const char *path, TextId text);
void page_text(Request *request, TextId text);
/* The text, and what stands for its {name}. */
void page_fill(Request *request, TextId id, const char *value);
void page_number(Request *request, TextId text, int64_t number);

/* path: NULL for the one that the page stands at. */
void page_form_open(Request *request, const char *path, bool passwords);
void page_form_close(Request *request, TextId button);
void page_field(Request *request, const Field *field);
void page_hidden(Request *request, const char *name, const char *value);
/* Both fields of a new password with the policy before them. */
void page_new_password(Request *request);
/* User name and current password. */
void page_proof(Request *request);

/* The problem of that field, NULL when it has none. */
const Problem *page_problem(const Request *request, const char *field);

/* pages_error.c: whole pages. */
void page_refused(Request *request, unsigned status);
void page_failure(Request *request, Failure failure, const JsonNode *parameters);
void page_dead(Request *request, const char *reason);
