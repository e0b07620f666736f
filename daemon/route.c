/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routes of the table. */

#include <string.h>

#include "broker.h"
#include "caller.h"
#include "route.h"
#include "route_spool.h"

#define UNAVAILABLE "org.pwreset.Failure.Unavailable"
#define OUTCOME_UNKNOWN "org.pwreset.Failure.OutcomeUnknown"
#define MAILER_EXTRA_MS 5000 /* over [mail] timeout=, for the worker to say how it went */

static unsigned deadline_ms(const Call *call)
{
	if (call->method->deadline_ms > 0)
		return call->method->deadline_ms;
	return call->broker->config->mail.timeout * 1000 + MAILER_EXTRA_MS;
}

/* The call for the worker: as it came, and who is behind it. */
static void work_write(JsonWriter *w, unsigned left_ms, void *userdata)
{
	Call *call = userdata;
	const Peer *peer = call->peer;
	const Method *m = call->method;

	varlink_open_call(w, m->worker ? m->worker : m->name, false);
	if (call->bulk.on)
		bulk_write(w, call);
	else if (call->message.parameters)
		json_put_members(w, call->message.parameters);
	if (m->route == ROUTE_DIRECTORY)
		/*
		 * Only on pam and ctl is the peer's uid somebody's; the page's or the relay's must
		 * not pass for "oneself".
		 */
		caller_write(w,
			     &(const Caller){
				     .uid = peer->socket == SOCKET_PAM || peer->socket == SOCKET_CTL
						    ? (int64_t)peer->uid
						    : -1,
				     .roles = call->roles,
				     .via = socket_name(peer->socket),
				     .host = peer->host,
				     .now = mark_now(&call->broker->mark),
				     .deadline_ms = left_ms,
				     .operation = call->id,
			     });
	varlink_close(w);
}

/* What the journal and the limits are told of an answer. */
static const char *reply_result(const Call *call, const VarlinkReply *reply)
{
	if (reply->error)
		return reply->error;
	return (call->method->flags & METHOD_NAMES) &&
			       !json_get_bool(reply->parameters, "exists", false)
		       ? RESULT_NOBODY
		       : "ok";
}

static void reply_pass(Call *call, const VarlinkReply *reply)
{
	const char *user = reply->error ? NULL : json_get_string(reply->parameters, "user");
	JsonWriter *w;

	if (call->bulk.on && !reply->error && bulk_note(call, reply->parameters) < 0) {
		call_fail(call, UNAVAILABLE);
		return;
	}
	w = reply->error ? call_error(call, reply->error) : call_reply(call);
	if (user)
		snprintf(call->proven, sizeof(call->proven), "%s", user);
	if (reply->parameters)
		json_put_members(w, reply->parameters);
	if (!reply->error && route_spool_after(call, reply->parameters))
		return;
	call_finish(call, reply_result(call, reply));
}

static void work_done(int r, bool sent, const VarlinkReply *reply, void *userdata)
{
	Call *call = userdata;

	call->work = NULL;
	if (r == 0 && !reply->error)
		route_notices_release(call);
	else if ((r == 0 && strcmp(reply->error, OUTCOME_UNKNOWN) != 0) || (r < 0 && !sent))
		route_notices_drop(call);
	else
		route_notices_leave(call);
	if (r == 0)
		reply_pass(call, reply);
	else
		call_fail(call, sent ? call->method->lost : UNAVAILABLE);
}

static Urgency call_urgency(const Call *call)
{
	if (call->bulk.on)
		return URGENCY_BULK;
	return (call->method->flags & METHOD_IDLE_ON_CTL) && call->peer->socket == SOCKET_CTL
		       ? URGENCY_PERSON
		       : URGENCY_CALL;
}

void route_submit(Call *call)
{
	const Method *m = call->method;
	const WorkSpec spec = {
		.urgency = call_urgency(call),
		.timeout_us = (uint64_t)deadline_ms(call) * 1000,
		.write = work_write,
		.done = work_done,
		.userdata = call,
	};
	Pool *pool = m->route == ROUTE_MAILER ? call->broker->mailer : call->broker->directory;

	if (pool_submit(pool, &spec, &call->work) < 0) {
		route_notices_drop(call);
		call_fail(call, UNAVAILABLE);
	}
}

void route_call(Call *call)
{
	switch (call->method->route) {
	case ROUTE_BROKER:
		call->method->answer(call);
		break;
	case ROUTE_SPOOL:
		route_spool(call);
		break;
	case ROUTE_DIRECTORY:
		route_notices_add(call, deadline_ms(call));
		break;
	case ROUTE_MAILER:
		route_submit(call);
		break;
	}
}

bool route_has_notice(const Call *call)
{
	return call->notices[0] != NULL;
}

bool route_withdraw(Call *call)
{
	/* Something a worker has seen goes on, for what it does must be told. */
	if (!work_withdraw(call->work))
		return false;
	call->work = NULL;
	route_notices_drop(call);
	return true;
}
