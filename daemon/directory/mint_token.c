/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Minting links and codes. Values of the same request are replaced, so that a retry of the mail
 * opens nothing twice; at most so many are live at a time, and mails to one account come ever more
 * slowly, whoever asks and wherever.
 */
#include <string.h>
#include <syslog.h>

#include "mint.h"
#include "series.h"

#define ATTEMPTS_MAX 6U

/* What a person holds. */
typedef struct Minted {
	char ticket[TICKET_TEXT_MAX + 1];
	char code[CODE_SYMBOLS + 1];
} Minted;

static void minted_wipe(Minted *minted)
{
	memory_wipe(minted, sizeof(*minted));
}

static void symbols_random(char *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = CODE_ALPHABET[randombytes_uniform(sizeof(CODE_ALPHABET) - 1)];
}

static bool label_taken(const StoredTokens *tokens, const char *label)
{
	for (size_t i = 0; i < tokens->n; i++)
		if (tokens->list[i].kind == TOKEN_CODE &&
		    strncmp(tokens->list[i].label, label, CODE_LABEL) == 0)
			return true;
	return false;
}

static int seal_code(Call *call, const Account *account, const StoredTokens *tokens,
		     StoredToken *token, Minted *ret)
{
	/* At most STORED_MAX of 1024 labels are taken. */
	do
		symbols_random(ret->code, CODE_LABEL);
	while (label_taken(tokens, ret->code));
	symbols_random(ret->code + CODE_LABEL, CODE_SECRET);
	memcpy(token->label, ret->code, CODE_LABEL);
	return stored_seal(token, call, account, ret->code + CODE_LABEL, CODE_SECRET);
}

static int seal_link(Call *call, const Account *account, const MintRequest *request,
		     StoredToken *token, Minted *ret)
{
	AUTO_TICKET Ticket ticket = { 0 };
	int r;

	r = account_selector(account, ticket.selector, &ticket.selector_len);
	if (r < 0)
		return r;
	memcpy(ticket.id, request->id_bytes, sizeof(ticket.id));
	randombytes_buf(ticket.secret, sizeof(ticket.secret));
	r = stored_seal(token, call, account, ticket.secret, sizeof(ticket.secret));
	if (r < 0)
		return r;
	return ticket_format(&ticket, ret->ticket, sizeof(ret->ticket));
}

static int seal(Call *call, const Account *account, const MintRequest *request,
		const StoredTokens *tokens, StoredToken *token, Minted *ret)
{
	const Config *config = call->worker->config;
	bool link = token->kind == TOKEN_LINK;

	snprintf(token->id, sizeof(token->id), "%s", request->id);
	snprintf(token->key, sizeof(token->key), "%s", pepper_current(&call->worker->pepper)->id);
	token->staff = *request->requester != '\0';
	token->tries = link ? 1 : config->recovery.code_tries;
	token->expiry = call->caller.now + (int64_t)(link ? config->recovery.link_minutes
							  : config->recovery.code_minutes) *
						   60;
	return link ? seal_link(call, account, request, token, ret)
		    : seal_code(call, account, tokens, token, ret);
}

/* Live ones of the kind that the person asked for, but for this request's own. */
static unsigned live_count(const StoredTokens *tokens, TokenKind kind, const char *id, int64_t now)
{
	unsigned n = 0;

	for (size_t i = 0; i < tokens->n; i++) {
		const StoredToken *token = &tokens->list[i];

		n += token->kind == kind && !token->staff && stored_live(token, now) &&
		     strcmp(token->id, id) != 0;
	}
	return n;
}

/*
 * Takes away this request's earlier values and all that is dead; true when there was one of this
 * request.
 */
static bool sweep(const StoredTokens *tokens, const char *id, int64_t now, Changes *changes)
{
	bool again = false;

	for (size_t i = 0; i < tokens->n; i++) {
		bool same = strcmp(tokens->list[i].id, id) == 0;

		again = again || same;
		if (same || now >= tokens->list[i].expiry)
			stored_delete(changes, &tokens->list[i]);
	}
	return again;
}

static int mint_once(Call *call, const MintRequest *request, const Account *account, TokenKind kind,
		     Minted *ret)
{
	const Config *config = call->worker->config;
	AUTO_CHANGES Changes changes = { 0 };
	StoredToken token = { .kind = kind };
	bool staff = *request->requester != '\0', again;
	int64_t left, now = call->caller.now;
	StoredTokens tokens;
	Series series;
	int r;

	stored_read(account->entry, &tokens);
	again = sweep(&tokens, request->id, now, &changes);
	left = series_left(call, account->entry, &series);
	if (!staff &&
	    live_count(&tokens, kind, request->id, now) >= config->recovery.live_requests) {
		r = mint_skip(call, "too-many", 0);
		return r < 0 ? r : MINT_E_SKIPPED;
	}
	if (!staff && !again) {
		if (left > 0) {
			r = mint_skip(call, "back-off", left);
			return r < 0 ? r : MINT_E_SKIPPED;
		}
		series_put(call, &series, &changes);
	}
	stored_add_class(&changes, account);
	r = seal(call, account, request, &tokens, &token, ret);
	if (r < 0)
		return r;
	stored_add(&changes, &token);
	return directory_modify(call->worker->directory, account->dn, &changes, NULL);
}

static int mint_token(Call *call, const MintRequest *request, Account *account, TokenKind kind,
		      Minted *ret)
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		int r = mint_once(call, request, account, kind, ret);

		/*
		 * A reply that was lost costs nothing: the value of the same request is replaced.
		 */
		if (r != -ECONNRESET && !call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r;
	}
	return -EBUSY;
}

/*
 * What somebody asks for alone goes to nobody else's address: those that several entries have are
 * left out.
 */
static int drop_shared(Call *call, const Account *account, MailTo *to)
{
	size_t kept = 0;

	for (size_t i = 0; i < to->n; i++) {
		bool shared;
		int r = account_address_shared(call, account, to->list[i], &shared);

		if (r != 0)
			return r;
		if (shared)
			journal_note(call, LOG_ALERT, "address-shared", account->name,
				     "another entry has the same address: nothing was sent there");
		else
			to->list[kept++] = to->list[i];
	}
	to->n = kept;
	return 0;
}

static int mint_secret(Call *call, const MintRequest *request, Account *account, TokenKind kind)
{
	CLEANUP(minted_wipe) Minted minted = { 0 };
	char shown[CODE_SYMBOLS + 2] = "", revoke[TICKET_TEXT_MAX + 1];
	const Config *config = call->worker->config;
	bool link = kind == TOKEN_LINK;
	Addresses addresses;
	MailTo to;
	int r;

	addresses_read(account, config, &addresses);
	mail_to_recovery(call, account, &addresses, &to);
	r = *request->requester ? 0 : drop_shared(call, account, &to);
	if (r != 0)
		return mint_fail(call, r);
	if (to.n == 0)
		return mint_skip(call, "no-address", 0);
	mail_to_keep(&addresses, &to);
	r = mint_token(call, request, account, kind, &minted);
	if (r == MINT_E_SKIPPED)
		return 0;
	if (r == 0)
		r = revoke_ticket(call, account, request->id_bytes, revoke);
	if (r != 0)
		return r == ACCOUNT_E_NONE ? mint_skip(call, "no-such-user", 0)
					   : mint_fail(call, r);
	if (!link)
		code_format(minted.code, shown);
	r = mint_mail(call, request, account, &to,
		      &(MailValues){
			      .link = link ? minted.ticket : NULL,
			      .code = link ? NULL : shown,
			      .revoke = revoke,
			      .minutes = link ? config->recovery.link_minutes
					      : config->recovery.code_minutes,
		      });
	memory_wipe(shown, sizeof(shown));
	memory_wipe(revoke, sizeof(revoke));
	return r;
}

int mint_link(Call *call, const MintRequest *request, Account *account)
{
	return mint_secret(call, request, account, TOKEN_LINK);
}

int mint_code(Call *call, const MintRequest *request, Account *account)
{
	return mint_secret(call, request, account, TOKEN_CODE);
}
