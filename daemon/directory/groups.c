/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is privileged: low uid numbers, members (nested) of privileged-groups= and of the groups of
 * [roles], in the directory and in this host's name service. What cannot be found out counts as
 * privileged.
 */
#include "account.h"

#include <string.h>
#include <syslog.h>

#define GROUPS_MAX 256U    /* groups that one person is looked at in */
#define GROUP_DEPTH_MAX 8U /* groups within groups */
#define GROUP_NAME_MAX 256U
#define GROUP_FILTER_MAX 32768U

static const char *next_name(const char **names, char *ret, size_t size)
{
	const char *p = *names + strspn(*names, " \t");
	size_t len = strcspn(p, " \t");

	*names = p + len;
	if (len == 0)
		return NULL;
	snprintf(ret, size, "%.*s", (int)len, p);
	return ret;
}

bool names_contain(const char *names, const char *name)
{
	char one[GROUP_NAME_MAX];

	while (next_name(&names, one, sizeof(one)))
		if (ascii_equal(one, name))
			return true;
	return false;
}

typedef struct Named {
	const char *names;
	Role role;
} Named;

#define NAMED_N 4U

static void named_groups(const Config *config, Named ret[static NAMED_N])
{
	ret[0] = (Named){ config->roles.helpdesk, ROLE_HELPDESK };
	ret[1] = (Named){ config->roles.administrator, ROLE_ADMINISTRATOR };
	ret[2] = (Named){ config->roles.owner, ROLE_OWNER };
	ret[3] = (Named){ config->directory.privileged_groups, ROLE_GROUP };
}

/*
 * The groups found so far: names of entries, each once; [done] have been asked for their own
 * groups.
 */
typedef struct Walk {
	char *dns[GROUPS_MAX];
	size_t n, done;
	unsigned roles;
} Walk;

static void walk_deinit(Walk *walk)
{
	for (size_t i = 0; i < walk->n; i++)
		free(walk->dns[i]);
}

static int walk_add(Walk *walk, const Entry *group, const Named named[static NAMED_N])
{
	const Attribute *cn = entry_attribute(group, "cn");

	for (size_t i = 0; cn && i < cn->n; i++)
		for (size_t j = 0; j < NAMED_N; j++)
			if (names_contain(named[j].names, cn->values[i].bytes))
				walk->roles |= named[j].role;
	for (size_t i = 0; i < walk->n; i++)
		if (strcmp(walk->dns[i], group->dn) == 0)
			return 0;
	if (walk->n == GROUPS_MAX)
		return -E2BIG;
	walk->dns[walk->n] = strdup(group->dn);
	if (!walk->dns[walk->n])
		return -ENOMEM;
	walk->n++;
	return 0;
}

static void filter_member(Buf *filter, const char *dn)
{
	buf_puts(filter, "(member=");
	filter_escape(filter, dn);
	buf_puts(filter, ")(uniqueMember=");
	filter_escape(filter, dn);
	buf_puts(filter, ")");
}

static int walk_search(Call *call, Walk *walk, const char *filter,
		       const Named named[static NAMED_N])
{
	static const char *const attributes[] = { "cn", NULL };
	const Config *config = call->worker->config;
	const char *base = *config->directory.group_base ? config->directory.group_base
							 : config->directory.base;
	const DirectoryQuery query = { .base = base,
				       .scope = DIRECTORY_SUBTREE,
				       .filter = filter,
				       .attributes = attributes,
				       .limit = GROUPS_MAX };
	AUTO_ENTRY_LIST EntryList list = { 0 };
	int r = directory_search(call->worker->directory, &query, &list);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = walk_add(walk, list.entries[i], named);
	return r;
}

/* Groups that the entry is in directly; gid: the last one asked for, which many have in common. */
static void filter_person(Buf *filter, const Entry *entry, const char *name, int64_t *gid)
{
	int64_t own;

	filter_member(filter, entry->dn);
	buf_puts(filter, "(memberUid=");
	filter_escape(filter, name);
	buf_puts(filter, ")");
	if (!entry_integer(entry, "gidNumber", &own) || own == *gid)
		return;
	buf_printf(filter, "(&(objectClass=posixGroup)(gidNumber=%lld))", (long long)own);
	*gid = own;
}

/* Those of all the accounts together. */
static int walk_groups(Call *call, Walk *walk, const Account list[], size_t n,
		       const Named named[static NAMED_N])
{
	AUTO_FREE char *memory = malloc(GROUP_FILTER_MAX);
	int64_t gid = INT64_MIN;
	Buf filter;
	int r;

	if (!memory)
		return -ENOMEM;
	buf_init(&filter, memory, GROUP_FILTER_MAX);
	buf_puts(&filter, "(|");
	for (size_t i = 0; i < n; i++)
		if (list[i].entry && list[i].name)
			filter_person(&filter, list[i].entry, list[i].name, &gid);
	buf_puts(&filter, ")");
	for (unsigned depth = 0; depth < GROUP_DEPTH_MAX; depth++) {
		size_t asked = walk->n;

		if (filter.overflow)
			return -E2BIG;
		r = walk_search(call, walk, memory, named);
		if (r != 0 || walk->n == asked)
			return r;
		buf_init(&filter, memory, GROUP_FILTER_MAX);
		buf_puts(&filter, "(|");
		for (; walk->done < walk->n; walk->done++)
			filter_member(&filter, walk->dns[walk->done]);
		buf_puts(&filter, ")");
	}
	return -E2BIG;
}

static int nss_roles(Call *call, const Entry *entry, const char *name,
		     const Named named[static NAMED_N], unsigned *ret)
{
	char group[GROUP_NAME_MAX];
	int64_t gid = -1;
	bool has_gid = entry_integer(entry, "gidNumber", &gid);

	for (size_t i = 0; i < NAMED_N; i++) {
		const char *names = named[i].names;

		while (next_name(&names, group, sizeof(group))) {
			int r = host_groups_member(&call->worker->host_groups, group, name, has_gid,
						   gid);

			if (r < 0)
				return r;
			if (r > 0)
				*ret |= named[i].role;
		}
	}
	return 0;
}

/* Are there any that could matter? */
static bool any_named(const Named named[static NAMED_N])
{
	for (size_t i = 0; i < NAMED_N; i++)
		if (*named[i].names)
			return true;
	return false;
}

int accounts_groupless(Call *call, const Account list[], size_t n, bool *ret)
{
	CLEANUP(walk_deinit) Walk walk = { 0 };
	Named named[NAMED_N];
	bool anybody = false;
	int r = 0;

	named_groups(call->worker->config, named);
	for (size_t i = 0; i < n; i++)
		anybody = anybody || list[i].entry;
	if (anybody && any_named(named))
		r = walk_groups(call, &walk, list, n, named);
	if (r == -E2BIG || r == DIRECTORY_E_SIZE_LIMIT) {
		*ret = false;
		return 0;
	}
	*ret = walk.roles == 0;
	return r;
}

int account_privileges(Call *call, const Account *account, bool groupless, unsigned *ret)
{
	CLEANUP(walk_deinit) Walk walk = { 0 };
	const Config *config = call->worker->config;
	const Entry *entry = account->entry;
	const char *name = account->name;
	int64_t uid_number = account->uid_number;
	Named named[NAMED_N];
	bool any;
	int r = 0;

	named_groups(config, named);
	any = any_named(named);
	if (uid_number >= 0 && uid_number < (int64_t)config->directory.privileged_below)
		walk.roles |= ROLE_SYSTEM;
	/* A number that cannot be read could be a low one. */
	if (uid_number < 0 && entry_has(entry, "uidNumber"))
		walk.roles |= ROLE_UNKNOWN;
	if (any && !groupless)
		r = walk_groups(call, &walk, account, 1, named);
	if (r == 0 && any)
		r = nss_roles(call, entry, name, named, &walk.roles);
	if (r == -E2BIG || r == DIRECTORY_E_SIZE_LIMIT) {
		journal_note(call, LOG_WARNING, "groups-too-many", name,
			     "is in more groups, or deeper, than can be looked at: treated as "
			     "privileged");
		walk.roles |= ROLE_UNKNOWN;
		r = 0;
	}
	if (r != 0)
		return r;
	*ret = walk.roles;
	return 0;
}
