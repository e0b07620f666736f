/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codes that confirm an address. */
#include "confirm.h"

#include <string.h>

const Address *confirm_pending(const Addresses *addresses)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (addresses->list[i].state == ADDRESS_UNCONFIRMED)
			return &addresses->list[i];
	return NULL;
}

static void confirm_mac(const PepperKey *key, const Account *account, const Address *address,
			const char *code, uint8_t ret[static MAC_SIZE])
{
	const char *uuid = entry_text(account->entry, "entryUUID");
	Mac mac;

	mac_init(&mac, key, "pwreset confirm 1");
	mac_add_text(&mac, uuid ? uuid : account->dn);
	mac_add_text(&mac, address->text);
	mac_add_text(&mac, code);
	mac_finish(&mac, ret);
}

bool confirm_parse(const char *detail, Confirmation *ret)
{
	char mac[MAC_TEXT + 1];
	size_t len = 0;
	int end = 0;

	if (sscanf(detail, "%16[^.].%43[^.].%2u%n", ret->key, mac, &ret->tries, &end) != 3 ||
	    detail[end] != '\0')
		return false;
	return base64url_decode(mac, strlen(mac), ret->mac, sizeof(ret->mac), &len) == 0 &&
	       len == sizeof(ret->mac);
}

void confirm_format(const Confirmation *confirmation, char ret[static ADDRESS_DETAIL_MAX])
{
	char mac[MAC_TEXT + 1];

	base64url_encode(confirmation->mac, sizeof(confirmation->mac), mac, sizeof(mac));
	snprintf(ret, ADDRESS_DETAIL_MAX, "%s.%s.%u", confirmation->key, mac, confirmation->tries);
}

void confirm_make(const Call *call, const Account *account, Address *address,
		  char ret[static CODE_SYMBOLS + 1])
{
	const PepperKey *key = pepper_current(&call->worker->pepper);
	Confirmation confirmation = { .tries = CONFIRM_TRIES };

	for (size_t i = 0; i < CODE_SYMBOLS; i++)
		ret[i] = CODE_ALPHABET[randombytes_uniform(sizeof(CODE_ALPHABET) - 1)];
	ret[CODE_SYMBOLS] = '\0';
	snprintf(confirmation.key, sizeof(confirmation.key), "%s", key->id);
	confirm_mac(key, account, address, ret, confirmation.mac);
	confirm_format(&confirmation, address->detail);
	address->time = call->caller.now + CONFIRM_MINUTES * 60;
}

bool confirm_matches(const Call *call, const Account *account, const Address *address,
		     const Confirmation *confirmation, const char *code)
{
	const PepperKey *key = pepper_key(&call->worker->pepper, confirmation->key);
	uint8_t mac[MAC_SIZE];

	if (!key)
		return false;
	confirm_mac(key, account, address, code, mac);
	return memory_equal(mac, confirmation->mac, sizeof(mac));
}
