/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making and taking saved codes. At 80 bits no guess has to be counted. */
#include "saved.h"

#include <string.h>

#include "code.h"
#include "decoy.h"
#include "methods.h"
#include "stored.h"

#define ATTEMPTS_MAX 4U

static void value_make(const PepperKey *key, const Account *account, const char *code,
		       char ret[static SAVED_VALUE_MAX])
{
	const char *uuid = account->entry ? entry_text(account->entry, "entryUUID") : NULL;
	char text[MAC_TEXT + 1];
	uint8_t digest[MAC_SIZE];
	Mac mac;

	mac_init(&mac, key, "pwreset saved 1");
	mac_add_text(&mac, uuid ? uuid : account->dn);
	mac_add(&mac, code, SAVED_SYMBOLS);
	mac_finish(&mac, digest);
	base64url_encode(digest, sizeof(digest), text, sizeof(text));
	snprintf(ret, SAVED_VALUE_MAX, "%s.%s", key->id, text);
}

void saved_make(const Call *call, const Account *account, char ret_text[static SAVED_TEXT + 1],
		char ret_value[static SAVED_VALUE_MAX])
{
	char code[SAVED_SYMBOLS];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(code); i++) {
		code[i] = CODE_ALPHABET[randombytes_uniform(sizeof(CODE_ALPHABET) - 1)];
		if (i > 0 && i % 4 == 0)
			ret_text[n++] = '-';
		ret_text[n++] = code[i];
	}
	ret_text[n] = '\0';
	value_make(pepper_current(&call->worker->pepper), account, code, ret_value);
	memory_wipe(code, sizeof(code));
}

static bool code_read(const char *typed, char ret[static SAVED_SYMBOLS])
{
	size_t n = 0;

	for (; *typed != '\0'; typed++) {
		char c = *typed;

		if (c == '-' || c == ' ' || c == '\t')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (n == SAVED_SYMBOLS || !strchr(CODE_ALPHABET, c))
			return false;
		ret[n++] = c;
	}
	return n == SAVED_SYMBOLS;
}

size_t saved_values(const Call *call, const Account *account, const char *typed,
		    char ret[static PEPPER_KEYS_MAX][SAVED_VALUE_MAX])
{
	const Pepper *pepper = &call->worker->pepper;
	char code[SAVED_SYMBOLS];
	bool good = code_read(typed, code);

	if (!good)
		memset(code, '0', sizeof(code)); /* no symbol: matches nothing */
	for (size_t i = 0; i < pepper->n; i++)
		value_make(&pepper->keys[i], account, code, ret[i]);
	memory_wipe(code, sizeof(code));
	return good ? pepper->n : 0;
}

typedef struct SavedParameters {
	const JsonNode *caller;
	const char *user, *code;
	const JsonNode *origin;
} SavedParameters;

static const VarlinkField saved_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(SavedParameters, user, true, 0),
	FIELD_STRING(SavedParameters, code, true, 256),
	FIELD_OBJECT(SavedParameters, origin, false),
	{ 0 },
};

static const char *find_value(const Account *account,
			      char values[static PEPPER_KEYS_MAX][SAVED_VALUE_MAX], size_t n)
{
	const Attribute *stored = entry_attribute(account->entry, "pwresetSavedCode");
	const char *found = NULL;

	for (size_t i = 0; stored && i < stored->n; i++)
		for (size_t j = 0; j < n; j++)
			if (stored->values[i].len == strlen(values[j]) &&
			    memory_equal(stored->values[i].bytes, values[j], stored->values[i].len))
				found = stored->values[i].bytes;
	return found;
}

/*
 * The code goes and the grant comes in one modify: of two that use it at once, one finds it gone.
 */
static int take(Call *call, Account *account, const char *typed,
		char ret[static TICKET_TEXT_MAX + 1])
{
	char values[PEPPER_KEYS_MAX][SAVED_VALUE_MAX];
	size_t n = saved_values(call, account, typed, values);

	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		AUTO_CHANGES Changes changes = { 0 };
		const char *value = account->entry ? find_value(account, values, n) : NULL;
		uint8_t id[TOKEN_ID_SIZE];
		int r;

		if (!value || !account_may_recover(account, false)) {
			r = decoy_charge(call);
			return r < 0 ? r : CODE_E_REFUSED;
		}
		changes_add(&changes, CHANGE_DELETE, "pwresetSavedCode", value);
		stored_sweep(&changes, account->entry, call->caller.now);
		randombytes_buf(id, sizeof(id));
		r = grant_make(call, account, id, &changes, ret);
		if (r == 0)
			r = directory_modify(call->worker->directory, account->dn, &changes, NULL);
		if (!call_raced(call, r))
			return r;
		r = account_reload(call, account);
		if (r != 0)
			return r == ACCOUNT_E_NONE ? CODE_E_REFUSED : r;
	}
	return CODE_E_REFUSED;
}

METHOD(method_verify_saved_code)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	char grant[TICKET_TEXT_MAX + 1] = "";
	SavedParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, saved_fields, &p);
	if (r != 0)
		return r < 0 ? r : 0;
	r = account_find(&call, p.user, &account);
	if (r == 0 || r == ACCOUNT_E_NONE || r == ACCOUNT_E_AMBIGUOUS)
		r = take(&call, &account, p.code, grant);
	if (r == CODE_E_REFUSED)
		return fail_refused(&call);
	if (r != 0)
		return fail_directory(&call, r);
	return grant_answer(&call, grant);
}
