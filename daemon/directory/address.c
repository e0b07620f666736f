/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of an account and their states. */
#include "address.h"

#include <string.h>

static const char *const state_names[] = {
	[ADDRESS_VALID] = "valid",
	[ADDRESS_WAITING] = "waiting",
	[ADDRESS_UNCONFIRMED] = "unconfirmed",
	[ADDRESS_ONCE] = "once",
	[ADDRESS_FORMER] = "former",
};

const char *address_state_name(AddressState state)
{
	return state_names[state];
}

int address_format(const Address *address, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s:%lld:%s:%s", state_names[address->state], (long long)address->time,
			 address->detail, address->text);

	return n < 0 || (size_t)n >= size ? -E2BIG : 0;
}

static bool part(const char **text, char *ret, size_t size)
{
	size_t len = strcspn(*text, ":");

	if ((*text)[len] != ':' || len >= size)
		return false;
	memcpy(ret, *text, len);
	ret[len] = '\0';
	*text += len + 1;
	return true;
}

bool address_parse(const char *value, Address *ret)
{
	Address address = { .own = true };
	char state[16], time[24];
	bool known = false;

	if (!part(&value, state, sizeof(state)) || !part(&value, time, sizeof(time)) ||
	    !part(&value, address.detail, sizeof(address.detail)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (strcmp(state, state_names[i]) == 0) {
			address.state = (AddressState)i;
			known = true;
		}
	if (!known || !integer_parse(time, &address.time) || strlen(value) > MAIL_ADDRESS_MAX ||
	    !mail_address_valid(value))
		return false;
	strncpy(address.text, value, MAIL_ADDRESS_MAX);
	*ret = address;
	return true;
}

static void read_directory(const Account *account, const Config *config, Addresses *ret)
{
	const Attribute *mail = entry_attribute(account->entry, config->directory.mail_attribute);

	for (size_t i = 0; mail && i < mail->n && ret->n < ADDRESSES_MAX; i++) {
		const Value *value = &mail->values[i];
		Address *address = &ret->list[ret->n];

		if (value->len > MAIL_ADDRESS_MAX || strlen(value->bytes) != value->len ||
		    !mail_address_valid(value->bytes))
			continue;
		*address = (Address){ .state = ADDRESS_VALID };
		memcpy(address->text, value->bytes, value->len);
		ret->n++;
	}
}

void addresses_read(const Account *account, const Config *config, Addresses *ret)
{
	const Attribute *states = entry_attribute(account->entry, "pwresetMailState");
	const Attribute *own = entry_attribute(account->entry, "pwresetMail");

	ret->n = 0;
	read_directory(account, config, ret);
	for (size_t i = 0; states && i < states->n && ret->n < ADDRESSES_MAX; i++) {
		Address address;
		bool stored = false;

		if (!address_parse(states->values[i].bytes, &address))
			continue;
		for (size_t j = 0; own && j < own->n; j++)
			stored = stored || strcmp(own->values[j].bytes, address.text) == 0;
		if (stored || address.state == ADDRESS_FORMER)
			ret->list[ret->n++] = address;
	}
}

bool address_counts(const Address *address, int64_t now)
{
	switch (address->state) {
	case ADDRESS_VALID:
		return true;
	case ADDRESS_WAITING:
		return now >= address->time;
	case ADDRESS_ONCE:
		return now < address->time;
	case ADDRESS_UNCONFIRMED:
	case ADDRESS_FORMER:
		break;
	}
	return false;
}
