/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staff verbs on an account: unlock, set an address, and the check before a user name is mailed. */
#include <string.h>

#include "address.h"
#include "admin.h"
#include "methods.h"
#include "own.h"
#include "questions_stored.h"
#include "stored.h"

#define DAY 86400
#define SENIOR (ROLE_ADMINISTRATOR | ROLE_OWNER | ROLE_ROOT)

typedef struct AccountParameters {
	const JsonNode *caller;
	const char *user, *address;
	bool once;
} AccountParameters;

static const VarlinkField user_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(AccountParameters, user, true, USER_NAME_MAX),
	{ 0 },
};

static const VarlinkField set_mail_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(AccountParameters, user, true, USER_NAME_MAX),
	FIELD_STRING(AccountParameters, address, true, 0),
	{ "once", JSON_BOOL, offsetof(AccountParameters, once), false, 0 },
	{ 0 },
};

static void put_question_tries(Call *call, const Account *account, Changes *changes)
{
	StoredQuestions questions;
	char text[QUESTIONS_VALUE_MAX];

	if (!questions_stored_read(account->entry, &questions))
		return;
	questions.today = QUESTIONS_DAILY;
	questions.left = QUESTIONS_TOTAL;
	questions.day = call->caller.now / DAY;
	if (questions_stored_format(&questions, text) == 0)
		changes_add(changes, CHANGE_REPLACE, "pwresetQuestions", text);
}

/*
 * By its exact value: a permanent lock that came in between is not it. The overlay clears the
 * failures itself.
 */
static int build_unlock(Call *call, const Account *account, Changes *changes, void *userdata)
{
	static const char *const counters[] = { "accountUnlockTime", "passwordRetryCount" };
	const char *locked = entry_text(account->entry, "pwdAccountLockedTime");
	char by[24];

	(void)userdata;
	if (account->state == ACCOUNT_LOCKED_BY_ADMINISTRATOR)
		return ACCOUNT_E_NONE;
	if (locked)
		changes_add(changes, CHANGE_DELETE, "pwdAccountLockedTime", locked);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		if (entry_has(account->entry, counters[i]))
			changes_clear(changes, CHANGE_REPLACE, counters[i]);
	put_question_tries(call, account, changes);
	pin_restore(account, changes);
	caller_author(call, by, sizeof(by));
	account_put_event(call, account, "unlocked", "", by, changes);
	return 0;
}

METHOD(method_admin_unlock)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AccountParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, user_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_UNLOCK, p.user, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	r = account_modify(&call, &account, build_unlock, NULL);
	if (r == ACCOUNT_E_NONE)
		return fail_not_allowed(&call, "locked");
	if (r != 0)
		return fail_directory(&call, r);
	serve_reply(serve);
	return serve_send(serve);
}

/* Helpdesk alone could have mail sent to wherever it likes. */
static bool domain_allowed(const Call *call, const char *address)
{
	const char *at = strrchr(address, '@');

	if (call->caller.roles & SENIOR)
		return true;
	return at && names_contain(call->worker->config->mail.helpdesk_domains, at + 1);
}

static int build_set_mail(Call *call, const Account *account, Changes *changes, void *userdata)
{
	const AccountParameters *p = userdata;
	int64_t then = call->caller.now + ADDRESS_WAIT;
	Address address = { .own = true, .state = p->once ? ADDRESS_ONCE : ADDRESS_VALID };
	Addresses addresses;
	char by[24];
	int r = 0;

	address.time = p->once ? then : call->caller.now;
	snprintf(address.text, sizeof(address.text), "%s", p->address);
	addresses_read(account, call->worker->config, &addresses);
	for (size_t i = 0; r == 0 && i < addresses.n; i++) {
		const Address *old = &addresses.list[i];
		bool same = ascii_equal(old->text, address.text),
		     counted = address_counts(old, call->caller.now);
		Address former = *old;

		/*
		 * A one-time address leaves the others as they are; a lasting one takes their
		 * place.
		 */
		if (!old->own || (p->once && !same && old->state != ADDRESS_ONCE))
			continue;
		r = address_remove(changes, old);
		if (r < 0 || same || old->state == ADDRESS_FORMER || !counted)
			continue;
		/* What counted until now is still told of what happens. */
		former.state = ADDRESS_FORMER;
		former.time = then;
		former.detail[0] = '\0';
		r = address_add(changes, &former);
	}
	if (r == 0)
		r = address_add(changes, &address);
	if (entry_has(account->entry, "pwresetToken"))
		changes_clear(changes, CHANGE_REPLACE, "pwresetToken");
	caller_author(call, by, sizeof(by));
	account_put_event(call, account, "address", "", by, changes);
	return r;
}

METHOD(method_admin_set_mail)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AccountParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, set_mail_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_SET_MAIL, p.user, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!address_acceptable(p.address))
		return serve_invalid(serve, "address");
	if (!domain_allowed(&call, p.address))
		return fail_not_allowed(&call, "domain-not-allowed");
	r = account_modify(&call, &account, build_set_mail, &p);
	if (r != 0)
		return fail_directory(&call, r);
	serve_reply(serve);
	return serve_send(serve);
}

METHOD(method_admin_remind_user_name)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AccountParameters p = { 0 };
	Addresses addresses;
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, user_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_REMIND_USER_NAME, p.user, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	addresses_read(&account, call.worker->config, &addresses);
	for (size_t i = 0; i < addresses.n; i++)
		if (address_counts(&addresses.list[i], call.caller.now)) {
			serve_reply(serve);
			return serve_send(serve);
		}
	return fail_not_allowed(&call, "no-address");
}
