/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests made from calls. */

#include <string.h>

#include "audit.h"
#include "broker.h"
#include "log.h"
#include "route_spool.h"

#define UNAVAILABLE "org.pwreset.Failure.Unavailable"
#define KEEP_S (24 * 60 * 60) /* what nobody waits for at a prompt is tried for a day */
/* after the deadline: by then the worker is dead if it has not answered */
#define NOTICE_MARGIN_MS 5000
#define REPLY_AWAY_MS 200 /* by then whoever asked has the reply */

/*
 * A person who waits for a code or link has given up by then; news of a change, or what IT sends,
 * is good for longer.
 */
static int64_t life_s(const Call *call, const Request *request)
{
	switch (request->kind) {
	case REQUEST_LINK:
	case REQUEST_CODE:
	case REQUEST_USERNAME:
	case REQUEST_MAIL_CONFIRM:
		if (!request->requester)
			return (int64_t)call->broker->config->recovery.mail_minutes * 60;
		return KEEP_S;
	default:
		return KEEP_S;
	}
}

typedef struct Draft {
	Request request;
	char requester[16];
} Draft;

static void draft_make(const Call *call, RequestKind kind, const char *user, Draft *ret)
{
	const Parameters *p = &call->parameters;
	Mark *mark = &call->broker->mark;
	Request *q = &ret->request;

	*ret = (Draft){ 0 };
	q->kind = kind;
	q->user = user;
	q->ticket = call->ticket[0] != '\0' ? call->ticket : NULL;
	q->language = p->language;
	q->origin = p->origin;
	/* The host of a relay is what its key says, whatever it says of itself. */
	if (call->peer->host)
		q->origin.host = call->peer->host;
	if (call->method->roles != 0) {
		snprintf(ret->requester, sizeof(ret->requester), "%u", (unsigned)call->peer->uid);
		q->requester = ret->requester;
		q->roles = call->roles;
	}
	q->created = mark_now(mark);
	q->due = mark_now_ms(mark);
	q->expires = q->created + life_s(call, q);
}

static Call *call_of(SpoolWaiter *waiter)
{
	return (Call *)(void *)((char *)waiter - offsetof(Call, waiter));
}

static void call_wait(Call *call, void (*done)(SpoolWaiter *waiter, int r))
{
	call->waiting = true;
	call->waiter.done = done;
	spool_wait(call->broker->spool, &call->waiter);
}

/* The answer is written; it may go out when what it promises is on the disk. */
static void on_spooled(SpoolWaiter *waiter, int r)
{
	Call *call = call_of(waiter);

	call->waiting = false;
	if (r < 0)
		call_fail(call, UNAVAILABLE);
	else
		call_finish(call, "ok");
}

/*
 * To look up somebody who is there keeps the processors busy for longer than to find nobody. Done
 * at once, it would keep the reply waiting on its way, and time would tell whom there is; so it is
 * done later, at no moment that can be foretold.
 */
static int64_t away_ms(const Call *call)
{
	return REPLY_AWAY_MS + call->id[0] + call->id[1];
}

void route_spool(Call *call)
{
	const Parameters *p = &call->parameters;
	Draft draft;

	draft_make(call, call->method->kind, p->user ? p->user : p->address, &draft);
	memcpy(draft.request.id, call->id, sizeof(draft.request.id));
	draft.request.due += away_ms(call);
	if (spool_add(call->broker->spool, &draft.request, NULL) < 0) {
		call_fail(call, UNAVAILABLE);
		return;
	}
	call_reply(call);
	call_wait(call, on_spooled);
}

static bool has_after(const Call *call)
{
	RequestKind after = call->method->after;

	return after != REQUEST_NONE && (after != REQUEST_TEMPORARY || call->parameters.mail);
}

/* What a call changes people are told of, unless it only asks for a mail that does the changing. */
static bool has_notices(const Call *call)
{
	const Method *m = call->method;

	if (m->notices[0] == REQUEST_NONE || has_after(call))
		return false;
	/* A ticket that is none opens nothing: the worker says so. */
	return !call->parameters.ticket || call->ticket[0] != '\0';
}

static void on_noticed(SpoolWaiter *waiter, int r)
{
	Call *call = call_of(waiter);

	call->waiting = false;
	if (r < 0) {
		memset(call->notices, 0, sizeof(call->notices));
		call_fail(call, UNAVAILABLE);
	} else if (call->spooled < 0 || call->peer->gone) {
		route_notices_drop(call);
		call_fail(call, UNAVAILABLE);
	} else {
		route_submit(call);
	}
}

void route_notices_add(Call *call, unsigned deadline_ms)
{
	const Method *m = call->method;
	Draft draft;

	if (!has_notices(call)) {
		route_submit(call);
		return;
	}
	/*
	 * On ctl "oneself" is a uid, but whoever writes the mail needs a name, and looking it up
	 * could block.
	 */
	if ((m->flags & METHOD_NOTICE_USER) && !call->parameters.user) {
		call_fail_parameter(call, "user");
		return;
	}
	for (size_t i = 0;
	     i < METHOD_NOTICES && m->notices[i] != REQUEST_NONE && call->spooled == 0; i++) {
		draft_make(call, m->notices[i], call->parameters.user, &draft);
		memcpy(draft.request.id, call->id, sizeof(draft.request.id));
		draft.request.due += deadline_ms + NOTICE_MARGIN_MS;
		call->spooled = spool_add(call->broker->spool, &draft.request, &call->notices[i]);
		if (call->spooled == 0)
			call->notices[i]->held = true;
	}
	call_wait(call, on_noticed);
}

void route_notices_release(Call *call)
{
	int64_t now = mark_now_ms(&call->broker->mark);

	for (size_t i = 0; i < METHOD_NOTICES; i++)
		if (call->notices[i]) {
			call->notices[i]->done = true;
			spool_later(call->broker->spool, STEAL(call->notices[i]), now, true);
		}
}

void route_notices_drop(Call *call)
{
	for (size_t i = 0; i < METHOD_NOTICES; i++)
		if (call->notices[i])
			spool_done(call->broker->spool, STEAL(call->notices[i]));
}

void route_notices_leave(Call *call)
{
	for (size_t i = 0; i < METHOD_NOTICES; i++)
		if (call->notices[i])
			STEAL(call->notices[i])->held = false;
}

/*
 * account: whose it is, where user is an address or another spelling: one mail in a run for all of
 * them.
 */
static int after_add(Call *call, const char *user, const char *account)
{
	const Parameters *p = &call->parameters;
	Broker *broker = call->broker;
	Draft draft;
	int r;

	draft_make(call, call->method->after, user, &draft);
	r = request_id_new(draft.request.id);
	if (r < 0)
		return r;
	if (p->batch) {
		r = batch_add(broker->batch, draft.requester, p->batch, account ? account : user,
			      draft.request.created);
		if (r != 0)
			return r < 0 ? r : 0; /* 1: has been sent already */
		draft.request.run = batch_mark(broker->batch);
	}
	r = spool_add(broker->spool, &draft.request, NULL);
	if (r < 0)
		/*
		 * Rather two mails for others of this turn, should the run be started again, than
		 * none for this one.
		 */
		batch_revert(broker->batch);
	return r;
}

/* Whom the rules forbid is noted here; whom they allow, when the mail is sent. */
static void after_tell(const Call *call, const char *user, const char *status)
{
	audit_write(&(const Audit){
		.event = AUDIT_CALL,
		.method = call->method->name,
		.result = status,
		.user = user,
		.socket = socket_name(call->peer->socket),
		.request = call->id,
		.has_uid = true,
		.uid = call->peer->uid,
	});
}

/*
 * SendLink: those of the results that are "ok". The worker may name no more people than it was
 * asked about.
 */
static int after_add_results(Call *call, const JsonNode *reply)
{
	const JsonNode *results = json_get(reply, "results");
	int r;

	if (!results || results->type != JSON_ARRAY || results->n > bulk_users(call))
		return -EBADMSG;
	if (!spool_has_room(call->broker->spool, results->n))
		return -ENOBUFS;
	JSON_FOREACH(result, results) {
		const char *user = json_get_string(result, "user"),
			   *status = json_get_string(result, "status");

		if (!user || !status)
			return -EBADMSG;
		if (strcmp(status, "ok") != 0) {
			after_tell(call, user, status);
			continue;
		}
		r = after_add(call, user, json_get_string(result, "account"));
		if (r < 0)
			return r;
	}
	return 0;
}

/* RemindExpiry: the worker names people, the answer says how many requests that makes. */
static int after_add_expiring(Call *call, const JsonNode *reply)
{
	const JsonNode *users = json_get(reply, "users");
	const char *next = json_get_string(reply, "next");
	JsonWriter *w;
	int r;

	if (!users || users->type != JSON_ARRAY)
		return -EBADMSG;
	if (!spool_has_room(call->broker->spool, users->n))
		return -ENOBUFS;
	JSON_FOREACH(user, users) {
		if (user->type != JSON_STRING || !user_name_valid(user->string))
			return -EBADMSG;
		r = after_add(call, user->string, NULL);
		if (r < 0)
			return r;
	}
	w = call_reply(call);
	json_put_integer(w, "reminded", users->n);
	if (next)
		json_put_string(w, "next", next);
	return 0;
}

bool route_spool_after(Call *call, const JsonNode *reply)
{
	int r;

	if (!has_after(call))
		return false;
	if (call->method->after == REQUEST_EXPIRY)
		r = after_add_expiring(call, reply);
	else if (call->parameters.users)
		r = after_add_results(call, reply);
	else
		r = after_add(call, call->parameters.user, NULL);
	if (r < 0) {
		log_line(LOG_ERR, "%s: cannot be spooled: %s", call->method->name, strerror(-r));
		call_fail(call, UNAVAILABLE);
		return true;
	}
	call_wait(call, on_spooled);
	return true;
}
