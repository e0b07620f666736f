/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Service.Diagnose of the directory. */
#include "diagnose.h"

#include <string.h>

#include "methods.h"

static const char *const severities[] = {
	[SEVERITY_OK] = "ok",
	[SEVERITY_NOTICE] = "notice",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

static void put_text(JsonWriter *w, const char *key, const char *text)
{
	if (text && utf8_valid(text, strlen(text)))
		json_put_string(w, key, text);
}

void finding(Diagnosis *diagnosis, Severity severity, const char *what, const char *text,
	     const char *evidence, const char *remedy)
{
	JsonWriter *w = diagnosis->w;

	json_open(w, NULL, '{');
	json_put_string(w, "severity", severities[severity]);
	json_put_string(w, "what", what);
	json_put_string(w, "text", text);
	put_text(w, "evidence", evidence);
	put_text(w, "remedy", remedy);
	json_close(w, '}');
}

static const char *unreachable_remedy(int r)
{
	switch (r) {
	case DIRECTORY_E_CREDENTIALS:
		return "[directory] bind-dn= or the credential ldap-password is wrong";
	default:
		return "check [directory] uri=, tls-ca-file= and that the server runs";
	}
}

METHOD(method_diagnose)
{
	static const VarlinkField fields[] = { CALLER_FIELD, { 0 } };
	Diagnosis diagnosis = { .sample = ACCOUNT_NULL };
	const JsonNode *caller;
	const char *unfit;
	Call call;
	int r;

	r = call_open_offline(&call, serve, varlink, userdata, fields, &caller);
	if (r != 0)
		return r < 0 ? r : 0;
	diagnosis.call = &call;
	diagnosis.w = serve_reply(serve);
	json_open(diagnosis.w, "findings", '[');
	diagnose_config(&diagnosis);
	r = directory_connect(call.worker->directory);
	unfit = r == 0 ? worker_server_unfit(call.worker) : NULL;
	if (unfit) {
		finding(&diagnosis, SEVERITY_ERROR, "server-unfit",
			"Passwords cannot be set on this directory.",
			directory_server(call.worker->directory)->uri, unfit);
	} else if (r != 0) {
		finding(&diagnosis, SEVERITY_ERROR, "directory-unreachable",
			"The directory cannot be used.", directory_error(call.worker->directory),
			unreachable_remedy(r));
	} else {
		diagnose_server(&diagnosis);
		diagnose_people(&diagnosis);
		if (diagnosis.sample.entry) {
			diagnose_access(&diagnosis);
			diagnose_canary(&diagnosis);
			diagnose_policy(&diagnosis);
		}
	}
	account_deinit(&diagnosis.sample);
	json_close(diagnosis.w, ']');
	return serve_send(serve);
}
