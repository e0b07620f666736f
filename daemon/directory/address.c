/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of an account and their states. */
#include "address.h"

#include <string.h>

static const char *const state_names[] = {
	[ADDRESS_VALID] = "valid",
	[ADDRESS_WAITING] = "waiting",
	[ADDRESS_UNCONFIRMED] = "unconfirmed",
	[ADDRESS_ONCE] = "once",
	[ADDRESS_ENDING] = "ending",
	[ADDRESS_FORMER] = "former",
};

int address_format(const Address *address, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s:%lld:%s:%s", state_names[address->state],
			 (long long)address->time, address->detail, address->text);

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
	char state[16], time[24], again[ADDRESS_VALUE_MAX];
	const char *whole = value;
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
	snprintf(address.text, sizeof(address.text), "%s", value);
	/* One spelling each: a value is later deleted by what is written from these fields. */
	if (address_format(&address, again, sizeof(again)) < 0 || strcmp(again, whole) != 0)
		return false;
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
	case ADDRESS_ENDING:
		return now < address->time;
	case ADDRESS_UNCONFIRMED:
	case ADDRESS_FORMER:
		break;
	}
	return false;
}

bool address_acceptable(const char *address)
{
	if (!mail_address_valid(address))
		return false;
	/* pwresetMail is an IA5 string, and what is found by a typed address is ASCII alone. */
	for (; *address != '\0'; address++)
		if ((unsigned char)*address >= 0x80)
			return false;
	return true;
}

static bool has_value(AddressState state)
{
	return state != ADDRESS_FORMER;
}

int address_add(Changes *changes, const Address *address)
{
	char text[ADDRESS_VALUE_MAX];
	int r = address_format(address, text, sizeof(text));

	if (r < 0)
		return r;
	if (has_value(address->state))
		changes_add(changes, CHANGE_ADD, "pwresetMail", address->text);
	changes_add(changes, CHANGE_ADD, "pwresetMailState", text);
	return 0;
}

int address_remove(Changes *changes, const Address *address)
{
	char text[ADDRESS_VALUE_MAX];
	int r = address_format(address, text, sizeof(text));

	if (r < 0)
		return r;
	if (has_value(address->state))
		changes_add(changes, CHANGE_DELETE, "pwresetMail", address->text);
	changes_add(changes, CHANGE_DELETE, "pwresetMailState", text);
	return 0;
}

int address_replace(Changes *changes, const Address *old, const Address *new)
{
	char text[ADDRESS_VALUE_MAX];
	int r = address_format(old, text, sizeof(text));

	if (r < 0)
		return r;
	changes_add(changes, CHANGE_DELETE, "pwresetMailState", text);
	r = address_format(new, text, sizeof(text));
	if (r < 0)
		return r;
	changes_add(changes, CHANGE_ADD, "pwresetMailState", text);
	return 0;
}

static bool is_over(const Address *address, int64_t now, bool redeemed)
{
	switch (address->state) {
	case ADDRESS_ONCE:
		return redeemed || now >= address->time;
	case ADDRESS_ENDING:
	case ADDRESS_FORMER:
		return now >= address->time;
	case ADDRESS_UNCONFIRMED:
		return now >= address->time + ADDRESS_WAIT;
	case ADDRESS_VALID:
	case ADDRESS_WAITING:
		break;
	}
	return false;
}

int addresses_sweep(Changes *changes, const Addresses *addresses, int64_t now, bool redeemed)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < addresses->n; i++)
		if (addresses->list[i].own && is_over(&addresses->list[i], now, redeemed))
			r = address_remove(changes, &addresses->list[i]);
	return r;
}
