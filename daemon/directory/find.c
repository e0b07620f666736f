/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Admin.Find: whom a filter selects. */
#include <string.h>

#include "admin.h"
#include "methods.h"
#include "names.h"

#define FILTER_TEXT_MAX 4096U
#define REPLY_NAMES_BYTES 48000U /* of a message of 64 KiB, names as JSON */

typedef struct FindParameters {
	const JsonNode *caller;
	const char *filter, *after;
} FindParameters;

static const VarlinkField find_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(FindParameters, filter, true, FILTER_TEXT_MAX),
	FIELD_STRING(FindParameters, after, false, USER_NAME_MAX),
	{ 0 },
};

/*
 * One filter in its own parentheses: "(a)(b" or ")(|(uid=*" would step out of those around it. The
 * rest is for the directory to judge.
 */
static bool filter_is_one(const char *filter)
{
	int depth = 0;

	if (*filter != '(')
		return false;
	for (const char *p = filter; *p != '\0'; p++) {
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		if (depth == 0)
			return p[1] == '\0';
	}
	return false;
}

/* 1: may be acted on; 0: not, or has gone meanwhile. */
static int may_act(Call *call, const char *name)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	int r = account_find(call, name, &account);

	if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
		return 0;
	if (r != 0)
		return r < 0 ? r : -EIO;
	return admin_refusal(call, VERB_SEND_LINK, &account) == NULL;
}

static int write_names(Call *call, const Names *names, JsonWriter *w)
{
	size_t bytes = 0, i = 0;
	bool more = names->more;

	json_open(w, "users", '[');
	for (; i < names->n; i++) {
		int r;

		/* Six times as many where each byte is escaped. */
		bytes += strlen(names->list[i]) * 2 + 3;
		if (bytes > REPLY_NAMES_BYTES) {
			more = true;
			break;
		}
		r = may_act(call, names->list[i]);
		if (r < 0)
			return r;
		if (r > 0)
			json_put_string(w, NULL, names->list[i]);
	}
	json_close(w, ']');
	if (more && i > 0)
		json_put_string(w, "next", names->list[i - 1]);
	return 0;
}

METHOD(method_admin_find)
{
	AUTO_NAMES Names names = { .after = "" };
	FindParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, find_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!roles_have(VERB_SEND_LINK, call.caller.roles))
		return serve_fail(serve, VARLINK_E_PERMISSION_DENIED);
	if (!filter_is_one(p.filter))
		return serve_invalid(serve, "filter");
	if (p.after)
		names.after = p.after;
	r = names_walk(&call, p.filter, &names);
	if (r == -EINVAL)
		return serve_invalid(serve, "filter");
	if (r != 0)
		return fail_directory(&call, r);
	r = write_names(&call, &names, serve_reply(serve));
	return r < 0 ? fail_directory(&call, r) : serve_send(serve);
}
