/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Introspection, Hello, policy figures and the state of the service. */

#include <string.h>

#include "broker.h"
#include "interfaces.h"
#include "service.h"
#include "version.h"

static const char *interface_text(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		if (strcmp(interfaces[i].name, name) == 0)
			return interfaces[i].text;
	return NULL;
}

bool service_has_interface(const char *name)
{
	return interface_text(name) != NULL;
}

void service_get_info(Call *call)
{
	JsonWriter *w = call_reply(call);

	json_put_string(w, "vendor", "pwreset");
	json_put_string(w, "product", "pwresetd");
	json_put_string(w, "version", PWRESET_VERSION);
	json_put_string(w, "url", call->broker->config->web.origin);
	json_open(w, "interfaces", '[');
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		json_put_string(w, NULL, interfaces[i].name);
	json_close(w, ']');
	call_finish(call, "ok");
}

void service_get_interface_description(Call *call)
{
	const char *text = interface_text(call->parameters.interface);

	if (!text) {
		json_put_string(call_error(call, VARLINK_E_INTERFACE_NOT_FOUND), "interface", call->parameters.interface);
		call_finish(call, VARLINK_E_INTERFACE_NOT_FOUND);
		return;
	}
	json_put_string(call_reply(call), "description", text);
	call_finish(call, "ok");
}

void service_hello(Call *call)
{
	call->peer->host = strdup(call->parameters.host);
	if (!call->peer->host) {
		call_fail(call, "org.pwreset.Failure.Unavailable");
		return;
	}
	call_reply(call);
	call_finish(call, "ok");
}

void service_get_policy(Call *call)
{
	const Config *config = call->broker->config;
	JsonWriter *w = call_reply(call);

	json_put_integer(w, "minLength", config->policy.min_length);
	json_put_integer(w, "maxBytes", SECRET_MAX);
	json_put_integer(w, "minBits", config->policy.min_bits);
	call_finish(call, "ok");
}

void service_get_status(Call *call)
{
	Broker *broker = call->broker;
	int64_t oldest = spool_oldest(broker->spool);
	JsonWriter *w = call_reply(call);

	json_put_string(w, "version", PWRESET_VERSION);
	json_put_integer(w, "queued", (int64_t)spool_count(broker->spool));
	json_put_integer(w, "oldest", oldest > 0 ? mark_now(&broker->mark) - oldest : 0);
	json_put_integer(w, "sent", (int64_t)broker->mark.counters.sent);
	json_put_integer(w, "failed", (int64_t)broker->mark.counters.failed);
	json_put_integer(w, "refused", (int64_t)broker->mark.counters.refused);
	call_finish(call, "ok");
}
