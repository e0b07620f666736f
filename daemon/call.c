/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Admission and answers; what lies between is route.c's. */

#include <string.h>

#include "audit.h"
#include "broker.h"
#include "call.h"
#include "log.h"
#include "route.h"
#include "route_spool.h"

#define FAILURE "org.pwreset.Failure."
#define VARLINK_ERRORS "org.varlink.service."
/* no more than one line in that time about those who ask too often */
#define LIMITED_LOG_US 1000000

static void call_audit(const Call *call, AuditEvent event);

void call_free(Call *call)
{
	if (call->bulk.parts > 0 && call->result[0] == '\0') {
		snprintf(call->result, sizeof(call->result), "interrupted");
		call_audit(call, AUDIT_CALL);
	}
	if (call->work)
		work_abandon(call->work);
	route_notices_leave(call);
	sd_event_source_disable_unref(call->slot);
	free(call);
}

bool call_survives(Call *call)
{
	if (call->waiting)
		return true;
	if (!call->work)
		return false;
	if (route_has_notice(call))
		return !route_withdraw(call);
	return false;
}

static Buf *answer_buffer(Call *call)
{
	Buf *buf = varlink_stream_message(call->peer->stream);

	if (buf)
		return buf;
	call->nothing = (Buf){ .overflow = true };
	return &call->nothing;
}

JsonWriter *call_reply(Call *call)
{
	call->writer = JSON_WRITER(answer_buffer(call));
	varlink_open_reply(&call->writer, call->bulk.continues);
	return &call->writer;
}

JsonWriter *call_error(Call *call, const char *error)
{
	call->bulk.continues = false;
	call->writer = JSON_WRITER(answer_buffer(call));
	varlink_open_error(&call->writer, error);
	return &call->writer;
}

/* Staff typed the name; otherwise only what has been proven to be one. */
static const char *audit_user(const Call *call)
{
	if (call->method->roles != 0)
		return call->parameters.user;
	if (call->proven[0] != '\0')
		return call->proven;
	if ((call->method->flags & METHOD_PROVEN) && strcmp(call->result, "ok") == 0)
		return call->parameters.user;
	return NULL;
}

static void call_audit(const Call *call, AuditEvent event)
{
	const Peer *peer = call->peer;
	bool uid = peer->socket == SOCKET_CTL;

	audit_write(&(const Audit){
		.event = event,
		.method = call->message.method,
		.result = call->result,
		.user = event == AUDIT_CALL ? audit_user(call) : NULL,
		.address = event == AUDIT_CALL && call->method->roles != 0
				   ? call->parameters.address
				   : NULL,
		.socket = socket_name(peer->socket),
		.host = peer->host              ? peer->host
			: call->parameters.host ? call->parameters.host
						: call->parameters.origin.host,
		.source = call->parameters.origin.address,
		.request = call->id[0] != '\0' ? call->id : NULL,
		.has_uid = uid,
		.uid = peer->uid,
	});
}

static void call_audit_limited(const Call *call)
{
	uint64_t now = broker_now_us(call->broker);

	if (now - call->broker->limited_at < LIMITED_LOG_US)
		return;
	call->broker->limited_at = now;
	call_audit(call, AUDIT_LIMITED);
}

static bool result_is(const Call *call, const char *error)
{
	return strcmp(call->result, error) == 0;
}

/*
 * A host of the fleet, whose root may be hostile, has a record under its name. What does not even
 * reach a worker counts a tenth: an honest host says such a thing now and then, and a flood of it
 * is one all the same.
 */
static void host_account(Call *call, bool wrong)
{
	Broker *broker = call->broker;
	Peer *peer = call->peer;
	unsigned cost = 0;

	if (!peer->host)
		return;
	if (wrong || result_is(call, RESULT_NOBODY))
		cost = LIMIT_CALL;
	else if (result_is(call, FAILURE "TryLater") ||
		 strncmp(call->result, VARLINK_ERRORS, strlen(VARLINK_ERRORS)) == 0)
		cost = LIMIT_CALL / 10;
	if (cost == 0 ||
	    !limits_host_wrong(broker->limits, peer->host, cost, mark_now_us(&broker->mark)))
		return;
	call_audit(call, AUDIT_CUT);
	peers_cut_host(broker, peer->host);
}

static void call_account(Call *call)
{
	Broker *broker = call->broker;
	bool wrong = result_is(call, FAILURE "Refused") ||
		     result_is(call, FAILURE "WrongPassword") ||
		     result_is(call, FAILURE "LinkDead");

	host_account(call, wrong);
	if (!call->method)
		return;
	/* Not where many people stand behind one source: a few would lock out all. */
	if (wrong && call->subject.weight == 0)
		limits_fine(broker->limits, &call->subject, call->method->fine,
			    mark_now_us(&broker->mark));
	if (wrong || result_is(call, VARLINK_E_PERMISSION_DENIED) ||
	    result_is(call, FAILURE "TryLater"))
		broker->mark.counters.refused++;
	if (result_is(call, VARLINK_E_PERMISSION_DENIED))
		call_audit(call, AUDIT_DENIED);
	else if (result_is(call, FAILURE "TryLater"))
		call_audit_limited(call);
	else if (call->method->flags & METHOD_AUDIT)
		call_audit(call, AUDIT_CALL);
}

/* Hands the answer over. The call is gone afterwards. */
static void call_release(Call *call)
{
	Peer *peer = call->peer;
	int r = 0;

	if (!call->message.oneway && !peer->gone) {
		r = varlink_stream_commit(peer->stream);
		if (r == -EMSGSIZE && call->writer.buf != &call->nothing) {
			call_error(call, FAILURE "Unavailable");
			varlink_close(&call->writer);
			r = varlink_stream_commit(peer->stream);
		}
	} else if (call->writer.buf != &call->nothing) {
		buf_wipe(call->writer.buf);
	}
	call_free(call);
	if (r < 0)
		/* A peer that got no answer must not take the next for it. */
		peer->gone = true;
	peer_call_done(peer);
}

static int on_slot(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Call *call = userdata;

	if (!call->answered) {
		/*
		 * Not known by now means refused, for everyone alike; what the worker still says is
		 * not heard.
		 */
		if (call->work)
			work_abandon(STEAL(call->work));
		call_error(call, call->method->late);
		varlink_close(&call->writer);
		snprintf(call->result, sizeof(call->result), "%s", call->method->late);
		call_account(call);
	}
	call_release(call);
	return 0;
}

/* The end of the slot in which the answer is there. */
static uint64_t slot_end(const Call *call, uint64_t now)
{
	uint64_t slot = (uint64_t)call->broker->config->recovery.answer_slot * 1000;
	uint64_t passed = now > call->arrived_us ? now - call->arrived_us : 0;

	return slot == 0 ? now : call->arrived_us + (passed / slot + 1) * slot;
}

int call_begin_slot(Call *call)
{
	const Method *m = call->method;
	int r;

	if (m->slot == SLOT_NONE || !(m->slot_sockets & call->peer->socket))
		return 0;
	r = sd_event_add_time(call->broker->event, &call->slot, CLOCK_MONOTONIC,
			      slot_end(call, call->arrived_us), 1, on_slot, call);
	call->rounded = m->slot == SLOT_ROUNDED;
	if (r >= 0 && call->rounded)
		/* Which slot it will be is known when the answer is there. */
		r = sd_event_source_set_enabled(call->slot, SD_EVENT_OFF);
	return r;
}

/* Hands the answer to a part over, the call staying in hand. False: it cannot go on. */
static bool call_part(Call *call)
{
	if (call->peer->gone || varlink_stream_commit(call->peer->stream) < 0)
		return false;
	peer_part(call->peer);
	return true;
}

void call_finish(Call *call, const char *result)
{
	varlink_close(&call->writer);
	if (call->bulk.continues) {
		if (call_part(call))
			return;
		call->peer->gone = true;
		call->bulk.parts++;
		call_release(call);
		return;
	}
	snprintf(call->result, sizeof(call->result), "%s", result);
	call_account(call);
	if (!call->slot || call->peer->gone) {
		call_release(call);
		return;
	}
	call->answered = true;
	if (call->rounded) {
		sd_event_source_set_time(call->slot, slot_end(call, broker_now_us(call->broker)));
		sd_event_source_set_enabled(call->slot, SD_EVENT_ONESHOT);
	}
}

void call_fail(Call *call, const char *error)
{
	call_error(call, error);
	call_finish(call, error);
}

void call_fail_parameter(Call *call, const char *parameter)
{
	json_put_string(call_error(call, VARLINK_E_INVALID_PARAMETER), "parameter", parameter);
	call_finish(call, VARLINK_E_INVALID_PARAMETER);
}

void call_fail_try_later(Call *call, unsigned seconds)
{
	json_put_integer(call_error(call, FAILURE "TryLater"), "seconds", seconds);
	call_finish(call, FAILURE "TryLater");
}
