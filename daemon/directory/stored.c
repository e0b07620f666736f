/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of stored tokens, and the digest that ties each to its account and its moment. */
#include "stored.h"

#include <string.h>

static const char *const kind_names[] = {
	[TOKEN_LINK] = "link",
	[TOKEN_CODE] = "code",
	[TOKEN_GRANT] = "grant",
};

#define FIX_MAX 128U
#define TRIES_MAX 100U

void stored_format(const StoredToken *token, char ret[static STORED_TEXT_MAX])
{
	char mac[MAC_TEXT + 1];

	base64url_encode(token->mac, sizeof(token->mac), mac, sizeof(mac));
	snprintf(ret, STORED_TEXT_MAX, "%s:%s:%c.%s.%s.%s:%lld:%u", kind_names[token->kind],
		 token->id, token->staff ? 'a' : 's', token->key,
		 *token->label ? token->label : "-", mac, (long long)token->expiry, token->tries);
}

/* Cuts text at the next separator. */
static const char *cut(char **text, char separator)
{
	char *start = *text, *end = strchr(start, separator);

	if (!end)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return start;
}

static bool copy(char *ret, size_t size, const char *text)
{
	return text && (size_t)snprintf(ret, size, "%s", text) < size;
}

static bool digest_parse(char *text, StoredToken *ret)
{
	const char *flag = cut(&text, '.'), *key = flag ? cut(&text, '.') : NULL,
		   *label = key ? cut(&text, '.') : NULL;
	size_t len = 0;

	if (!label || !copy(ret->key, sizeof(ret->key), key))
		return false;
	ret->staff = strcmp(flag, "a") == 0;
	if (strcmp(label, "-") != 0 && !copy(ret->label, sizeof(ret->label), label))
		return false;
	return base64url_decode(text, strlen(text), ret->mac, sizeof(ret->mac), &len) == 0 &&
	       len == sizeof(ret->mac);
}

bool stored_parse(const char *text, StoredToken *ret)
{
	StoredToken token = { 0 };
	char line[STORED_TEXT_MAX], again[STORED_TEXT_MAX], *rest = line;
	const char *kind, *id, *expiry;
	char *digest;
	int64_t tries;
	bool known = false;

	if (!copy(line, sizeof(line), text))
		return false;
	kind = cut(&rest, ':');
	id = kind ? cut(&rest, ':') : NULL;
	digest = rest;
	if (!id || !cut(&rest, ':'))
		return false;
	expiry = cut(&rest, ':');
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++)
		if (strcmp(kind, kind_names[i]) == 0) {
			token.kind = (TokenKind)i;
			known = true;
		}
	if (!known || !copy(token.id, sizeof(token.id), id) || !digest_parse(digest, &token) ||
	    !expiry || !integer_parse(expiry, &token.expiry) || !integer_parse(rest, &tries) ||
	    tries < 0 || tries > TRIES_MAX)
		return false;
	token.tries = (unsigned)tries;
	/* One spelling each: a value is later deleted by what is written from these fields. */
	stored_format(&token, again);
	if (strcmp(again, text) != 0 || strlen(token.id) != TOKEN_ID_TEXT)
		return false;
	*ret = token;
	return true;
}

void stored_read(const Entry *entry, StoredTokens *ret)
{
	const Attribute *values = entry_attribute(entry, "pwresetToken");

	ret->n = 0;
	for (size_t i = 0; values && i < values->n && ret->n < STORED_MAX; i++)
		if (stored_parse(values->values[i].bytes, &ret->list[ret->n]))
			ret->n++;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * The values of an attribute in one order, since a directory gives them in any. Nothing here may
 * fail: a token that could not be looked at would be a dead one.
 */
static void mac_add_values(Mac *mac, const Entry *entry, const char *name)
{
	const Attribute *attribute = entry_attribute(entry, name);
	size_t n = attribute ? attribute->n : 0;
	const char *sorted[ENTRY_VALUES_MAX] = { 0 };

	for (size_t i = 0; i < n; i++)
		sorted[i] = attribute->values[i].bytes;
	qsort(sorted, n, sizeof(*sorted), compare_text);
	mac_add(mac, &(uint8_t){ (uint8_t)n }, 1);
	for (size_t i = 0; i < n; i++)
		mac_add_text(mac, sorted[i]);
}

static int stored_mac(const StoredToken *token, const Call *call, const Account *account,
		      const void *secret, size_t len, uint8_t ret[static MAC_SIZE])
{
	const PepperKey *key = pepper_key(&call->worker->pepper, token->key);
	const char *uuid = entry_text(account->entry, "entryUUID");
	char fix[FIX_MAX];
	Mac mac;

	if (!key)
		return -ENOKEY;
	mac_init(&mac, key, "pwreset token 1");
	mac_add_text(&mac, kind_names[token->kind]);
	mac_add_text(&mac, token->id);
	mac_add_text(&mac, token->staff ? "a" : "s");
	mac_add_text(&mac, token->label);
	mac_add(&mac, &token->expiry, sizeof(token->expiry));
	mac_add(&mac, secret, len);
	mac_add_text(&mac, uuid ? uuid : account->dn);
	mac_add_values(&mac, account->entry, call->worker->config->directory.mail_attribute);
	mac_add_values(&mac, account->entry, "pwresetMail");
	mac_add_text(&mac, entry_text(account->entry, "pwdChangedTime"));
	mac_add_text(&mac, entry_text(account->entry, "pwdUpdateTime"));
	mac_add_text(&mac, entry_text(account->entry, "shadowLastChange"));
	account_state_fix(account->entry, fix, sizeof(fix));
	mac_add_text(&mac, fix);
	mac_finish(&mac, ret);
	return 0;
}

int stored_seal(StoredToken *token, const Call *call, const Account *account, const void *secret,
		size_t len)
{
	return stored_mac(token, call, account, secret, len, token->mac);
}

bool stored_verify(const StoredToken *token, const Call *call, const Account *account,
		   const void *secret, size_t len)
{
	uint8_t mac[MAC_SIZE];

	return stored_mac(token, call, account, secret, len, mac) == 0 &&
	       memory_equal(mac, token->mac, sizeof(mac));
}

void stored_add(Changes *changes, const StoredToken *token)
{
	char text[STORED_TEXT_MAX];

	stored_format(token, text);
	changes_add(changes, CHANGE_ADD, "pwresetToken", text);
}

void stored_delete(Changes *changes, const StoredToken *token)
{
	char text[STORED_TEXT_MAX];

	stored_format(token, text);
	changes_add(changes, CHANGE_DELETE, "pwresetToken", text);
}

void stored_sweep(Changes *changes, const Entry *entry, int64_t now)
{
	StoredTokens tokens;

	stored_read(entry, &tokens);
	for (size_t i = 0; i < tokens.n; i++)
		if (now >= tokens.list[i].expiry)
			stored_delete(changes, &tokens.list[i]);
}

void stored_add_class(Changes *changes, const Account *account)
{
	if (!account_has_class(account, "pwresetAccount"))
		changes_add(changes, CHANGE_ADD, "objectClass", "pwresetAccount");
}

int grant_make(Call *call, const Account *account, const uint8_t id[static TOKEN_ID_SIZE],
	       Changes *changes, char ret[static TICKET_TEXT_MAX + 1])
{
	AUTO_TICKET Ticket ticket = { 0 };
	StoredToken token = {
		.kind = TOKEN_GRANT,
		.expiry = call->caller.now +
			  (int64_t)call->worker->config->recovery.grant_minutes * 60,
		.tries = 1,
	};
	int r;

	r = account_selector(account, ticket.selector, &ticket.selector_len);
	if (r < 0)
		return r;
	memcpy(ticket.id, id, sizeof(ticket.id));
	randombytes_buf(ticket.secret, sizeof(ticket.secret));
	base64url_encode(id, TOKEN_ID_SIZE, token.id, sizeof(token.id));
	snprintf(token.key, sizeof(token.key), "%s", pepper_current(&call->worker->pepper)->id);
	r = stored_seal(&token, call, account, ticket.secret, sizeof(ticket.secret));
	if (r < 0)
		return r;
	stored_add(changes, &token);
	return ticket_format(&ticket, ret, TICKET_TEXT_MAX + 1);
}

static void revoke_secret(const PepperKey *key, const Ticket *ticket,
			  uint8_t ret[static TOKEN_SECRET_SIZE])
{
	Mac mac;

	mac_init(&mac, key, "pwreset revoke 1");
	mac_add(&mac, ticket->selector, ticket->selector_len);
	mac_add(&mac, ticket->id, sizeof(ticket->id));
	mac_finish(&mac, ret);
}

int revoke_ticket(const Call *call, const Account *account, const uint8_t id[static TOKEN_ID_SIZE],
		  char ret[static TICKET_TEXT_MAX + 1])
{
	AUTO_TICKET Ticket ticket = { 0 };
	int r = account_selector(account, ticket.selector, &ticket.selector_len);

	if (r < 0)
		return r;
	memcpy(ticket.id, id, sizeof(ticket.id));
	revoke_secret(pepper_current(&call->worker->pepper), &ticket, ticket.secret);
	return ticket_format(&ticket, ret, TICKET_TEXT_MAX + 1);
}

bool revoke_ticket_valid(const Call *call, const Ticket *ticket)
{
	const Pepper *pepper = &call->worker->pepper;
	uint8_t secret[TOKEN_SECRET_SIZE];
	bool valid = false;

	for (size_t i = 0; i < pepper->n; i++) {
		revoke_secret(&pepper->keys[i], ticket, secret);
		valid |= memory_equal(secret, ticket->secret, sizeof(secret));
	}
	memory_wipe(secret, sizeof(secret));
	return valid;
}
