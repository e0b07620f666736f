/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PIN by which a caller proves on the telephone who they are: 1:KEY:SALT:VERIFIER:TRIES. */
#include <string.h>

#include "admin.h"
#include "code.h"
#include "methods.h"
#include "own.h"
#include "stretch.h"

#define PIN_TRIES 5U
#define PIN_MIN 4U
#define PIN_MAX 12U
#define PIN_VALUE_MAX 160U

typedef struct PinParameters {
	const JsonNode *caller;
	const char *user, *pin;
} PinParameters;

static const VarlinkField pin_fields[] = {
	CALLER_FIELD,
	FIELD_STRING(PinParameters, user, true, USER_NAME_MAX),
	FIELD_STRING(PinParameters, pin, true, 64),
	{ 0 },
};

typedef struct Pin {
	char key[PEPPER_ID_MAX + 1];
	char salt[STRETCH_SALT_TEXT + 1];
	uint8_t verifier[MAC_SIZE];
	unsigned tries;
} Pin;

static bool pin_read(const Entry *entry, Pin *ret)
{
	const char *text = entry_text(entry, "pwresetPin");
	char verifier[MAC_TEXT + 1];
	size_t len = 0;
	int end = 0;

	if (!text ||
	    sscanf(text, "1:%16[^:]:%22[^:]:%43[^:]:%2u%n", ret->key, ret->salt, verifier,
		   &ret->tries, &end) != 4 ||
	    text[end] != '\0')
		return false;
	return base64url_decode(verifier, strlen(verifier), ret->verifier, sizeof(ret->verifier),
				&len) == 0 &&
	       len == sizeof(ret->verifier);
}

static void pin_format(const Pin *pin, char ret[static PIN_VALUE_MAX])
{
	char verifier[MAC_TEXT + 1];

	base64url_encode(pin->verifier, sizeof(pin->verifier), verifier, sizeof(verifier));
	snprintf(ret, PIN_VALUE_MAX, "1:%s:%s:%s:%u", pin->key, pin->salt, verifier, pin->tries);
}

static int pin_derive(const Call *call, const Account *account, const Pin *pin, const char *digits,
		      uint8_t ret[static MAC_SIZE])
{
	const PepperKey *key = pepper_key(&call->worker->pepper, pin->key);
	const char *uuid = entry_text(account->entry, "entryUUID");
	Mac mac;

	if (!key)
		return CODE_E_REFUSED;
	mac_init(&mac, key, "pwreset pin 1");
	mac_add_text(&mac, uuid ? uuid : account->dn);
	mac_add_text(&mac, digits);
	return stretch(&mac, pin->salt, ret);
}

static bool pin_valid(const char *digits)
{
	size_t len = strlen(digits);

	return len >= PIN_MIN && len <= PIN_MAX && strspn(digits, "0123456789") == len;
}

static int build_set(Call *call, const Account *account, Changes *changes, void *userdata)
{
	char by[24];

	caller_author(call, by, sizeof(by));
	changes_add(changes, CHANGE_REPLACE, "pwresetPin", userdata);
	account_put_event(call, account, "pin", "", by, changes);
	return 0;
}

METHOD(method_admin_set_pin)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	Pin pin = { .tries = PIN_TRIES };
	char text[PIN_VALUE_MAX];
	PinParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, pin_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_SET_PIN, p.user, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!pin_valid(p.pin))
		return serve_invalid(serve, "pin");
	snprintf(pin.key, sizeof(pin.key), "%s", pepper_current(&call.worker->pepper)->id);
	stretch_salt(pin.salt);
	r = pin_derive(&call, &account, &pin, p.pin, pin.verifier);
	pin_format(&pin, text);
	if (r == 0)
		r = account_modify(&call, &account, build_set, text);
	if (r != 0)
		return fail_directory(&call, r);
	serve_reply(serve);
	return serve_send(serve);
}

/* tries: -1 takes one; PIN_TRIES restores all. The stored value is replaced exactly. */
static int build_tries(Call *call, const Account *account, Changes *changes, void *userdata)
{
	const int *tries = userdata;
	char text[PIN_VALUE_MAX];
	Pin pin;

	(void)call;
	if (!pin_read(account->entry, &pin) || (*tries < 0 && pin.tries == 0))
		return CODE_E_REFUSED;
	changes_add(changes, CHANGE_DELETE, "pwresetPin", entry_text(account->entry, "pwresetPin"));
	pin.tries = *tries < 0 ? pin.tries - 1 : (unsigned)*tries;
	pin_format(&pin, text);
	changes_add(changes, CHANGE_ADD, "pwresetPin", text);
	return 0;
}

static int pin_verify(Call *call, Account *account, const char *digits)
{
	uint8_t verifier[MAC_SIZE];
	int take = -1, all = PIN_TRIES;
	Pin pin;
	int r;

	r = account_charge(call, account, build_tries, &take);
	if (r == 0)
		r = account_reload(call, account);
	if (r != 0)
		return r;
	if (!pin_read(account->entry, &pin))
		return CODE_E_REFUSED;
	r = pin_derive(call, account, &pin, digits, verifier);
	if (r != 0)
		return r;
	if (!memory_equal(verifier, pin.verifier, sizeof(verifier)))
		return CODE_E_REFUSED;
	return account_charge(call, account, build_tries, &all);
}

METHOD(method_admin_verify_pin)
{
	AUTO_ACCOUNT Account account = ACCOUNT_NULL;
	PinParameters p = { 0 };
	Call call;
	int r;

	r = call_open(&call, serve, varlink, userdata, pin_fields, &p);
	if (r == 0)
		r = admin_open(&call, VERB_VERIFY_PIN, p.user, &account);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!entry_has(account.entry, "pwresetPin"))
		return fail_not_allowed(&call, "not-enrolled");
	r = pin_verify(&call, &account, p.pin);
	if (r == CODE_E_REFUSED)
		return fail_refused(&call);
	if (r != 0)
		return fail_directory(&call, r);
	serve_reply(serve);
	return serve_send(serve);
}

void pin_restore(const Account *account, Changes *changes)
{
	char text[PIN_VALUE_MAX];
	Pin pin;

	if (!pin_read(account->entry, &pin) || pin.tries == PIN_TRIES)
		return;
	pin.tries = PIN_TRIES;
	pin_format(&pin, text);
	changes_add(changes, CHANGE_REPLACE, "pwresetPin", text);
}
