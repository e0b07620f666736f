/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The errors of interfaces/org.pwreset.Failure.varlink, in words with what to do. */

#include <string.h>

#include "output.h"

#define FAILURE "org.pwreset.Failure."
#define SERVICE "org.varlink.service."

static void report_plain(const JsonNode *parameters UNUSED, const char *words)
{
	complain("%s", _(words));
}

static void report_reason(const JsonNode *parameters, const char *words)
{
	const char *code = json_get_string(parameters, "reason");
	AUTO_FREE char *text = text_clean(code ? reason_text(code) : "?");

	complain("%s %s", _(words), text ? text : "?");
}

static void report_parameter(const JsonNode *parameters, const char *words UNUSED)
{
	const char *name = json_get_string(parameters, "parameter");
	AUTO_FREE char *text = text_clean(name ? name : "?");

	complain(_("The service does not take what was given as \"%s\"."), text ? text : "?");
	if (name && strcmp(name, "filter") == 0)
		fputs(_("  An LDAP filter is one pair of parentheses, such as '(gidNumber=20007)' or '(&(l=Rome)(mail=*))'.\n"),
		      stderr);
}

static void report_unknown(const JsonNode *parameters, const char *words UNUSED)
{
	const char *name = json_get_string(parameters, "method");
	AUTO_FREE char *text = NULL;

	if (!name)
		name = json_get_string(parameters, "interface");
	text = text_clean(name ? name : "?");
	complain(_("The service does not know %s: it is older than this tool."), text ? text : "?");
}

static void report_later(const JsonNode *parameters, const char *words UNUSED)
{
	int64_t seconds = 1;
	char span[32];

	json_get_integer(parameters, "seconds", &seconds);
	span_format(seconds, span, sizeof(span));
	complain(_("Too many calls. Try again in %s."), span);
}

static void report_codes(const JsonNode *list, const char *(*words)(const char *code))
{
	if (!list || list->type != JSON_ARRAY)
		return;
	JSON_FOREACH(it, list) {
		if (it->type != JSON_STRING)
			continue;
		fputs("  ", stderr);
		text_print(stderr, words(it->string));
		fputc('\n', stderr);
	}
}

static void report_password(const JsonNode *parameters, const char *words)
{
	complain("%s", _(words));
	report_codes(json_get(parameters, "reasons"), policy_reason_text);
	report_codes(json_get(parameters, "hints"), policy_hint_text);
}

static void report_answer(const JsonNode *parameters, const char *words UNUSED)
{
	const char *code = json_get_string(parameters, "reason");
	AUTO_FREE char *text = text_clean(code ? answer_reason_text(code) : "?");
	int64_t i = 0;

	json_get_integer(parameters, "index", &i);
	complain(_("Answer %lld cannot be taken: %s. Nothing was changed."), (long long)i + 1,
		 text ? text : "?");
}

typedef struct Failure {
	const char *error;
	ExitCode exit;
	void (*report)(const JsonNode *parameters, const char *words);
	const char *words; /* NULL: report's own */
} Failure;

static const Failure failures[] = {
	{ FAILURE "Refused", EXIT_REFUSED, report_plain,
	  N_("Refused: it is wrong, used up, too old, or there is none.") },
	{ FAILURE "LinkDead", EXIT_REFUSED, report_reason, N_("The link opens nothing any more:") },
	{ FAILURE "WrongPassword", EXIT_REFUSED, report_plain,
	  N_("The current password is wrong. Nothing was changed.") },
	{ FAILURE "PasswordRefused", EXIT_REFUSED, report_password,
	  N_("The password is not good enough. Nothing was changed.") },
	{ FAILURE "TryLater", EXIT_LATER, report_later, NULL },
	{ FAILURE "Unavailable", EXIT_LATER, report_plain,
	  N_("The directory (or the mail relay) does not answer. Nothing was changed.\n"
	     "  Try again later; pwresetctl doctor and journalctl -u 'pwreset*' tell why.") },
	{ FAILURE "OutcomeUnknown", EXIT_FAILED, report_plain,
	  N_("The directory was lost while it was written to: what you asked for may have been done or not.\n"
	     "  Try a new password before the old one; of anything else pwresetctl status or show tells. Then do it again if needed.") },
	{ FAILURE "NotAllowed", EXIT_REFUSED, report_reason, N_("Not allowed:") },
	{ "org.pwreset.Account.AnswerRefused", EXIT_REFUSED, report_answer, NULL },
	{ SERVICE "PermissionDenied", EXIT_REFUSED, report_plain,
	  N_("You are not permitted to do that.\n  Roles are groups, named under [roles] in pwreset.conf(5).") },
	{ SERVICE "InvalidParameter", EXIT_USAGE, report_parameter, NULL },
	{ SERVICE "MethodNotFound", EXIT_FAILED, report_unknown, NULL },
	{ SERVICE "MethodNotImplemented", EXIT_FAILED, report_unknown, NULL },
	{ SERVICE "ExpectedMore", EXIT_FAILED, report_plain,
	  N_("The service answers that only in parts, which this tool does not take.") },
	{ SERVICE "InterfaceNotFound", EXIT_FAILED, report_unknown, NULL },
};

static const Failure *failure_find(const char *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (strcmp(failures[i].error, error) == 0)
			return &failures[i];
	return NULL;
}

ExitCode failure_exit(const char *error)
{
	const Failure *failure = failure_find(error);

	return failure ? failure->exit : EXIT_FAILED;
}

int failure_report(const VarlinkReply *reply)
{
	const Failure *failure = failure_find(reply->error);

	if (!failure) {
		complain(_("The service answers with the error %s."), reply->error);
		return EXIT_FAILED;
	}
	failure->report(reply->parameters, failure->words);
	return failure->exit;
}
