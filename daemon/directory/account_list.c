/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several people by name with one search for all and one for the groups of all, so that a run over
 * ten thousand does not ask four times for each. Whatever is not as plain as can be is left to
 * account_find(), one by one: the answer is the same, and only the work is less.
 */
#include <string.h>

#include "account_private.h"

#define LIMIT (2 * ACCOUNTS_MAX) /* entries: more than one of a name is rare */

/*
 * Nothing in it that a directory's matching folds into something else, but for the case of letters:
 * then whoever equals it in ASCII is everybody whom the directory takes for it.
 */
static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static bool name_plain(const char *name)
{
	return user_name_valid(name) && is_plain(name);
}

static bool names_plain(const Entry *entry, const char *attribute)
{
	size_t lists = 0;

	for (size_t i = 0; i < entry->n; i++) {
		const Attribute *a = &entry->attributes[i];

		if (!ascii_equal(a->name, attribute))
			continue;
		lists++;
		for (size_t j = 0; j < a->n; j++)
			if (strlen(a->values[j].bytes) != a->values[j].len ||
			    !is_plain(a->values[j].bytes))
				return false;
	}
	/* More than one: by options or subtypes, of which a reader of entries sees the first. */
	return lists == 1;
}

/* "(|(uid=a)(uid=b)…)" with behind it what else must hold; NULL: no memory. Free it. */
static char *condition_make(const char *attribute, const char *const names[], size_t n,
			    const char *further)
{
	size_t size = strlen(further) + 8;
	AUTO_FREE char *memory = NULL;
	Buf buf;

	for (size_t i = 0; i < n; i++)
		size += strlen(attribute) + 3 * strlen(names[i]) + 4;
	memory = malloc(size);
	if (!memory)
		return NULL;
	buf_init(&buf, memory, size);
	buf_puts(&buf, "(|");
	for (size_t i = 0; i < n; i++) {
		if (!name_plain(names[i]))
			continue;
		buf_printf(&buf, "(%s=", attribute);
		filter_escape(&buf, names[i]);
		buf_puts(&buf, ")");
	}
	buf_printf(&buf, ")%s", further);
	return buf.overflow ? NULL : STEAL(memory);
}

/*
 * Gives each entry to the one name that is its own. What has no entry afterwards is looked for
 * alone: unknown names, those that two entries have, the second spelling of one.
 */
static void entries_assign(const char *attribute, const char *const names[], size_t n,
			   EntryList *list, Account ret[])
{
	bool taken[ENTRY_LIST_MAX] = { 0 };

	for (size_t i = 0; i < list->n; i++)
		if (!names_plain(list->entries[i], attribute))
			return;
	for (size_t i = 0; i < n; i++) {
		size_t found = 0, which = 0;

		for (size_t j = 0; j < list->n; j++)
			if (entry_holds(list->entries[j], attribute, names[i])) {
				found++;
				which = j;
			}
		if (found != 1 || taken[which])
			continue;
		taken[which] = true;
		ret[i].entry = list->entries[which];
		ret[i].name = entry_text(ret[i].entry, attribute);
	}
	for (size_t j = 0; j < list->n; j++)
		if (taken[j])
			list->entries[j] = NULL;
}

/* inactive[i]: names[i] matches inactive-filter=, as account_find() asks for each. */
static int inactive_mark(Call *call, const char *const names[], size_t n, const Account accounts[],
			 bool inactive[])
{
	const Config *config = call->worker->config;
	AUTO_ENTRY_LIST EntryList list = { 0 };
	AUTO_FREE char *condition = NULL;
	int r;

	if (!*config->directory.inactive_filter)
		return 0;
	condition = condition_make(config->directory.name_attribute, names, n,
				   config->directory.inactive_filter);
	if (!condition)
		return -ENOMEM;
	r = people_search(call, condition, true, LIMIT, &list);
	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t j = 0; accounts[i].entry && j < list.n; j++)
			inactive[i] |= strcmp(accounts[i].entry->dn, list.entries[j]->dn) == 0;
	return r;
}

/* The entries of those who are plain into ret, and what is known of each. */
static int entries_find(Call *call, const char *const names[], size_t n, Account ret[],
			AccountKnown known[])
{
	const char *attribute = call->worker->config->directory.name_attribute;
	AUTO_FREE char *condition = condition_make(attribute, names, n, "");
	AUTO_ENTRY_LIST EntryList list = { 0 };
	bool inactive[ACCOUNTS_MAX] = { 0 }, groupless = false;
	int r;

	if (!condition)
		return -ENOMEM;
	r = people_search(call, condition, false, LIMIT, &list);
	if (r != 0)
		return r;
	entries_assign(attribute, names, n, &list, ret);
	r = inactive_mark(call, names, n, ret, inactive);
	if (r == 0)
		r = accounts_groupless(call, ret, n, &groupless);
	for (size_t i = 0; i < n; i++)
		known[i] = (AccountKnown){ .inactive = inactive[i], .groupless = groupless };
	return r;
}

static void accounts_drop(Account list[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		account_deinit(&list[i]);
}

int accounts_find(Call *call, const char *const names[], size_t n, Account ret[], int results[])
{
	AccountKnown known[ACCOUNTS_MAX];
	size_t plain = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		ret[i] = ACCOUNT_NULL;
		plain += name_plain(names[i]);
	}
	if (n > ACCOUNTS_MAX)
		return -E2BIG;
	if (plain > 1)
		r = entries_find(call, names, n, ret, known);
	if (r == DIRECTORY_E_SIZE_LIMIT) {
		accounts_drop(ret, n);
		r = 0;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		results[i] = ret[i].entry ? account_fill(call, ret[i].entry, &known[i], &ret[i])
					  : account_find(call, names[i], &ret[i]);
		/* Nobody, or nobody alone, is an answer; what else went wrong would again. */
		if (results[i] != 0 && results[i] != ACCOUNT_E_NONE &&
		    results[i] != ACCOUNT_E_AMBIGUOUS)
			r = results[i];
	}
	if (r != 0)
		accounts_drop(ret, n);
	return r;
}
