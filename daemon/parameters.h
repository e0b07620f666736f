/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parameters of all public methods, taken apart by each method's table of fields. "caller" is
 * in no table, so that nobody outside can pass for the broker.
 */
#pragma once

#include "request.h"
#include "varlink.h"

/* Strings stay in the message; absent ones are NULL, absent bools false. */
typedef struct Parameters {
	const char *user;
	const char *address;
	const char *language;
	const char *code;
	const char *link;
	const char *ticket;
	const char *password;
	const char *current;
	const char *old;
	const char *pin;
	const char *batch;
	const char *filter;
	const char *after;
	const char *interface;
	const char *host;
	const JsonNode *origin_object;
	const JsonNode *answers;  /* strings */
	const JsonNode *enrolled; /* "answers" when they are objects of id and answer */
	const JsonNode *users;
	const JsonNode *words;
	int64_t days;
	bool once;
	bool temporary;
	bool mail;
	Origin origin; /* out of origin_object */
} Parameters;

#define USERS_MAX 500

/* Tables, named after the methods that use them. */
extern const VarlinkField fields_none[];
extern const VarlinkField fields_interface[];
extern const VarlinkField fields_hello[]; /* Relay.Hello, Service.*Host */
extern const VarlinkField fields_request[];
extern const VarlinkField fields_remind_address[];
extern const VarlinkField fields_code[];
extern const VarlinkField fields_get_questions[];
extern const VarlinkField fields_answer_questions[];
extern const VarlinkField fields_link[];
extern const VarlinkField fields_redeem[];
extern const VarlinkField fields_verify[];
extern const VarlinkField fields_user[];
extern const VarlinkField fields_change[];
extern const VarlinkField fields_set_by_root[];
extern const VarlinkField fields_check[];
extern const VarlinkField fields_status[];
extern const VarlinkField fields_list_questions[];
extern const VarlinkField fields_enroll_questions[];
extern const VarlinkField fields_enroll_codes[];
extern const VarlinkField fields_enroll_mail[];
extern const VarlinkField fields_confirm_mail[];
extern const VarlinkField fields_send_link[];
extern const VarlinkField fields_find[];
extern const VarlinkField fields_remind_expiry[];
extern const VarlinkField fields_set_mail[];
extern const VarlinkField fields_set_password[];
extern const VarlinkField fields_pin[];
extern const VarlinkField fields_address[];

/*
 * Types, lengths and then what each says. 0, or 1 and *bad names the first parameter that will not
 * do.
 */
int parameters_take(Parameters *parameters, const JsonNode *object, const VarlinkField *fields,
		    const char **bad);
