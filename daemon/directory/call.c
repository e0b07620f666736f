/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a call: its parameters, who stands behind it, its deadline; and the errors that answer
 * it.
 */
#include "worker.h"

#include <string.h>
#include <syslog.h>

#include <systemd/sd-journal.h>

#define CALL_MARGIN_MS 50 /* left for the reply before the broker gives up on us */
#define CALL_DEADLINE_MAX 600000
#define ROLES_MAX 8U
#define FAILURE(name) "org.pwreset.Failure." name

static const struct {
	const char *name;
	Role role;
} role_names[] = {
	{ "helpdesk", ROLE_HELPDESK },
	{ "administrator", ROLE_ADMINISTRATOR },
	{ "owner", ROLE_OWNER },
	{ "root", ROLE_ROOT },
};

/* An unknown role gives nothing: deny by default. */
static unsigned roles_parse(const JsonNode *array)
{
	unsigned roles = 0;

	JSON_FOREACH(it, array)
		for (size_t i = 0; i < ARRAY_SIZE(role_names); i++)
			if (it->type == JSON_STRING && strcmp(it->string, role_names[i].name) == 0)
				roles |= role_names[i].role;
	return roles;
}

static bool operation_valid(const char *operation)
{
	uint8_t id[TOKEN_ID_SIZE];
	size_t len = 0;

	return strlen(operation) == TOKEN_ID_TEXT &&
	       base64url_decode(operation, TOKEN_ID_TEXT, id, sizeof(id), &len) == 0 &&
	       len == sizeof(id);
}

typedef struct CallerParameters {
	int64_t uid, now, deadline;
	const JsonNode *roles;
	const char *via, *host, *operation;
} CallerParameters;

static const VarlinkField caller_fields[] = {
	{ "uid", JSON_INTEGER, offsetof(CallerParameters, uid), true, 0 },
	{ "roles", JSON_ARRAY, offsetof(CallerParameters, roles), true, ROLES_MAX },
	FIELD_STRING(CallerParameters, via, true, 16),
	FIELD_STRING(CallerParameters, host, false, HOST_NAME_MAX_LEN),
	{ "now", JSON_INTEGER, offsetof(CallerParameters, now), true, 0 },
	{ "deadline", JSON_INTEGER, offsetof(CallerParameters, deadline), true, 0 },
	FIELD_STRING(CallerParameters, operation, true, TOKEN_ID_TEXT),
	{ 0 },
};

static int caller_parse(Caller *ret, int64_t *ret_deadline, const JsonNode *node)
{
	CallerParameters p = { .host = "" };
	const char *bad;

	if (varlink_dispatch(node, caller_fields, &p, &bad) != 0)
		return -EBADMSG;
	if (p.now <= 0 || p.deadline <= 0 || !operation_valid(p.operation))
		return -EBADMSG;
	*ret = (Caller){
		.uid = p.uid,
		.roles = roles_parse(p.roles),
		.via = p.via,
		.host = p.host,
		.now = p.now,
		.operation = p.operation,
	};
	*ret_deadline = p.deadline < CALL_DEADLINE_MAX ? p.deadline : CALL_DEADLINE_MAX;
	return 0;
}

int call_dispatch(Serve *serve, const JsonNode *object, const VarlinkField *fields, void *target)
{
	const char *bad = NULL;
	int r;

	if (varlink_dispatch(object, fields, target, &bad) == 0)
		return 0;
	r = serve_invalid(serve, bad);
	return r < 0 ? r : 1;
}

int call_open_offline(Call *ret, Serve *serve, const VarlinkCall *varlink, void *userdata,
		      const VarlinkField *fields, void *target)
{
	Call call = { .worker = userdata, .serve = serve };
	int64_t deadline;
	int r;

	r = call_dispatch(serve, varlink->parameters, fields, target);
	if (r != 0)
		return r;
	if (caller_parse(&call.caller, &deadline, json_get(varlink->parameters, "caller")) < 0) {
		r = serve_invalid(serve, "caller");
		return r < 0 ? r : 1;
	}
	directory_set_deadline(call.worker->directory,
			       (int64_t)monotonic_ms() + deadline - CALL_MARGIN_MS);
	*ret = call;
	return 0;
}

int call_open(Call *ret, Serve *serve, const VarlinkCall *varlink, void *userdata,
	      const VarlinkField *fields, void *target)
{
	Call call;
	int r;

	r = call_open_offline(&call, serve, varlink, userdata, fields, target);
	if (r != 0)
		return r;
	r = directory_connect(call.worker->directory);
	if (r == 0)
		r = worker_check_server(call.worker);
	if (r != 0) {
		r = fail_directory(&call, r);
		return r < 0 ? r : 1;
	}
	*ret = call;
	return 0;
}

bool call_via(const Call *call, const char *via)
{
	return strcmp(call->caller.via, via) == 0;
}

bool call_lost(Call *call, int r)
{
	bool lost = r == -ECONNRESET || r == -ETIMEDOUT;

	call->unsure = call->unsure || lost;
	return lost;
}

bool call_raced(const Call *call, int r)
{
	if (r == DIRECTORY_E_NO_SUCH_ATTRIBUTE || r == DIRECTORY_E_EXISTS)
		return true;
	return r == DIRECTORY_E_ACCESS && directory_server(call->worker->directory)->is_389ds;
}

int call_fence(const Call *call)
{
	CLEANUP(entry_freep) Entry *root = NULL;

	int r = directory_read(call->worker->directory, "", NULL, NULL, &root);

	/* Even a refusal is a sign of life. */
	return r < 0 ? r : 0;
}

int fail_refused(Call *call)
{
	int r = call_fence(call);

	return r == 0 ? serve_fail(call->serve, FAILURE("Refused")) : fail_directory(call, r);
}

int fail_wrong_password(Call *call)
{
	int r = call_fence(call);

	return r == 0 ? serve_fail(call->serve, FAILURE("WrongPassword")) : fail_directory(call, r);
}

static int fail_reason(Call *call, const char *error, const char *reason)
{
	JsonWriter *w = serve_error(call->serve, error);

	json_put_string(w, "reason", reason);
	return serve_send(call->serve);
}

int fail_link_dead(Call *call, const char *reason)
{
	int r = call_fence(call);

	if (r != 0)
		return fail_directory(call, r);
	return fail_reason(call, FAILURE("LinkDead"), reason);
}

int fail_not_allowed(Call *call, const char *reason)
{
	return fail_reason(call, FAILURE("NotAllowed"), reason);
}

int fail_try_later(Call *call, int64_t seconds)
{
	JsonWriter *w = serve_error(call->serve, FAILURE("TryLater"));

	json_put_integer(w, "seconds", seconds);
	return serve_send(call->serve);
}

int fail_unknown_outcome(Call *call)
{
	return serve_fail(call->serve, FAILURE("OutcomeUnknown"));
}

int fail_directory(Call *call, int r)
{
	const char *error = directory_error(call->worker->directory);
	char text[640];

	snprintf(text, sizeof(text), "the directory could not be used: %s (%s)",
		 *error ? error : "no answer", r < 0 ? strerror(-r) : "refused");
	journal_note(call, LOG_ERR, "directory-failed", NULL, text);
	return serve_fail(call->serve,
			  call->unsure ? FAILURE("OutcomeUnknown") : FAILURE("Unavailable"));
}

void journal_note(const Call *call, int priority, const char *event, const char *user,
		  const char *text)
{
	/* Without journald (a worker started by hand or by a test) the line goes to stderr. */
	if (!getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>pwreset-directory: %s: %s%s%s\n", priority, event,
			user ? user : "", user ? ": " : "", text);
	sd_journal_send("MESSAGE=%s: %s%s%s", event, user ? user : "", user ? ": " : "", text,
			"PRIORITY=%d", priority, "PWRESET_EVENT=%s", event, "PWRESET_USER=%s",
			user ? user : "", "PWRESET_VIA=%s",
			call->caller.via ? call->caller.via : "", "PWRESET_HOST=%s",
			call->caller.host ? call->caller.host : "", "PWRESET_OPERATION=%s",
			call->caller.operation ? call->caller.operation : "", NULL);
}
