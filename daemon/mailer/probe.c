/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.pwreset.Mailer.Probe: a test message over a new session, told step by step. */

#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>

#include "mailer.h"

#define ID_BYTES 12

typedef struct ProbeParameters {
	const char *address;
	const JsonNode *caller; /* its deadline bounds ours */
} ProbeParameters;

static const VarlinkField fields[] = {
	{ "address", JSON_STRING, offsetof(ProbeParameters, address), true, MAIL_ADDRESS_MAX },
	{ "caller", JSON_OBJECT, offsetof(ProbeParameters, caller), false, 0 },
	{ 0 },
};

static int id_make(char *ret, size_t size)
{
	uint8_t bytes[ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	base64url_encode(bytes, sizeof(bytes), ret, size);
	return 0;
}

static void steps_put(JsonWriter *w, const Trace *trace)
{
	json_open(w, "steps", '[');
	for (size_t i = 0; i < trace->n_steps; i++) {
		const TraceStep *step = &trace->steps[i];

		json_open(w, NULL, '{');
		json_put_string(w, "step", step->step);
		json_put_bool(w, "ok", step->cause == CAUSE_NONE);
		json_put_string(w, "text", step->text);
		json_put_string(w, "remedy", trace_remedy(step->cause));
		json_close(w, '}');
	}
	json_close(w, ']');
}

static RelayResult probe_send(Mailer *mailer, const ProbeParameters *p, Trace *trace)
{
	Values values = { .time = time(NULL) };
	char id[BASE64_SIZE(ID_BYTES)], now[24];
	struct utsname name;
	RelayResult result;

	if (id_make(id, sizeof(id)) < 0 || uname(&name) < 0) {
		trace_fail(trace, "message", CAUSE_INTERNAL, "no random bytes");
		return RELAY_TEMPORARY;
	}
	snprintf(now, sizeof(now), "%lld", (long long)values.time);
	values.text[VALUE_TIME] = now;
	values.text[VALUE_HOST] = host_valid(name.nodename) ? name.nodename : "";
	mailer_defaults(mailer, &values);
	if (mailer_render(mailer, KIND_TEST, "", &values) < 0) {
		trace_fail(trace, "message", CAUSE_CONTENT, "the template \"test\" is too long");
		return RELAY_PERMANENT;
	}
	/* A session that is open already would hide the first steps. */
	relay_hang_up(mailer->relay);
	result = mailer_deliver(mailer, id, 0, p->address, mailer_deadline(mailer, p->caller),
				trace);
	relay_hang_up(mailer->relay);
	return result;
}

int mailer_probe(Serve *serve, const VarlinkCall *call, void *userdata)
{
	Mailer *mailer = userdata;
	ProbeParameters p = { .address = NULL };
	const char *bad = "address";
	RelayResult result;
	JsonWriter *w;
	Trace trace;

	if (varlink_dispatch(call->parameters, fields, &p, &bad) != 0)
		return serve_invalid(serve, bad);
	if (!mail_address_valid(p.address))
		return serve_invalid(serve, "address");
	trace_init(&trace);
	result = probe_send(mailer, &p, &trace);
	w = serve_reply(serve);
	json_put_bool(w, "delivered", result == RELAY_SENT);
	steps_put(w, &trace);
	return serve_send(serve);
}
