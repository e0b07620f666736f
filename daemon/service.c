/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Introspection, Hello, policy figures and the state of the service. */

#include <string.h>

#include "broker.h"
#include "interfaces.h"
#include "service.h"
#include "version.h"

#define CUT_S (24 * 60 * 60) /* time to take its key away */
#define HELLO_AGAIN_S 1      /* all of a host's connections have a call in hand */

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
		json_put_string(call_error(call, VARLINK_E_INTERFACE_NOT_FOUND), "interface",
				call->parameters.interface);
		call_finish(call, VARLINK_E_INTERFACE_NOT_FOUND);
		return;
	}
	json_put_string(call_reply(call), "description", text);
	call_finish(call, "ok");
}

void service_hello(Call *call)
{
	Broker *broker = call->broker;
	const char *host = call->parameters.host;
	unsigned wait = limits_host_cut(broker->limits, host, mark_now_us(&broker->mark));

	if (wait > 0 || peer_set_host(call->peer, host) < 0) {
		call->peer->last = true;
		call_fail_try_later(call, wait > 0 ? wait : HELLO_AGAIN_S);
		return;
	}
	call_reply(call);
	call_finish(call, "ok");
}

void service_get_host(Call *call)
{
	Broker *broker = call->broker;
	int64_t now = mark_now_us(&broker->mark);
	const char *host = call->parameters.host;
	JsonWriter *w = call_reply(call);

	json_put_string(w, "host", host);
	json_put_integer(w, "connections", peers_count_host(broker, host));
	json_put_integer(w, "guesses", limits_host_guesses(broker->limits, host, now));
	json_put_integer(w, "seconds", limits_host_cut(broker->limits, host, now));
	call_finish(call, "ok");
}

void service_cut_host(Call *call)
{
	Broker *broker = call->broker;

	limits_host_set(broker->limits, call->parameters.host, CUT_S, mark_now_us(&broker->mark));
	peers_cut_host(broker, call->parameters.host);
	call_reply(call);
	call_finish(call, "ok");
}

void service_lift_host(Call *call)
{
	Broker *broker = call->broker;

	limits_host_set(broker->limits, call->parameters.host, 0, mark_now_us(&broker->mark));
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
