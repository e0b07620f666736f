/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking at a link without using it, and "this was not me". */
#include <string.h>

#include "event.h"
#include "methods.h"
#include "ticket.h"

#define ATTEMPTS_MAX 6U

typedef struct LinkParameters {
	const JsonNode *caller;
	const char *link;
	const JsonNode *origin;
} LinkParameters;

static const VarlinkField inspect_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(LinkParameters, link, true, 0),
	FIELD_OBJECT(LinkParameters, origin, false),
	{ 0 },
};

static const VarlinkField revoke_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(LinkParameters, link, true, 0),
	FIELD_OBJECT(LinkParameters, origin, false),
	{ 0 },
};

METHOD(method_inspect_link)
{
	AUTO_OPEN_TICKET OpenTicket open = { .account = ACCOUNT_NULL };
	LinkParameters p = { 0 };
	const char *dead, *language;
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, inspect_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = ticket_open(&call, p.link, &open, &dead);
	if (r == TICKET_E_DEAD)
		return fail_link_dead(&call, dead);
	if (r != 0)
		return fail_directory(&call, r);
	w = serve_reply(serve);
	json_put_string(w, "user", open.account.name);
	json_put_integer(w, "seconds", open.token.expiry - call.caller.now);
	language = entry_text(open.account.entry, "preferredLanguage");
	if (language && language_valid(language))
		json_put_string(w, "language", language);
	return serve_send(serve);
}

/* Deletes every token of that request: link, code, and the grant that the code gave. */
static int revoke_id(Call *call, Account *account, const char *id)
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		Event event = { .what = "revoked", .time = call->caller.now };
		StoredTokens tokens;
		size_t n = 0;
		int r;

		stored_read(account->entry, &tokens);
		for (size_t j = 0; j < tokens.n; j++)
			if (strcmp(tokens.list[j].id, id) == 0) {
				stored_delete(&changes, &tokens.list[j]);
				n++;
			}
		if (n == 0)
			return 0;
		snprintf(event.operation, sizeof(event.operation), "%s", call->caller.operation);
		snprintf(event.ref, sizeof(event.ref), "%s", id);
		event_put(&changes, account->entry, &event);
		r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (!call_lost(call, r) && r >= 0 && !call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r == ACCOUNT_E_NONE ? 0 : r;
	}
	return -EBUSY;
}

METHOD(method_revoke_link)
{
	AUTO_OPEN_TICKET OpenTicket open = { .account = ACCOUNT_NULL };
	char id[TOKEN_ID_TEXT + 1];
	LinkParameters p = { 0 };
	const char *dead;
	bool valid;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, revoke_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = ticket_open(&call, p.link, &open, &dead);
	if (r != 0 && r != TICKET_E_DEAD)
		return fail_directory(&call, r);
	/* The link itself, or the ticket for this purpose that stands in the mail of a code too. */
	valid = r == 0 || (open.account.entry && revoke_ticket_valid(&call, &open.ticket));
	if (valid) {
		base64url_encode(open.ticket.id, sizeof(open.ticket.id), id, sizeof(id));
		r = revoke_id(&call, &open.account, id);
		if (r != 0)
			return fail_directory(&call, r);
	}
	serve_reply(serve);
	return serve_send(serve);
}
