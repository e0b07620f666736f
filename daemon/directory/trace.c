/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mark of an operation, on whichever server it is. */
#include "trace.h"

#include <string.h>

#define SERVERS_MAX 32U
#define SERVER_MIN_MS 500 /* less of the call's time is not enough to ask one more */
/*
 * Until the next look, seconds: longer the longer it has lasted. A server that hung may still have
 * had the write before it when it was asked.
 */
#define WAIT_MIN 20
#define WAIT_MAX 300

static bool mark_find(const Entry *entry, const MintRequest *request, bool privileged, Event *ret)
{
	const char *time = entry_text(entry, "pwdChangedTime");
	int64_t changed;

	if (event_find_outcome(entry, request->id, ret))
		return true;
	/* Into a privileged entry no marker can be written (write_own.c), but slapd says when. */
	if (!privileged || strcmp(request->kind, "changed") != 0 || !time ||
	    !generalized_time_parse(time, &changed) || changed < request->created)
		return false;
	*ret = (Event){ .what = "changed" };
	return true;
}

static Trace server_look(Call *call, const char *uri, const MintRequest *request,
			 const Account *account, Event *ret)
{
	static const char *const attributes[] = { "pwresetEvent", "pwdChangedTime", NULL };
	CLEANUP(directory_freep) Directory *server = NULL;
	CLEANUP(entry_freep) Entry *entry = NULL;
	Worker *worker = call->worker;
	int64_t left = directory_time_left(worker->directory);
	int r;

	if (left < SERVER_MIN_MS ||
	    directory_new(&server, worker->config, uri, &worker->ldap_password) < 0)
		return TRACE_DOUBT;
	directory_set_deadline(server, (int64_t)monotonic_ms() + left - SERVER_MIN_MS);
	r = directory_connect(server);
	if (r == 0)
		r = directory_read(server, account->dn, NULL, attributes, &entry);
	if (r == DIRECTORY_E_NO_SUCH_OBJECT)
		return TRACE_NONE;
	if (r != 0)
		return TRACE_DOUBT;
	return mark_find(entry, request, account->privileged != 0, ret) ? TRACE_FOUND : TRACE_NONE;
}

static Trace list_look(Call *call, const char *list, const MintRequest *request,
		       const Account *account, Event *ret)
{
	AUTO_FREE char *uris = strdup(list);
	char *state = NULL, *uri = uris ? strtok_r(uris, " \t", &state) : NULL;
	Trace trace = uris ? TRACE_NONE : TRACE_DOUBT;

	for (unsigned i = 0; uri && i < SERVERS_MAX; i++, uri = strtok_r(NULL, " \t", &state)) {
		Trace there;

		if (strcmp(uri, directory_server(call->worker->directory)->uri) == 0)
			continue;
		there = server_look(call, uri, request, account, ret);
		if (there == TRACE_FOUND)
			return there;
		if (there == TRACE_DOUBT)
			trace = there;
	}
	return trace;
}

Trace trace_look(Call *call, const MintRequest *request, const Account *account, Event *ret)
{
	const Config *config = call->worker->config;
	Trace written, read;

	if (mark_find(account->entry, request, account->privileged != 0, ret))
		return TRACE_FOUND;
	if (request->done)
		return TRACE_NONE;
	written = list_look(call, config->directory.uri, request, account, ret);
	if (written == TRACE_FOUND)
		return written;
	read = list_look(call, config->directory.read_uri, request, account, ret);
	if (read == TRACE_FOUND)
		return read;
	if (account->privileged && !entry_has(account->entry, "pwdChangedTime"))
		return TRACE_DOUBT;
	return written == TRACE_DOUBT ? written : read;
}

int trace_skip(Call *call, const MintRequest *request, Trace trace)
{
	int64_t wait = (call->caller.now - request->created) / 2;

	if (trace == TRACE_NONE && request->missed)
		return mint_skip(call, "not-done", 0);
	wait = wait < WAIT_MIN ? WAIT_MIN : wait > WAIT_MAX ? WAIT_MAX : wait;
	return mint_skip(call, trace == TRACE_NONE ? "not-seen" : "unsure", wait);
}
