/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A few groups as getgrnam_r() gave them. What could not be found out is asked for again. */
#include "host_groups.h"

#include <grp.h>
#include <string.h>

#include "macros.h"

#define GROUPS_KEPT 16U /* more than a site names; those beyond it take the place of the oldest */
#define BUFFER_MIN 4096U
#define BUFFER_MAX (4U << 20)

typedef struct Kept {
	char *name; /* NULL: free */
	char *buffer;
	struct group record; /* its strings are in buffer */
	bool exists;
	uint64_t asked; /* CLOCK_MONOTONIC, milliseconds */
} Kept;

struct HostGroups {
	Kept kept[GROUPS_KEPT];
};

static void kept_clear(Kept *kept)
{
	free(kept->name);
	free(kept->buffer);
	*kept = (Kept){ 0 };
}

HostGroups *host_groups_free(HostGroups *groups)
{
	if (!groups)
		return NULL;
	for (size_t i = 0; i < GROUPS_KEPT; i++)
		kept_clear(&groups->kept[i]);
	free(groups);
	return NULL;
}

static int kept_ask(Kept *kept, const char *group, uint64_t now)
{
	kept->name = strdup(group);
	if (!kept->name)
		return -ENOMEM;
	for (size_t size = BUFFER_MIN; size <= BUFFER_MAX; size *= 4) {
		AUTO_FREE char *buffer = malloc(size);
		struct group *found = NULL;
		int r;

		if (!buffer)
			return -ENOMEM;
		r = getgrnam_r(group, &kept->record, buffer, size, &found);
		if (r == ERANGE)
			continue;
		if (!found && r != 0 && r != ENOENT && r != ESRCH)
			return -r;
		kept->exists = found != NULL;
		kept->buffer = STEAL(buffer);
		kept->asked = now;
		return 0;
	}
	return -ERANGE;
}

/* The group's own place, or a free one, or that of the one asked for longest ago. */
static Kept *place_of(HostGroups *groups, const char *group)
{
	Kept *place = NULL;

	for (size_t i = 0; i < GROUPS_KEPT; i++) {
		Kept *kept = &groups->kept[i];

		if (kept->name && strcmp(kept->name, group) == 0)
			return kept;
		if (!place || (place->name && (!kept->name || kept->asked < place->asked)))
			place = kept;
	}
	return place;
}

int host_groups_member(HostGroups **groups, const char *group, const char *name, bool has_gid,
		       int64_t gid)
{
	uint64_t now = monotonic_ms();
	Kept *kept;
	int r;

	if (!*groups)
		*groups = calloc(1, sizeof(**groups));
	if (!*groups)
		return -ENOMEM;
	kept = place_of(*groups, group);
	if (!kept->name || strcmp(kept->name, group) != 0 ||
	    now - kept->asked >= HOST_GROUPS_KEEP_MS) {
		kept_clear(kept);
		r = kept_ask(kept, group, now);
		if (r < 0) {
			kept_clear(kept);
			return r;
		}
	}
	if (!kept->exists)
		return 0;
	if (has_gid && (int64_t)kept->record.gr_gid == gid)
		return 1;
	for (char **member = kept->record.gr_mem; *member; member++)
		if (strcmp(*member, name) == 0)
			return 1;
	return 0;
}
