/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one modify, and what its results mean. */
#include "write.h"

#include <poll.h>
#include <string.h>
#include <syslog.h>

#include "address.h"
#include "event.h"
#include "hash.h"
#include "temporary.h"

#define ATTEMPTS_MAX 8U
#define RETRY_PAUSE_MS 100   /* between tries to reach a directory that has gone */
#define REPLY_RESERVE_MS 200 /* of the call's time, kept for the answer */
#define DAY 86400

typedef struct Attempt {
	const Secret *hash;
	bool without_reset; /* this server knows no pwdReset */
	bool sent;          /* one of the attempts may have been carried out … */
	char sent_to[256];  /* … by this server */
} Attempt;

static void put_password(Call *call, const Account *account, const PasswordWrite *write,
			 const Attempt *attempt, Changes *changes)
{
	const DirectoryServer *server = directory_server(call->worker->directory);

	if (write->token) {
		stored_delete(changes, write->token);
		changes_clear(changes, CHANGE_REPLACE, "pwresetToken");
	} else if (entry_has(account->entry, "pwresetToken")) {
		changes_clear(changes, CHANGE_REPLACE, "pwresetToken");
	}
	changes_add(changes, CHANGE_REPLACE, "userPassword", attempt->hash->bytes);
	/* An expiry of the password restores nothing here: temporary.c knows what to write back. */
	if (write->expires == 0 && server->ppolicy && !attempt->without_reset)
		changes_clear(changes, CHANGE_REPLACE, "pwdReset");
	if (account_has_class(account, "shadowAccount") && write->expires == 0)
		changes_printf(changes, CHANGE_REPLACE, "shadowLastChange", "%lld",
			       (long long)(call->caller.now / DAY));
}

static void put_marker(Call *call, const Account *account, const PasswordWrite *write,
		       Changes *changes)
{
	Event event = { .time = call->caller.now };

	snprintf(event.what, sizeof(event.what), "%s", write->what);
	snprintf(event.operation, sizeof(event.operation), "%s", call->caller.operation);
	snprintf(event.ref, sizeof(event.ref), "%s", write->token ? write->token->id : write->ref);
	snprintf(event.by, sizeof(event.by), "%s", write->by);
	event_put(changes, account->entry, &event);
}

/* A one-time address ends with the redemption that it was set for. */
static void put_addresses(Call *call, const Account *account, const PasswordWrite *write,
			  Changes *changes)
{
	Addresses addresses;
	int r;

	addresses_read(account, call->worker->config, &addresses);
	r = addresses_sweep(changes, &addresses, call->caller.now, write->token != NULL);
	if (r < 0)
		changes->error = r;
}

static void build(Call *call, const Account *account, const PasswordWrite *write,
		  const Attempt *attempt, Changes *changes)
{
	stored_add_class(changes, account);
	put_password(call, account, write, attempt, changes);
	temporary_put(call, account, write->expires, changes);
	put_addresses(call, account, write, changes);
	if (write->history)
		history_put(changes, account, write->history);
	put_marker(call, account, write, changes);
}

static void clause_unchanged(Buf *filter, const Entry *entry, const char *attribute)
{
	const char *value = entry_text(entry, attribute);

	buf_printf(filter, value ? "(%s=" : "(!(%s=*)", attribute);
	if (value)
		filter_escape(filter, value);
	buf_puts(filter, ")");
}

/*
 * What must hold at the very moment of the write: no lock by an administrator (a password write
 * would lift it), and no other password since. With ppolicy's attributes, else with those of
 * shadow(5); ret "" where the server has no assertions or lets us see neither: what is undefined
 * never holds.
 */
static int assertion_choose(Call *call, const Account *account, char *ret, size_t size)
{
	int r = 0;

	ret[0] = '\0';
	if (!directory_server(call->worker->directory)->assertion)
		return 0;
	for (unsigned ppolicy = 2; ppolicy-- > 0;) {
		CLEANUP(entry_freep) Entry *entry = NULL;
		Buf filter = { 0 };

		buf_init(&filter, ret, size);
		buf_puts(&filter, "(&");
		if (ppolicy) {
			buf_puts(&filter, "(!(pwdAccountLockedTime=000001010000Z))");
			clause_unchanged(&filter, account->entry, "pwdChangedTime");
		}
		clause_unchanged(&filter, account->entry, "shadowLastChange");
		buf_puts(&filter, ")");
		r = directory_read(call->worker->directory, account->dn, ret, NULL, &entry);
		if (r != DIRECTORY_E_NO_SUCH_OBJECT)
			return r;
	}
	ret[0] = '\0';
	return 0;
}

static int attempt_once(Call *call, Account *account, const PasswordWrite *write, Attempt *attempt)
{
	AUTO_CHANGES Changes changes = { 0 };
	char assertion[256];
	int r;

	build(call, account, write, attempt, &changes);
	r = assertion_choose(call, account, assertion, sizeof(assertion));
	if (r != 0)
		return r < 0 ? -ECONNREFUSED : r;
	r = directory_modify(call->worker->directory, account->dn, &changes,
			     *assertion ? assertion : NULL);
	if (r == -ECONNRESET || r == -ETIMEDOUT) {
		attempt->sent = true;
		snprintf(attempt->sent_to, sizeof(attempt->sent_to), "%s",
			 directory_server(call->worker->directory)->uri);
	}
	return r;
}

/* Reads the entry again, waiting for a directory that comes back. */
static int reload_patiently(Call *call, Account *account)
{
	for (;;) {
		int r = account_reload(call, account);

		if (r >= 0 || directory_time_left(call->worker->directory) <
				      REPLY_RESERVE_MS + RETRY_PAUSE_MS)
			return r;
		poll(NULL, 0, RETRY_PAUSE_MS);
	}
}

static bool token_is_there(const Account *account, const StoredToken *token)
{
	const Attribute *values = entry_attribute(account->entry, "pwresetToken");
	char text[STORED_TEXT_MAX];

	stored_format(token, text);
	for (size_t i = 0; values && i < values->n; i++)
		if (strcmp(values->values[i].bytes, text) == 0)
			return true;
	return false;
}

static WriteResult refusal(Call *call, int r, const Account *account)
{
	switch (r) {
	case DIRECTORY_E_CONSTRAINT:
		return WRITE_POLICY;
	case DIRECTORY_E_ASSERTION:
		return WRITE_STATE;
	case DIRECTORY_E_ACCESS:
		journal_note(call, LOG_ERR, "write-forbidden", account->name,
			     directory_error(call->worker->directory));
		return WRITE_FORBIDDEN;
	default:
		journal_note(call, LOG_ERR, "write-failed", account->name,
			     directory_error(call->worker->directory));
		return WRITE_UNAVAILABLE;
	}
}

static bool worth_again(int r)
{
	/*
	 * 16: ppolicy adds deletes of its own, which miss when another write came between. 20:
	 * another node added the class or the same event. A lost reply: the same modify can be
	 * carried out only once, so it may be sent again.
	 */
	return r < 0 || r == DIRECTORY_E_NO_SUCH_ATTRIBUTE || r == DIRECTORY_E_EXISTS;
}

/*
 * What another server says against it says nothing of the one that may have carried it out and not
 * passed it on.
 */
static WriteResult not_done(Call *call, const Attempt *attempt, WriteResult result)
{
	const char *uri = directory_server(call->worker->directory)->uri;

	return attempt->sent && strcmp(attempt->sent_to, uri) != 0 ? WRITE_UNKNOWN : result;
}

/*
 * The entry was read again: an address or the state may have changed since the token was checked.
 */
static bool still_allowed(Call *call, const Account *account, const PasswordWrite *write)
{
	if (!write->token)
		return account_may_recover(account, true);
	return account_may_recover(account, write->token->staff) &&
	       stored_verify(write->token, call, account, write->ticket->secret,
			     sizeof(write->ticket->secret));
}

WriteResult password_write(Call *call, Account *account, const PasswordWrite *write)
{
	AUTO_SECRET Secret hash = SECRET_NULL;
	Attempt attempt = { .hash = &hash };
	Event event;

	if (hash_make(call->worker->config, write->password, &hash) < 0)
		return WRITE_UNAVAILABLE;
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		int r = attempt_once(call, account, write, &attempt);

		if (r == 0)
			return WRITE_DONE;
		if (r == DIRECTORY_E_UNDEFINED_TYPE && !attempt.without_reset) {
			attempt.without_reset = true;
			continue;
		}
		/*
		 * Whatever the code says, the entry tells what happened (389-ds gives a loser 50).
		 */
		int again = reload_patiently(call, account);
		if (again != 0)
			return attempt.sent ? WRITE_UNKNOWN : WRITE_UNAVAILABLE;
		if (event_find_outcome(account->entry, call->caller.operation, &event))
			return WRITE_DONE;
		if (write->token && !token_is_there(account, write->token))
			return not_done(call, &attempt, WRITE_USED);
		if (!still_allowed(call, account, write))
			return not_done(call, &attempt, WRITE_STATE);
		if (!worth_again(r))
			return not_done(call, &attempt, refusal(call, r, account));
	}
	journal_note(call, LOG_ERR, "write-failed", account->name,
		     directory_error(call->worker->directory));
	return attempt.sent ? WRITE_UNKNOWN : WRITE_UNAVAILABLE;
}
