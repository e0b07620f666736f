/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Admission, in order of cost: is it a call, does the method exist, here, for this peer, are the
 * parameters what the table says, does the source ask too often. Nothing of it depends on whether a
 * name exists.
 */

#include <string.h>
#include <time.h>

#include "broker.h"
#include "call.h"
#include "log.h"
#include "route.h"
#include "service.h"

#define UNAVAILABLE "org.pwreset.Failure.Unavailable"
/* Many people stand behind a source that has no address. */
#define WEIGHT_PAM 10
#define WEIGHT_WEB 50
#define ADDRESS_UNKNOWN                                                                            \
	"unknown" /* what the PAM module says when there is neither address nor terminal */

static uint64_t clock_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void source_from_origin(Call *call, const char *nameless, unsigned weight)
{
	const Origin *origin = &call->parameters.origin;
	bool address = origin->address && *origin->address,
	     terminal = origin->terminal && *origin->terminal;

	if (address && strcmp(origin->address, ADDRESS_UNKNOWN) != 0) {
		snprintf(call->source, sizeof(call->source), "%s", origin->address);
	} else if (!address && terminal) {
		snprintf(call->source, sizeof(call->source), "tty=%s", origin->terminal);
	} else {
		snprintf(call->source, sizeof(call->source), "%s", nameless);
		call->subject.weight = weight;
	}
}

/*
 * Whom the limits count the call to. On pam every peer is root, so the address that PAM knows
 * stands for the person.
 */
static void subject_find(Call *call)
{
	const Parameters *p = &call->parameters;
	const Peer *peer = call->peer;

	call->subject = (LimitSubject){ .source = call->source };
	switch (peer->socket) {
	case SOCKET_PAM:
		source_from_origin(call, "pam", WEIGHT_PAM);
		break;
	case SOCKET_WEB:
		source_from_origin(call, "web", WEIGHT_WEB);
		break;
	case SOCKET_RELAY:
		/*
		 * What a host's root says of his people's addresses is not believed. Hello is
		 * charged to whom it names.
		 */
		snprintf(call->source, sizeof(call->source), "host=%s",
			 peer->host ? peer->host
			 : p->host  ? p->host
				    : "");
		break;
	case SOCKET_CTL:
		snprintf(call->source, sizeof(call->source), "uid=%u", (unsigned)peer->uid);
		break;
	}
	if (p->ticket && ticket_public(p->ticket, call->ticket, sizeof(call->ticket)) < 0)
		call->ticket[0] = '\0';
	if (p->link && ticket_public(p->link, call->ticket, sizeof(call->ticket)) < 0)
		call->ticket[0] = '\0';
	call->subject.name = p->user                   ? p->user
			     : p->address              ? p->address
			     : call->ticket[0] != '\0' ? call->ticket
						       : NULL;
}

static unsigned call_cost(const Call *call)
{
	unsigned cost = call->method->cost;

	if ((call->method->flags & METHOD_IDLE_ON_CTL) && call->peer->socket == SOCKET_CTL)
		return 0;
	if (call->peer->socket != SOCKET_RELAY)
		return cost;
	/* Nothing is free to a host, not even to connect; and to ask for names is to guess. */
	if ((call->method->flags & METHOD_NAMES) && cost < LIMIT_CALL)
		return LIMIT_CALL;
	return cost > 0 ? cost : LIMIT_CALL / 10;
}

static void call_deny(Call *call)
{
	/*
	 * A relay's host is told once what is its; who asks for more gets no second try on that
	 * connection.
	 */
	call->peer->last = call->peer->socket == SOCKET_RELAY;
	/* Who knocks at closed doors all day shall not fill the journal with it. */
	unsigned wait = limits_charge(call->broker->limits, &call->subject, LIMIT_CALL,
				      mark_now_us(&call->broker->mark));

	if (wait > 0)
		call_fail_try_later(call, wait);
	else
		call_fail(call, VARLINK_E_PERMISSION_DENIED);
}

static void call_unknown(Call *call)
{
	char interface[VARLINK_NAME_MAX + 1];
	char *dot;

	snprintf(interface, sizeof(interface), "%s", call->message.method);
	dot = strrchr(interface, '.');
	*dot = '\0'; /* a method's name has a dot: varlink_call_parse() */
	if (service_has_interface(interface)) {
		json_put_string(call_error(call, VARLINK_E_METHOD_NOT_FOUND), "method",
				call->message.method);
		call_finish(call, VARLINK_E_METHOD_NOT_FOUND);
	} else {
		json_put_string(call_error(call, VARLINK_E_INTERFACE_NOT_FOUND), "interface",
				interface);
		call_finish(call, VARLINK_E_INTERFACE_NOT_FOUND);
	}
}

static bool call_permitted(Call *call)
{
	const Peer *peer = call->peer;
	const MethodCaller caller = {
		.socket = peer->socket,
		.roles = call->roles,
		.root_sets = call->broker->config->roles.root_sets_passwords,
	};

	/* On relay Hello comes first, and once. */
	if (peer->socket == SOCKET_RELAY &&
	    (call->method->answer == service_hello) == (peer->host != NULL))
		return false;
	return method_allowed(call->method, &caller);
}

/*
 * By its id an operation's marker, token and notice are told from those of others: without, nothing
 * is begun.
 */
static bool random_missing(Call *call)
{
	Broker *broker = call->broker;
	int r = request_id_new(call->id);

	if (r < 0 && !broker->no_random)
		log_line(LOG_CRIT,
			 "The kernel gives no random numbers: calls are refused until it does.");
	else if (r == 0 && broker->no_random)
		log_line(LOG_NOTICE, "There are random numbers again.");
	broker->no_random = r < 0;
	return r < 0;
}

static void call_admit(Call *call)
{
	Broker *broker = call->broker;
	const char *bad;
	unsigned wait;

	call->method = method_find(call->message.method);
	if (!call->method) {
		call_unknown(call);
		return;
	}
	/*
	 * For the sake of call_deny(); the parameters have not been looked at, so only the peer
	 * counts.
	 */
	subject_find(call);
	if (!call_permitted(call)) {
		call_deny(call);
		return;
	}
	if (parameters_take(&call->parameters, call->message.parameters, call->method->fields,
			    &bad) != 0) {
		call_fail_parameter(call, bad);
		return;
	}
	/*
	 * There the uid says who asks: another word for it would only lie to the journal and to
	 * those who get a notice.
	 */
	if (call->peer->socket == SOCKET_CTL && call->parameters.origin_object) {
		call_fail_parameter(call, "origin");
		return;
	}
	subject_find(call);
	wait = limits_charge(broker->limits, &call->subject, call_cost(call),
			     mark_now_us(&broker->mark));
	if (wait > 0) {
		/* Not even named: what follows would have to be denied. */
		if (call->peer->socket == SOCKET_RELAY && !call->peer->host)
			call->peer->last = true;
		call_fail_try_later(call, wait);
		return;
	}
	bulk_begin(call);
	if ((call->method->route != ROUTE_BROKER && random_missing(call)) ||
	    call_begin_slot(call) < 0)
		call_fail(call, UNAVAILABLE);
	else
		route_call(call);
}

int call_begin(Peer *peer, const JsonNode *root)
{
	AUTO_FREE Call *call = calloc(1, sizeof(*call));
	int r;

	if (!call)
		return -ENOMEM;
	call->broker = peer->broker;
	call->peer = peer;
	call->arrived_us = clock_now_us();
	r = varlink_call_parse(&call->message, root);
	if (r < 0)
		return r;
	/*
	 * Only on ctl does a person stand behind the peer; its groups may have changed their
	 * meaning at a reload.
	 */
	if (peer->socket == SOCKET_CTL)
		call->roles = identity_roles(&peer->broker->identities,
					     varlink_stream_fd(peer->stream), peer->uid, peer->gid);
	peer->call = call;
	call_admit(STEAL(call));
	return 0;
}
