/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names in order, out of a directory that has none. */
#include "names.h"

#include <string.h>
#include <syslog.h>

#define FILTER_MAX 8192U
#define PEOPLE_MAX 2000000U /* entries that one walk looks at */
#define REPLY_BYTES 48000U  /* of a message of 64 KiB, names as JSON */
#define RESERVE_MS 3000 /* of the call's time, for the answer and what the broker does with it */

void names_deinit(Names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	names->n = 0;
}

/* Where the name is, or would be. */
static size_t position(const Names *names, const char *name)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->list[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int names_add(Names *names, const char *name)
{
	size_t at = position(names, name);
	char *copy;

	if (at < names->n && strcmp(names->list[at], name) == 0)
		return 0;
	if (names->n == NAMES_MAX) {
		names->more = true;
		if (at == NAMES_MAX)
			return 0;
		free(names->list[--names->n]);
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	memmove(&names->list[at + 1], &names->list[at], (names->n - at) * sizeof(names->list[0]));
	names->list[at] = copy;
	names->n++;
	return 0;
}

typedef struct Walk {
	Names *names;
	const char *attribute;
	size_t seen;
} Walk;

static int walk_entry(const Entry *entry, void *userdata)
{
	Walk *walk = userdata;
	const char *name = entry_text(entry, walk->attribute);

	if (++walk->seen > PEOPLE_MAX)
		return -E2BIG;
	if (!name || !user_name_valid(name) || strcmp(name, walk->names->after) <= 0)
		return 0;
	return names_add(walk->names, name);
}

int names_walk(Call *call, const char *filter, Names *names)
{
	const Config *config = call->worker->config;
	const char *const attributes[] = { config->directory.name_attribute, NULL };
	AUTO_FREE char *text = malloc(FILTER_MAX);
	Walk walk = { .names = names, .attribute = config->directory.name_attribute };
	DirectoryQuery query = {
		.base = config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.filter = text,
		.attributes = attributes,
	};
	Buf buf = { 0 };

	if (!text)
		return -ENOMEM;
	buf_init(&buf, text, FILTER_MAX);
	buf_printf(&buf, "(&%s%s)", config->directory.people_filter, filter ? filter : "");
	if (buf.overflow)
		return -EINVAL;
	return directory_each(call->worker->directory, &query, walk_entry, &walk);
}

int names_write(Call *call, const Names *names, NamesPick pick, void *userdata, JsonWriter *w)
{
	size_t bytes = 0, i = 0;
	bool more = names->more;

	json_open(w, "users", '[');
	for (; i < names->n; i++) {
		int r;

		/* Six times as many where each byte is escaped. */
		bytes += strlen(names->list[i]) * 2 + 3;
		if (bytes > REPLY_BYTES ||
		    (i > 0 && directory_time_left(call->worker->directory) < RESERVE_MS)) {
			more = true;
			break;
		}
		r = pick(call, names->list[i], userdata);
		if (r < 0)
			return r;
		if (r > 0)
			json_put_string(w, NULL, names->list[i]);
	}
	json_close(w, ']');
	if (more && i > 0)
		json_put_string(w, "next", names->list[i - 1]);
	return 0;
}

int names_fail(Call *call, int r)
{
	if (r != DIRECTORY_E_SIZE_LIMIT)
		return fail_directory(call, r);
	/* Trying again later would come to the same: somebody has to see to it. */
	journal_note(call, LOG_ERR, "size-limit", NULL,
		     "the directory's size limit ends searches over all people before they are "
		     "complete: give the service's identity none (slapd: limits dn.exact=... "
		     "size=unlimited; 389: nsSizeLimit and nsLookThroughLimit -1)");
	return fail_not_allowed(call, "not-possible-here");
}
