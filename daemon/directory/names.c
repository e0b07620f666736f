/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names in order, out of a directory that has none. */
#include "names.h"

#include <string.h>
#include <syslog.h>

#define FILTER_MAX 8192U
#define PEOPLE_MAX 2000000U /* names that one walk reads */
#define ROLL_MIN 1024U
#define REPLY_BYTES 48000U /* of a message of 64 KiB, names as JSON */
#define RESERVE_MS 3000    /* of the call's time, for the answer and what the broker does with it */

/* The names of all whom a filter selects, sorted, each once. */
struct Roll {
	char *filter;
	char **list;
	size_t n, size;
	uint64_t made; /* CLOCK_MONOTONIC, milliseconds */
	const char *attribute;
};

Roll *roll_free(Roll *roll)
{
	if (!roll)
		return NULL;
	for (size_t i = 0; i < roll->n; i++)
		free(roll->list[i]);
	free(roll->list);
	free(roll->filter);
	free(roll);
	return NULL;
}
DEFINE_CLEANUP(Roll *, roll_free)

static int roll_entry(const Entry *entry, void *userdata)
{
	Roll *roll = userdata;
	const char *name = entry_text(entry, roll->attribute);

	if (!name || !user_name_valid(name))
		return 0;
	if (roll->n == PEOPLE_MAX)
		return -E2BIG;
	if (roll->n == roll->size) {
		size_t size = roll->size > 0 ? 2 * roll->size : ROLL_MIN;
		char **list = reallocarray(roll->list, size, sizeof(*list));

		if (!list)
			return -ENOMEM;
		roll->list = list;
		roll->size = size;
	}
	roll->list[roll->n] = strdup(name);
	return roll->list[roll->n++] ? 0 : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void roll_sort(Roll *roll)
{
	size_t kept = 0;

	if (roll->n > 0)
		qsort(roll->list, roll->n, sizeof(*roll->list), compare_names);
	for (size_t i = 0; i < roll->n; i++)
		if (kept > 0 && strcmp(roll->list[kept - 1], roll->list[i]) == 0)
			free(roll->list[i]);
		else
			roll->list[kept++] = roll->list[i];
	roll->n = kept;
}

/* filter: the whole of it. */
static int roll_make(Call *call, const char *filter, Roll **ret)
{
	const Config *config = call->worker->config;
	const char *const attributes[] = { config->directory.name_attribute, NULL };
	CLEANUP(roll_freep) Roll *roll = calloc(1, sizeof(*roll));
	const DirectoryQuery query = {
		.base = config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.filter = filter,
		.attributes = attributes,
	};
	int r;

	if (!roll)
		return -ENOMEM;
	roll->attribute = config->directory.name_attribute;
	roll->made = monotonic_ms();
	roll->filter = strdup(filter);
	if (!roll->filter)
		return -ENOMEM;
	r = directory_each(call->worker->directory, &query, roll_entry, roll);
	if (r != 0)
		return r;
	roll_sort(roll);
	*ret = STEAL(roll);
	return 0;
}

static bool roll_serves(const Roll *roll, const char *filter)
{
	return roll && strcmp(roll->filter, filter) == 0 &&
	       monotonic_ms() - roll->made < NAMES_KEEP_MS;
}

/* How many are not behind the name. */
static size_t roll_position(const Roll *roll, const char *name)
{
	size_t low = 0, high = roll->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(roll->list[middle], name) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int names_walk(Call *call, const char *filter, const char *after, Names *ret)
{
	Roll **roll = &call->worker->roll;
	AUTO_FREE char *text = malloc(FILTER_MAX);
	size_t begin;
	Buf buf = { 0 };
	int r = 0;

	if (!text)
		return -ENOMEM;
	buf_init(&buf, text, FILTER_MAX);
	buf_printf(&buf, "(&%s%s)", call->worker->config->directory.people_filter,
		   filter ? filter : "");
	if (buf.overflow)
		return -EINVAL;
	if (*after == '\0' || !roll_serves(*roll, text)) {
		*roll = roll_free(*roll);
		r = roll_make(call, text, roll);
	}
	if (r != 0)
		return r;
	begin = roll_position(*roll, after);
	ret->list = (*roll)->list + begin;
	ret->n = (*roll)->n - begin;
	ret->more = ret->n > NAMES_MAX;
	if (ret->more)
		ret->n = NAMES_MAX;
	return 0;
}

/* Those of n names whom pick() takes. */
static int names_pick(Call *call, char *const names[], size_t n, NamesPick pick, void *userdata,
		      JsonWriter *w)
{
	Account accounts[ACCOUNTS_MAX];
	int results[ACCOUNTS_MAX];
	int r = accounts_find(call, (const char *const *)names, n, accounts, results);

	if (r != 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		/* Who has gone meanwhile, or is not alone of that name, is nobody. */
		if (results[i] == 0 && pick(call, &accounts[i], userdata))
			json_put_string(w, NULL, names[i]);
		account_deinit(&accounts[i]);
	}
	return 0;
}

/* As many as are asked for at once, and fit; when time is short one, so that it goes on at all. */
static size_t names_portion(Call *call, const Names *names, size_t from, size_t *bytes)
{
	bool hurry = directory_time_left(call->worker->directory) < RESERVE_MS;
	size_t most = hurry ? (from == 0 ? 1 : 0) : ACCOUNTS_MAX, n = 0;

	while (n < most && from + n < names->n) {
		/* Six times as many where each byte is escaped. */
		*bytes += strlen(names->list[from + n]) * 2 + 3;
		if (*bytes > REPLY_BYTES)
			break;
		n++;
	}
	return n;
}

int names_write(Call *call, const Names *names, NamesPick pick, void *userdata, JsonWriter *w)
{
	size_t bytes = 0, i = 0, n;
	int r;

	json_open(w, "users", '[');
	while (i < names->n && (n = names_portion(call, names, i, &bytes)) > 0) {
		r = names_pick(call, names->list + i, n, pick, userdata, w);
		if (r != 0)
			return r;
		i += n;
	}
	json_close(w, ']');
	if ((names->more || i < names->n) && i > 0)
		json_put_string(w, "next", names->list[i - 1]);
	return 0;
}

int names_fail(Call *call, int r)
{
	if (r != DIRECTORY_E_SIZE_LIMIT && r != DIRECTORY_E_ADMIN_LIMIT)
		return fail_directory(call, r);
	/* Trying again later would come to the same: somebody has to see to it. */
	journal_note(call, LOG_ERR, "size-limit", NULL,
		     "the directory's size limit ends searches over all people before they are "
		     "complete: give the service's identity none (slapd: limits dn.exact=... "
		     "size=unlimited; 389: nsSizeLimit and nsLookThroughLimit -1)");
	return fail_not_allowed(call, "not-possible-here");
}
