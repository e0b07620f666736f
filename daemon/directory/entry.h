/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An entry as it was read: a copy in plain memory, so that only ldap*.c knows libldap. What a
 * server sends is foreign text: lengths count, numbers and times are checked, and above the limits
 * the whole entry is refused.
 */
#pragma once

#include "macros.h"

#define ENTRY_VALUES_MAX 512U /* values of one attribute */
#define ENTRY_VALUE_MAX 8192U /* bytes of one value; longer ones are left out */
#define ENTRY_ATTRIBUTES_MAX 96U
#define ENTRY_LIST_MAX 256U

typedef struct Value {
	size_t len;
	char *bytes; /* NUL-terminated at len; may hold NULs before it */
} Value;

typedef struct Attribute {
	char *name; /* without options */
	Value *values;
	size_t n;
} Attribute;

typedef struct Entry {
	char *dn;
	Attribute *attributes;
	size_t n;
} Entry;

typedef struct EntryList {
	Entry **entries;
	size_t n;
} EntryList;

Entry *entry_free(Entry *entry); /* wipes, since values may be verifiers */
DEFINE_CLEANUP(Entry *, entry_free)
void entry_list_deinit(EntryList *list);
#define AUTO_ENTRY_LIST CLEANUP(entry_list_deinit)

/* NULL when the entry has no such attribute; names compare without case. */
const Attribute *entry_attribute(const Entry *entry, const char *name);
bool entry_has(const Entry *entry, const char *name);
/* The first value as text; NULL when there is none or it has a NUL inside. */
const char *entry_text(const Entry *entry, const char *name);
/* False when absent or not exactly a decimal integer. */
bool entry_integer(const Entry *entry, const char *name, int64_t *ret);
/* A GeneralizedTime in seconds since the epoch; false when absent or malformed. */
bool entry_time(const Entry *entry, const char *name, int64_t *ret);
/* TRUE, true or 1 count as set; anything else does not. */
bool entry_flag(const Entry *entry, const char *name);
/* True when one of the values equals text without regard to ASCII case. */
bool entry_holds(const Entry *entry, const char *name, const char *text);

/* "20261121194100Z", with or without a fraction; only UTC is taken. */
bool generalized_time_parse(const char *text, int64_t *ret);
#define GENERALIZED_TIME_SIZE 24
void generalized_time_format(int64_t time, char ret[static GENERALIZED_TIME_SIZE]);

/* The whole of text as a decimal number of at most 18 digits, with a sign or without. */
bool integer_parse(const char *text, int64_t *ret);

/*
 * Equality of ASCII letters without case and of all other bytes exactly: what looks alike is not
 * the same.
 */
bool ascii_equal(const char *a, const char *b);
