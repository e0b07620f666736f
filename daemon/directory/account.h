/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A person's entry: finding exactly one, its state, what makes it privileged, its addresses. */
#pragma once

#include "worker.h"

enum {
	_ACCOUNT_E_SUCCESS,
	ACCOUNT_E_NONE = 0x1001, /* beyond the result codes of LDAP, which share the range */
	ACCOUNT_E_AMBIGUOUS,     /* several entries: nobody is meant */
};

typedef enum AccountState {
	ACCOUNT_ACTIVE,
	ACCOUNT_NEVER_ACTIVATED,
	ACCOUNT_EXPIRED,
	ACCOUNT_DISABLED,
	ACCOUNT_LOCKED, /* by failures: recovery is what it is for */
	ACCOUNT_LOCKED_BY_ADMINISTRATOR,
	/* Kerberos or Samba keys besides userPassword, which we would leave behind. */
	ACCOUNT_FOREIGN_KEYS,
} AccountState;

typedef struct Account {
	Entry *entry;
	const char *dn; /* both inside entry */
	const char *name;
	int64_t uid_number; /* -1: none */
	AccountState state;
	unsigned privileged;       /* bits of Role; 0: an ordinary person */
	const char *typed_address; /* the stored address by which it was found, or NULL */
} Account;

#define ACCOUNT_NULL ((Account){ .uid_number = -1 })
#define AUTO_ACCOUNT CLEANUP(account_deinit)
void account_deinit(Account *account);

/*
 * By login name or e-mail address as typed. A name or address that only looks alike, or compares
 * equal by the directory's rules of Unicode, is not the same. 0, ACCOUNT_E_*, or a result of
 * directory_*().
 */
int account_find(Call *call, const char *typed, Account *ret);
/*
 * Several at once, with one search for all where account_find() has one for each: results[i] and
 * ret[i] (ACCOUNT_NULL when results[i] is not 0) are what it says of names[i]. 0, or a result of
 * directory_*(), and then there is nothing in ret. n: up to ACCOUNTS_MAX.
 */
#define ACCOUNTS_MAX 50U
int accounts_find(Call *call, const char *const names[], size_t n, Account ret[], int results[]);
/* By the entry's own name, whether or not it is among the people. */
int account_find_dn(Call *call, const char *dn, Account *ret);
/* By a ticket's selector. */
int account_find_selector(Call *call, const char *selector, size_t len, Account *ret);
/* The account of the caller's uid: its number and its name must both be the entry's. */
int account_find_own(Call *call, Account *ret);
/* Reads the entry again. ACCOUNT_E_NONE when it has gone. */
int account_reload(Call *call, Account *account);

/*
 * Whether mail for another entry may go to the address too: then somebody else may read what is
 * sent there.
 */
int account_address_shared(Call *call, const Account *account, const char *address, bool *ret);
/* Whether what a person typed means this account. */
bool account_answers_to(const Account *account, const char *typed, const Config *config);
/*
 * The attributes that say who somebody is: neither a password nor an answer shall be made of them.
 */
#define ACCOUNT_PERSONAL_N 10
void account_personal(const Config *config, const char *ret[static ACCOUNT_PERSONAL_N]);
/* Whether the entry has that object class. */
bool account_has_class(const Account *account, const char *class);
/*
 * The selector of its tickets: entryUUID, else the name. -E2BIG when the name is too long for one.
 */
int account_selector(const Account *account, char ret[static TOKEN_SELECTOR_MAX], uint8_t *ret_len);

/* state.c */
AccountState account_state(const Entry *entry, bool inactive, int64_t now);
/*
 * The words of org.pwreset.Admin.Record and org.pwreset.Failure.NotAllowed; the latter NULL when
 * nothing is against it.
 */
const char *account_state_name(AccountState state);
const char *account_state_reason(AccountState state);
/*
 * What in the state kills tokens when it changes: all but a lock by failures, which strangers can
 * cause.
 */
void account_state_fix(const Entry *entry, char *ret, size_t size);

/*
 * groups.c: bits of Role that the account has. groupless: it is in none of the directory's groups
 * that matter.
 */
int account_privileges(Call *call, const Account *account, bool groupless, unsigned *ret);
/*
 * Whether all of them (entry and name are set) are; false too when that cannot be told of so many.
 */
int accounts_groupless(Call *call, const Account list[], size_t n, bool *ret);
/* Whether a list separated by blanks has the name. */
bool names_contain(const char *names, const char *name);

/*
 * May this account recover by itself? staff: a token that staff asked for may also activate a new
 * account.
 */
bool account_may_recover(const Account *account, bool staff);
