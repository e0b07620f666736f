/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directory.Mint: whose request it is, whether it may have what it asks for, and the table of
 * kinds.
 */
#include "mint.h"

#include <string.h>
#include <syslog.h>

#include "event.h"
#include "methods.h"
#include "roles.h"

#define MINT_LIST_MAX 32U
#define MINT_ROOM 16384U /* in a reply for one more mail; what does not fit is asked for again */

typedef struct MintParameters {
	const JsonNode *caller;
	const JsonNode *request;
} MintParameters;

static const VarlinkField mint_fields[] = {
	CALLER_FIELD,
	FIELD_OBJECT(MintParameters, request, true),
	{ 0 },
};

static const VarlinkField request_fields[] = {
	FIELD_STRING(MintRequest, id, true, TOKEN_ID_TEXT),
	FIELD_STRING(MintRequest, kind, true, 32),
	FIELD_STRING(MintRequest, user, false, USER_NAME_MAX),
	FIELD_STRING(MintRequest, ticket, false, TICKET_TEXT_MAX),
	FIELD_STRING(MintRequest, requester, false, USER_NAME_MAX),
	{ "roles", JSON_ARRAY, offsetof(MintRequest, roles_node), true, 8 },
	FIELD_STRING(MintRequest, language, false, LANGUAGE_MAX),
	FIELD_OBJECT(MintRequest, origin, false),
	{ "created", JSON_INTEGER, offsetof(MintRequest, created), true, 0 },
	{ "expires", JSON_INTEGER, offsetof(MintRequest, expires), true, 0 },
	{ "attempt", JSON_INTEGER, offsetof(MintRequest, attempt), true, 0 },
	{ "done", JSON_BOOL, offsetof(MintRequest, done), false, 0 },
	{ "missed", JSON_BOOL, offsetof(MintRequest, missed), false, 0 },
	{ 0 },
};

typedef struct MintListParameters {
	const JsonNode *caller;
	const JsonNode *requests;
} MintListParameters;

static const VarlinkField mint_list_fields[] = {
	CALLER_FIELD,
	{ "requests", JSON_ARRAY, offsetof(MintListParameters, requests), true, MINT_LIST_MAX },
	{ 0 },
};

typedef struct MintKind {
	const char *name;
	/* Self-service of an inactive or privileged account gets nothing; staff need the verb. */
	bool secret;
	Verb verb;
	int (*make)(Call *call, const MintRequest *request, Account *account);
} MintKind;

static const MintKind kinds[] = {
	{ "link", true, VERB_SEND_LINK, mint_link },
	{ "code", true, VERB_SEND_LINK, mint_code },
	{ "username", true, VERB_REMIND_USER_NAME, mint_user_name },
	{ "changed", false, _VERB_N, mint_notice },
	{ "mail-changed", false, _VERB_N, mint_notice },
	{ "enrolled", false, _VERB_N, mint_notice },
	{ "mail-confirm", false, _VERB_N, mint_mail_confirm },
	{ "temporary", true, VERB_SET_PASSWORD, mint_temporary },
	{ "expiry", false, _VERB_N, mint_expiry },
};

static const MintKind *kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static unsigned roles_parse(const JsonNode *array)
{
	unsigned roles = 0;

	JSON_FOREACH(it, array)
		if (it->type == JSON_STRING)
			roles |= role_from_name(it->string);
	return roles;
}

static int find_account(Call *call, const MintRequest *request, Account *ret)
{
	AUTO_TICKET Ticket ticket = { 0 };

	if (!*request->ticket)
		return account_find(call, request->user, ret);
	if (ticket_public_parse(&ticket, request->ticket) < 0)
		return ACCOUNT_E_NONE;
	return account_find_selector(call, ticket.selector, ticket.selector_len, ret);
}

/* NULL, or why this request gets nothing. */
static const char *refusal(const MintKind *kind, const MintRequest *request, const Account *account)
{
	bool staff = *request->requester != '\0', oneself;
	int64_t uid;

	if (!kind->secret)
		return NULL;
	oneself = integer_parse(request->requester, &uid) && uid > 0 && uid == account->uid_number;
	if (staff && roles_refusal(kind->verb, request->roles, account, oneself))
		return "privileged";
	if (!staff && account->privileged)
		return "privileged";
	return account_may_recover(account, staff) ? NULL : "inactive";
}

/* r: what finding the account has said. */
static int mint(Call *call, const MintKind *kind, const MintRequest *request, Account *account,
		int r)
{
	const char *why, *own;
	Event used;

	if (call->caller.now >= request->expires)
		return mint_skip(call, "expired", 0);
	if (r == ACCOUNT_E_NONE)
		return mint_skip(call, "no-such-user", 0);
	if (r == ACCOUNT_E_AMBIGUOUS) {
		journal_note(call, LOG_ALERT, "ambiguous", NULL,
			     "several entries have the same name or address: nothing was sent to "
			     "any of them");
		return mint_skip(call, "ambiguous", 0);
	}
	if (r != 0)
		return mint_fail(call, r);
	why = refusal(kind, request, account);
	if (why) {
		journal_note(call, LOG_NOTICE, "recovery-refused", account->name,
			     strcmp(why, "inactive") == 0 ? account_state_name(account->state)
							  : why);
		return mint_skip(call, why, 0);
	}
	/*
	 * Asked for before a change that killed everything: it must not come to life afterwards.
	 * But the change may be this request's own, when the mail of a temporary password is tried
	 * again. And what was used or revoked within the second in which it was asked for stays
	 * dead when its mail is tried again.
	 */
	own = kind->make == mint_temporary ? request->id : NULL;
	if (kind->secret && (event_last_kill(account->entry, own) > request->created ||
			     (!own && event_find_ref(account->entry, request->id, &used))))
		return mint_skip(call, "expired", 0);
	return kind->make(call, request, account);
}

/* 0, 1 when an error has been answered, or negative. Its strings stay in the message. */
static int request_read(Serve *serve, const JsonNode *object, MintRequest *ret,
			const MintKind **kind)
{
	size_t len = 0;
	int r;

	*ret = (MintRequest){ .user = "", .ticket = "", .requester = "", .language = "" };
	r = call_dispatch(serve, object, request_fields, ret);
	if (r != 0)
		return r;
	ret->roles = roles_parse(ret->roles_node);
	*kind = kind_find(ret->kind);
	if (*kind &&
	    base64url_decode(ret->id, strlen(ret->id), ret->id_bytes, sizeof(ret->id_bytes),
			     &len) == 0 &&
	    len == sizeof(ret->id_bytes))
		return 0;
	r = serve_invalid(serve, *kind ? "id" : "kind");
	return r < 0 ? r : 1;
}

METHOD(method_mint)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	MintRequest request = { 0 };
	MintParameters p = { 0 };
	const MintKind *kind;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, mint_fields, &p);
	if (r == 0)
		r = request_read(serve, p.request, &request, &kind);
	if (r != 0)
		return r < 0 ? r : 0;
	/* It makes what opens accounts: for the broker's own requests alone. */
	if (!call_via(&call, "broker"))
		return serve_fail(serve, VARLINK_E_PERMISSION_DENIED);
	return mint(&call, kind, &request, &account, find_account(&call, &request, &account));
}

typedef struct MintList {
	MintRequest requests[MINT_LIST_MAX];
	const MintKind *kinds[MINT_LIST_MAX];
	const char *users[MINT_LIST_MAX];
	Account accounts[MINT_LIST_MAX];
	int results[MINT_LIST_MAX];
	size_t n, found;
} MintList;

static void mint_list_deinit(MintList *list)
{
	for (size_t i = 0; i < list->found; i++)
		account_deinit(&list->accounts[i]);
}

/* 0, 1 when an error has been answered, or negative. */
static int mint_list_read(Serve *serve, const JsonNode *array, MintList *ret)
{
	JSON_FOREACH(it, array) {
		MintRequest *request = &ret->requests[ret->n];
		int r = request_read(serve, it, request, &ret->kinds[ret->n]);

		if (r != 0)
			return r;
		if (ret->kinds[ret->n]->make != mint_link || !*request->requester ||
		    *request->ticket) {
			r = serve_invalid(serve, "requests");
			return r < 0 ? r : 1;
		}
		ret->users[ret->n++] = request->user;
	}
	return 0;
}

/*
 * Links that staff asked for, several at once: each is checked and made as by Mint, but all people
 * are looked up with one search.
 */
METHOD(method_mint_links)
{
	CLEANUP(mint_list_deinit) MintList list = { .n = 0 };
	MintListParameters p = { 0 };
	JsonWriter *w;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, mint_list_fields, &p);
	if (r == 0)
		r = mint_list_read(serve, p.requests, &list);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!call_via(&call, "broker"))
		return serve_fail(serve, VARLINK_E_PERMISSION_DENIED);
	r = accounts_find(&call, list.users, list.n, list.accounts, list.results);
	if (r != 0)
		return fail_directory(&call, r);
	list.found = list.n;
	w = serve_reply(serve);
	json_open(w, "results", '[');
	call.list = w;
	for (size_t i = 0; r == 0 && i < list.n && w->buf->size - w->buf->len > MINT_ROOM; i++) {
		call.caller.operation = list.requests[i].id;
		r = mint(&call, list.kinds[i], &list.requests[i], &list.accounts[i],
			 list.results[i]);
	}
	json_close(w, ']');
	return serve_send(serve);
}
