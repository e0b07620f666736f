/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a ticket. Every way of being no good ends in the same answer for a grant, and in a word
 * for a link.
 */
#include "ticket.h"

#include <string.h>
#include <syslog.h>

#include "event.h"

void open_ticket_deinit(OpenTicket *open)
{
	ticket_wipe(&open->ticket);
	account_deinit(&open->account);
}

static const char *reason_of_absence(Call *call, const OpenTicket *open, const char *id)
{
	int64_t lifetime = (int64_t)call->worker->config->recovery.link_minutes * 60;
	Event event;

	if (event_find_ref(open->account.entry, id, &event))
		return strcmp(event.what, "revoked") == 0 ? "revoked" : "used";
	/*
	 * Killed with the others by a change. Only who has the entry's UUID is told: with a name as
	 * selector anybody could make up such a link, and learn from the answer that the name
	 * exists.
	 */
	if (open->ticket.selector[0] == 'u' &&
	    event_last_kill(open->account.entry, NULL) > call->caller.now - lifetime)
		return "revoked";
	return "unknown";
}

static bool token_find(Call *call, OpenTicket *open, const char *id)
{
	StoredTokens tokens;
	bool found = false;

	stored_read(open->account.entry, &tokens);
	for (size_t i = 0; i < tokens.n; i++) {
		const StoredToken *token = &tokens.list[i];

		if (token->kind == TOKEN_CODE || strcmp(token->id, id) != 0)
			continue;
		if (stored_verify(token, call, &open->account, open->ticket.secret,
				  sizeof(open->ticket.secret))) {
			open->token = *token;
			found = true;
		}
	}
	return found;
}

int ticket_open(Call *call, const char *text, OpenTicket *ret, const char **ret_dead)
{
	char id[TOKEN_ID_TEXT + 1];
	int r;

	*ret_dead = "unknown";
	if (ticket_parse(&ret->ticket, text) < 0)
		return TICKET_E_DEAD;
	r = account_find_selector(call, ret->ticket.selector, ret->ticket.selector_len,
				  &ret->account);
	if (r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
		return TICKET_E_DEAD;
	if (r != 0)
		return r;
	base64url_encode(ret->ticket.id, sizeof(ret->ticket.id), id, sizeof(id));
	if (!token_find(call, ret, id)) {
		*ret_dead = reason_of_absence(call, ret, id);
		return TICKET_E_DEAD;
	}
	if (!stored_live(&ret->token, call->caller.now)) {
		*ret_dead = "expired";
		return TICKET_E_DEAD;
	}
	if (!account_may_recover(&ret->account, ret->token.staff)) {
		journal_note(call, LOG_NOTICE, "recovery-refused", ret->account.name,
			     ret->account.privileged ? "privileged"
						     : account_state_name(ret->account.state));
		*ret_dead = "revoked";
		return TICKET_E_DEAD;
	}
	return 0;
}

int ticket_fail(Call *call, const OpenTicket *open, const char *dead)
{
	bool known = *open->token.id != '\0';

	if (known ? open->token.kind == TOKEN_GRANT : !call_via(call, "web"))
		return fail_refused(call);
	return fail_link_dead(call, dead);
}
