/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Admin.Find: whom a filter selects. */
#include <string.h>

#include "admin.h"
#include "methods.h"
#include "names.h"

#define FILTER_TEXT_MAX 4096U

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

static bool may_act(Call *call, const Account *account, void *userdata UNUSED)
{
	return admin_refusal(call, VERB_SEND_LINK, account) == NULL;
}

METHOD(method_admin_find)
{
	FindParameters p = { .after = "" };
	Names names;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, find_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!roles_have(VERB_SEND_LINK, call.caller.roles))
		return serve_fail(serve, VARLINK_E_PERMISSION_DENIED);
	if (!filter_is_one(p.filter))
		return serve_invalid(serve, "filter");
	r = names_walk(&call, p.filter, p.after, &names);
	if (r == -EINVAL)
		return serve_invalid(serve, "filter");
	if (r != 0)
		return names_fail(&call, r);
	r = names_write(&call, &names, may_act, NULL, serve_reply(serve));
	return r != 0 ? fail_directory(&call, r) : serve_send(serve);
}
