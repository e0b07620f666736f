/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses of an account: those of the directory and those of pwresetMail, which have a state
 * each.
 */
#pragma once

#include "account.h"

#define ADDRESSES_MAX 8U
/* Seconds until a self-set address counts, and that a one-time address lives. */
#define ADDRESS_WAIT (24 * 3600)
#define ADDRESS_DETAIL_MAX 128U

typedef enum AddressState {
	ADDRESS_VALID,
	ADDRESS_WAITING,     /* confirmed; counts from time on */
	ADDRESS_UNCONFIRMED, /* detail holds the code's verifier; time is the code's end */
	ADDRESS_ONCE,        /* set by staff for one recovery; until time */
	ADDRESS_ENDING,      /* a newer one is waiting; until time */
	ADDRESS_FORMER,      /* replaced by staff; told of changes until time */
} AddressState;

typedef struct Address {
	char text[MAIL_ADDRESS_MAX + 1]; /* as stored, byte for byte */
	bool own;                        /* of pwresetMail */
	AddressState state;
	int64_t time;
	char detail[ADDRESS_DETAIL_MAX];
} Address;

typedef struct Addresses {
	Address list[ADDRESSES_MAX];
	size_t n;
} Addresses;

/*
 * All that are on file, the directory's first; an address of pwresetMail without a readable state
 * is left out.
 */
void addresses_read(const Account *account, const Config *config, Addresses *ret);
/* Whether mail that opens the account may go there now. */
bool address_counts(const Address *address, int64_t now);
/* A value of pwresetMailState: state:time:detail:address. */
#define ADDRESS_VALUE_MAX (MAIL_ADDRESS_MAX + ADDRESS_DETAIL_MAX + 48U)
int address_format(const Address *address, char *ret, size_t size);
bool address_parse(const char *value, Address *ret);

/* Whether it may be set as a recovery address. */
bool address_acceptable(const char *address);

/*
 * Changes of one modify. A value of pwresetMail goes with its state, but for FORMER, which has
 * none.
 */
int address_add(Changes *changes, const Address *address);
int address_remove(Changes *changes, const Address *address);
/* In place of old, whose text is the same; FORMER and back are not for this. */
int address_replace(Changes *changes, const Address *old, const Address *new);
/*
 * Removes what is over; redeemed: one-time addresses too. Their place in addresses is left as it
 * was.
 */
int addresses_sweep(Changes *changes, const Addresses *addresses, int64_t now, bool redeemed);
