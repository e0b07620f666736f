/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A strict reader of application/x-www-form-urlencoded. Every form of the page is a table of
 * fields; what is not in the table, stands twice, is too long or no UTF-8 refuses the whole form,
 * since guessing which of two values was meant has opened accounts elsewhere (CVE-2023-7028).
 */
#pragma once

#include "macros.h"

#define FORM_FIELDS_MAX 12
#define FORM_BODY_MAX (16 * 1024)

enum {
	_FORM_E_SUCCESS,
	FORM_E_SYNTAX,   /* empty pair, missing "=", bad percent, NUL, not UTF-8 */
	FORM_E_UNKNOWN,  /* a field that the form does not have */
	FORM_E_REPEATED, /* a field twice */
	FORM_E_MISSING,  /* a mandatory field is absent (it may be empty) */
	FORM_E_TOO_LONG, /* a value above the field's limit */
};

typedef struct FormField {
	const char *name;
	size_t max; /* bytes after decoding */
	bool optional;
} FormField;

/* Values in the order of the table; they point into the body. NULL: an optional field that is
 * absent. */
typedef struct Form {
	const char *values[FORM_FIELDS_MAX];
} Form;

/*
 * Decodes in place; body[len] must be writable. fields ends with name NULL and has at most
 * FORM_FIELDS_MAX entries. On an error *ret is empty.
 */
int form_parse(Form *ret, char *body, size_t len, const FormField *fields);
