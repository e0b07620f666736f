/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding exactly one person, by name, address, ticket or uid. */
#include "account_private.h"

#include <pwd.h>
#include <string.h>
#include <strings.h>

#include "address.h"

#define CONDITION_MAX 2048U
/* Entries looked at when several have an address, of which at most one may count. */
#define FOUND_MAX 9U
#define UUID_TEXT 36U
#define PASSWD_BUFFER 16384U

/* userPassword: only whether it is {SASL}; hashes are neither readable for us nor kept (ldap.c). */
static const char *const fixed_attributes[] = {
	"objectClass",
	"uid",
	"cn",
	"sn",
	"givenName",
	"displayName",
	"gecos",
	"host",
	"uidNumber",
	"gidNumber",
	"preferredLanguage",
	"shadowLastChange",
	"shadowExpire",
	"shadowMax",
	"shadowWarning",
	"userAccountControl",
	"entryUUID",
	"pwdChangedTime",
	"pwdAccountLockedTime",
	"pwdFailureTime",
	"pwdReset",
	"pwdEndTime",
	"pwdStartTime",
	"pwdPolicySubentry",
	"nsAccountLock",
	"accountUnlockTime",
	"passwordRetryCount",
	"passwordExpirationTime",
	"pwdUpdateTime",
	"pwresetToken",
	"pwresetQuestions",
	"pwresetSavedCode",
	"pwresetMail",
	"pwresetMailState",
	"pwresetPin",
	"pwresetHistory",
	"pwresetEvent",
	"userPassword",
};

#define ATTRIBUTES_N (ARRAY_SIZE(fixed_attributes) + 3)

static void attributes_fill(const Config *config, const char *ret[static ATTRIBUTES_N])
{
	size_t n = 0;

	for (; n < ARRAY_SIZE(fixed_attributes); n++)
		ret[n] = fixed_attributes[n];
	ret[n++] = config->directory.name_attribute;
	ret[n++] = config->directory.mail_attribute;
	ret[n] = NULL;
}

void account_deinit(Account *account)
{
	entry_free(account->entry);
	*account = ACCOUNT_NULL;
}

/* Whether it matches inactive-filter=: the directory decides, since a filter is its language. */
static int account_inactive(Call *call, const char *dn, bool *ret)
{
	const char *filter = call->worker->config->directory.inactive_filter;
	CLEANUP(entry_freep) Entry *entry = NULL;
	int r;

	*ret = false;
	if (!*filter)
		return 0;
	r = directory_read(call->worker->directory, dn, filter, NULL, &entry);
	if (r == DIRECTORY_E_NO_SUCH_OBJECT)
		return 0;
	*ret = r == 0;
	return r;
}

static int account_judge(Call *call, const AccountKnown *known, Account *ret)
{
	const Config *config = call->worker->config;
	const Entry *entry = ret->entry;
	bool inactive = known && known->inactive;
	int r = 0;

	ret->dn = entry->dn;
	ret->name = entry_text(entry, config->directory.name_attribute);
	if (!ret->name || !user_name_valid(ret->name))
		return ACCOUNT_E_NONE;
	if (!entry_integer(entry, "uidNumber", &ret->uid_number))
		ret->uid_number = -1;
	if (!known)
		r = account_inactive(call, entry->dn, &inactive);
	if (r != 0)
		return r;
	ret->state = account_state(entry, inactive, call->caller.now);
	return account_privileges(call, ret, known && known->groupless, &ret->privileged);
}

int account_fill(Call *call, Entry *entry, const AccountKnown *known, Account *ret)
{
	int r;

	*ret = ACCOUNT_NULL;
	ret->entry = entry;
	r = account_judge(call, known, ret);
	if (r != 0)
		account_deinit(ret);
	return r;
}

int people_search(Call *call, const char *condition, bool names_only, unsigned limit,
		  EntryList *ret)
{
	const Config *config = call->worker->config;
	const char *attributes[ATTRIBUTES_N];
	AUTO_FREE char *filter = NULL;
	DirectoryQuery query = {
		.base = config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.attributes = names_only ? NULL : attributes,
		.limit = limit,
	};

	attributes_fill(config, attributes);
	if (asprintf(&filter, "(&%s%s)", config->directory.people_filter, condition) < 0)
		return -ENOMEM;
	query.filter = filter;
	return directory_search(call->worker->directory, &query, ret);
}

static int find_by_name(Call *call, const char *typed, Account *ret)
{
	const char *attribute = call->worker->config->directory.name_attribute;
	AUTO_ENTRY_LIST EntryList list = { 0 };
	char text[CONDITION_MAX];
	Buf condition = BUF(text);
	int r;

	buf_printf(&condition, "(%s=", attribute);
	filter_escape(&condition, typed);
	buf_puts(&condition, ")");
	if (condition.overflow)
		return ACCOUNT_E_NONE;
	r = people_search(call, text, false, 2, &list);
	if (r == DIRECTORY_E_SIZE_LIMIT || (r == 0 && list.n > 1))
		return ACCOUNT_E_AMBIGUOUS;
	if (r != 0)
		return r;
	/*
	 * The directory's matching folds widths, ligatures and spaces: here only what was typed
	 * counts.
	 */
	if (list.n == 0 || !entry_holds(list.entries[0], attribute, typed))
		return ACCOUNT_E_NONE;
	return account_fill(call, STEAL(list.entries[0]), NULL, ret);
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* The stored address that the typed one is, if mail may go there. */
static const char *address_match(Call *call, const Account *account, const char *typed)
{
	const Config *config = call->worker->config;
	const Attribute *lists[] = {
		entry_attribute(account->entry, config->directory.mail_attribute),
		entry_attribute(account->entry, "pwresetMail"),
	};
	Addresses addresses;

	addresses_read(account, config, &addresses);
	for (size_t i = 0; i < addresses.n; i++) {
		if (!ascii_equal(addresses.list[i].text, typed) ||
		    !address_counts(&addresses.list[i], call->caller.now))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(lists); j++)
			for (size_t k = 0; lists[j] && k < lists[j]->n; k++)
				if (strcmp(lists[j]->values[k].bytes, addresses.list[i].text) == 0)
					return lists[j]->values[k].bytes;
	}
	return NULL;
}

/* Every entry that has the address, whether mail may go there or not. */
static int search_address(Call *call, const char *address, EntryList *ret)
{
	char text[CONDITION_MAX];
	Buf condition = BUF(text);
	int r;

	buf_printf(&condition, "(|(%s=", call->worker->config->directory.mail_attribute);
	filter_escape(&condition, address);
	buf_puts(&condition, ")(pwresetMail=");
	filter_escape(&condition, address);
	buf_puts(&condition, "))");
	if (condition.overflow)
		return ACCOUNT_E_NONE;
	r = people_search(call, text, false, FOUND_MAX, ret);
	return r == DIRECTORY_E_SIZE_LIMIT ? ACCOUNT_E_AMBIGUOUS : r;
}

static int find_by_address(Call *call, const char *typed, Account *ret)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };
	size_t found = 0, which = 0;
	int r;

	/*
	 * Letters outside ASCII that a directory or a mail system folds into ASCII would open
	 * somebody else's mail.
	 */
	if (!mail_address_valid(typed) || !is_ascii(typed))
		return ACCOUNT_E_NONE;
	r = search_address(call, typed, &list);
	if (r != 0)
		return r;
	/*
	 * An address that somebody entered, but that does not count, must not make another's
	 * ambiguous.
	 */
	for (size_t i = 0; i < list.n; i++) {
		const Account candidate = { .entry = list.entries[i] };

		if (address_match(call, &candidate, typed)) {
			found++;
			which = i;
		}
	}
	if (found != 1)
		return found == 0 ? ACCOUNT_E_NONE : ACCOUNT_E_AMBIGUOUS;
	r = account_fill(call, STEAL(list.entries[which]), NULL, ret);
	if (r == 0)
		ret->typed_address = address_match(call, ret, typed);
	return r;
}

int account_address_shared(Call *call, const Account *account, const char *address, bool *ret)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };
	bool shared = false;
	int r;

	r = search_address(call, address, &list);
	if (r == ACCOUNT_E_AMBIGUOUS) {
		*ret = true;
		return 0;
	}
	if (r != 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		const Account other = { .entry = list.entries[i] };

		if (strcasecmp(other.entry->dn, account->dn) != 0 &&
		    address_match(call, &other, address))
			shared = true;
	}
	*ret = shared;
	return 0;
}

int account_find(Call *call, const char *typed, Account *ret)
{
	int r;

	if (!user_name_valid(typed))
		return ACCOUNT_E_NONE;
	r = find_by_name(call, typed, ret);
	if (r == ACCOUNT_E_NONE && strchr(typed, '@'))
		r = find_by_address(call, typed, ret);
	return r;
}

static void uuid_format(const uint8_t bytes[static 16], char ret[static UUID_TEXT + 1])
{
	static const bool dash[16] = { [4] = true, [6] = true, [8] = true, [10] = true };
	size_t n = 0;

	for (size_t i = 0; i < 16; i++)
		n += (size_t)snprintf(ret + n, UUID_TEXT + 1 - n, "%s%02x", dash[i] ? "-" : "",
				      bytes[i]);
}

static bool uuid_parse(const char *text, uint8_t ret[static 16])
{
	char again[UUID_TEXT + 1];
	size_t n = 0;

	if (strlen(text) != UUID_TEXT)
		return false;
	for (const char *p = text; *p != '\0' && n < 16; p++) {
		unsigned byte;

		if (*p == '-')
			continue;
		if (sscanf(p, "%2x", &byte) != 1)
			return false;
		ret[n++] = (uint8_t)byte;
		p++;
	}
	uuid_format(ret, again);
	return n == 16 && strcasecmp(again, text) == 0;
}

int account_selector(const Account *account, char ret[static TOKEN_SELECTOR_MAX], uint8_t *ret_len)
{
	const char *uuid = entry_text(account->entry, "entryUUID");
	uint8_t bytes[16] = { 0 };
	size_t len = strlen(account->name);

	if (uuid && uuid_parse(uuid, bytes)) {
		ret[0] = 'u';
		memcpy(ret + 1, bytes, sizeof(bytes));
		*ret_len = 1 + sizeof(bytes);
		return 0;
	}
	if (len > TOKEN_SELECTOR_MAX - 1)
		return -E2BIG;
	ret[0] = 'n';
	memcpy(ret + 1, account->name, len);
	*ret_len = (uint8_t)(1 + len);
	return 0;
}

int account_find_selector(Call *call, const char *selector, size_t len, Account *ret)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };
	char uuid[UUID_TEXT + 1], condition[64], name[TOKEN_SELECTOR_MAX];
	int r;

	if (selector[0] == 'n') {
		snprintf(name, sizeof(name), "%.*s", (int)len - 1, selector + 1);
		return find_by_name(call, name, ret);
	}
	if (len != 17)
		return ACCOUNT_E_NONE;
	uuid_format((const uint8_t *)selector + 1, uuid);
	snprintf(condition, sizeof(condition), "(entryUUID=%s)", uuid);
	r = people_search(call, condition, false, 2, &list);
	if (r == DIRECTORY_E_SIZE_LIMIT)
		return ACCOUNT_E_AMBIGUOUS;
	if (r != 0)
		return r;
	if (list.n != 1)
		return list.n == 0 ? ACCOUNT_E_NONE : ACCOUNT_E_AMBIGUOUS;
	return account_fill(call, STEAL(list.entries[0]), NULL, ret);
}

int account_find_own(Call *call, Account *ret)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	AUTO_FREE char *buffer = malloc(PASSWD_BUFFER);
	struct passwd record, *found = NULL;
	int r;

	if (!buffer)
		return -ENOMEM;
	if (call->caller.uid <= 0 || call->caller.uid >= UINT32_MAX)
		return ACCOUNT_E_NONE;
	if (getpwuid_r((uid_t)call->caller.uid, &record, buffer, PASSWD_BUFFER, &found) != 0 ||
	    !found)
		return ACCOUNT_E_NONE;
	r = find_by_name(call, record.pw_name, &account);
	if (r != 0)
		return r;
	/*
	 * A local account may share the name or the number with somebody's entry: both must be the
	 * same.
	 */
	if (account.uid_number != call->caller.uid || strcmp(account.name, record.pw_name) != 0)
		return ACCOUNT_E_NONE;
	*ret = account;
	account = ACCOUNT_NULL;
	return 0;
}

int account_find_dn(Call *call, const char *dn, Account *ret)
{
	const char *attributes[ATTRIBUTES_N];
	Entry *entry = NULL;
	int r;

	attributes_fill(call->worker->config, attributes);
	r = directory_read(call->worker->directory, dn, NULL, attributes, &entry);
	if (r == DIRECTORY_E_NO_SUCH_OBJECT)
		return ACCOUNT_E_NONE;
	return r == 0 ? account_fill(call, entry, NULL, ret) : r;
}

int account_reload(Call *call, Account *account)
{
	Account fresh = ACCOUNT_NULL;
	int r = account_find_dn(call, account->dn, &fresh);

	if (r != 0)
		return r;
	account_deinit(account);
	*account = fresh;
	return 0;
}

bool account_answers_to(const Account *account, const char *typed, const Config *config)
{
	return entry_holds(account->entry, config->directory.name_attribute, typed) ||
	       entry_holds(account->entry, config->directory.mail_attribute, typed) ||
	       entry_holds(account->entry, "pwresetMail", typed);
}

void account_personal(const Config *config, const char *ret[static ACCOUNT_PERSONAL_N])
{
	const char *const names[ACCOUNT_PERSONAL_N] = {
		config->directory.name_attribute,
		"uid",
		"cn",
		"sn",
		"givenName",
		"displayName",
		"gecos",
		config->directory.mail_attribute,
		"pwresetMail",
		"host",
	};

	memcpy(ret, names, sizeof(names));
}

bool account_has_class(const Account *account, const char *class)
{
	return entry_holds(account->entry, "objectClass", class);
}
