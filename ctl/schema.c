/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shipped schema and access rules with the names of this directory in them. Prints; changes
 * nothing.
 */

#include <pwd.h>
#include <string.h>

#include "schema.h"
#include "validate.h"
#include "verbs.h"
#include "version.h"

#define LDAP_FOLDER PWRESET_DATADIR "/ldap"
#define SERVICE_USER "pwreset-directory"
#define DATABASE_DEFAULT "olcDatabase={1}mdb,cn=config"
#define LINE_BYTES 4096

typedef enum Part { PART_SCHEMA, PART_PPOLICY, PART_ACL, PART_INDEX } Part;

/* In the order in which they have to be read. */
static const struct {
	const char *format;
	Part part;
	const char *file;
} files[] = {
	/*
	 * slapd.conf: schema and service belong to its global section, the rest to the database's.
	 */
	{ "conf", PART_SCHEMA, "pwreset.schema" },
	{ "conf", PART_SCHEMA, "slapd-service.conf" },
	{ "conf", PART_PPOLICY, "slapd-acl-ppolicy.conf" },
	{ "conf", PART_ACL, "slapd-acl.conf" },
	{ "conf", PART_INDEX, "slapd-index.conf" },
	{ "ldif", PART_SCHEMA, "pwreset.ldif" },
	{ "ldif", PART_ACL, "slapd-service.ldif" },
	{ "ldif", PART_ACL, "slapd-acl.ldif" },
	{ "ldif", PART_PPOLICY, "slapd-acl-ppolicy.ldif" },
	{ "ldif", PART_INDEX, "slapd-index.ldif" },
	{ "389ds", PART_SCHEMA, "99pwreset.ldif" },
	{ "389ds", PART_ACL, "389ds-aci.ldif" },
};

/* From the first "dc=" of the end on that is nothing but "dc="; else the last part. */
const char *schema_suffix(const char *base)
{
	const char *suffix = base, *p = base;

	for (bool dc = false; *p;) {
		bool is_dc = strncasecmp(p, "dc=", 3) == 0;

		if (!is_dc || !dc)
			suffix = p;
		dc = is_dc;
		p += strcspn(p, ",");
		p += strspn(p, ", ");
	}
	return suffix;
}

/* What would end a quoted string of slapd.conf, or a line. */
static bool name_fits(const char *dn)
{
	return text_valid(dn, 500) && !strpbrk(dn, "\"\\\n") && strchr(dn, '=');
}

static void complain_config(const IniPlace *place UNUSED, const char *message UNUSED,
			    void *userdata UNUSED)
{
	/*
	 * Without a configuration the command line says what is needed; doctor tells what is wrong
	 * with it.
	 */
}

static void number_fill(char *ret, size_t size, long number, const char *otherwise)
{
	if (number >= 0)
		snprintf(ret, size, "%ld", number);
	else
		snprintf(ret, size, "%s", otherwise);
}

static int names_fill(const Ctl *ctl, SchemaNames *names)
{
	CLEANUP(config_freep) Config *config = NULL;
	const struct passwd *pw = getpwnam(SERVICE_USER);
	const char *base = ctl->options.suffix;

	config_load(&config, "", complain_config, NULL);
	if (config)
		base = config->directory.base;
	if (!base) {
		complain(_(
			"There is no valid configuration to take base= from: give --suffix=dc=example,dc=com."));
		return EXIT_USAGE;
	}
	snprintf(names->people, sizeof(names->people), "%s", base);
	snprintf(names->suffix, sizeof(names->suffix), "%s",
		 ctl->options.suffix ? ctl->options.suffix : schema_suffix(base));
	if (ctl->options.service)
		snprintf(names->service, sizeof(names->service), "%s", ctl->options.service);
	else if (config && config->directory.bind_dn[0] != '\0')
		snprintf(names->service, sizeof(names->service), "%s", config->directory.bind_dn);
	else
		snprintf(names->service, sizeof(names->service), "cn=pwreset,ou=services,%s",
			 names->suffix);
	if (config && config->directory.group_base[0] != '\0')
		snprintf(names->groups, sizeof(names->groups), "%s", config->directory.group_base);
	else
		snprintf(names->groups, sizeof(names->groups), "ou=groups,%s", names->suffix);
	snprintf(names->privileged, sizeof(names->privileged), "%s",
		 config ? config->directory.privileged_groups : "");
	names->database = ctl->options.database ? ctl->options.database : DATABASE_DEFAULT;
	number_fill(names->uid, sizeof(names->uid), pw ? (long)pw->pw_uid : -1, "@UID@");
	number_fill(names->gid, sizeof(names->gid), pw ? (long)pw->pw_gid : -1, "@GID@");
	names->hash = config ? config->directory.hash : CONFIG_HASH_ARGON2ID;
	if (!name_fits(names->people) || !name_fits(names->suffix) || !name_fits(names->service) ||
	    !name_fits(names->database)) {
		complain(_(
			"A name has a quote or a backslash in it: these files have to be written by hand."));
		return EXIT_USAGE;
	}
	return 0;
}

/*
 * Replaces each occurrence in a line; a line that grows beyond its size is cut, which names_fill()
 * keeps from happening.
 */
static void replace(char *line, size_t size, const char *from, const char *to)
{
	char result[LINE_BYTES];
	Buf buf = BUF(result);

	result[0] = '\0';
	for (const char *p = line; *p;) {
		const char *at = strstr(p, from);
		size_t n = at ? (size_t)(at - p) : strlen(p);

		buf_append(&buf, p, n);
		if (at)
			buf_puts(&buf, to);
		p += n + (at ? strlen(from) : 0);
	}
	if (!buf.overflow && buf.len < size)
		memcpy(line, result, buf.len + 1);
}

/* What may be written as a password, and the rights for it: slapd-acl.conf explains them. */
static const struct {
	const char *scheme, *set, *clear;
} hashes[] = {
	[CONFIG_HASH_UNSET] = { "[{]ARGON2[}][$]argon2id[$]", "maz", "mz" },
	[CONFIG_HASH_ARGON2ID] = { "[{]ARGON2[}][$]argon2id[$]", "maz", "mz" },
	[CONFIG_HASH_YESCRYPT] = { "[{]CRYPT[}][$]y[$]", "maz", "mz" },
	[CONFIG_HASH_SERVER] = { ".", "az", "z" },
};

static void print_line(const SchemaNames *names, char *line)
{
	replace(line, LINE_BYTES, "@BASE@", names->suffix);
	replace(line, LINE_BYTES, "@PEOPLE@", names->people);
	replace(line, LINE_BYTES, "@SERVICE@", names->service);
	replace(line, LINE_BYTES, "@DATABASE@", names->database);
	replace(line, LINE_BYTES, "@UID@", names->uid);
	replace(line, LINE_BYTES, "@GID@", names->gid);
	replace(line, LINE_BYTES, "@SCHEME@", hashes[names->hash].scheme);
	replace(line, LINE_BYTES, "@SET@", hashes[names->hash].set);
	replace(line, LINE_BYTES, "@CLEAR@", hashes[names->hash].clear);
	puts(line);
}

/*
 * The shipped example of a privileged group: once in a line of its own, which is written for each
 * group of privileged-groups=, and once within a filter, of which only this part is.
 */
#define GROUP_EXAMPLE "cn=admins,ou=groups,@BASE@"
#define GROUP_LINE "[" GROUP_EXAMPLE "]"
#define GROUP_FILTER "(!(memberOf=" GROUP_EXAMPLE "))"

/* The text once for each group, with the group's DN in place of the example's. */
static void for_each_group(const SchemaNames *names, const char *text, const char *end, Buf *buf)
{
	for (const char *p = names->privileged; *p;) {
		char copy[LINE_BYTES], group[800];
		size_t n = strcspn(p, " ");

		snprintf(copy, sizeof(copy), "%s", text);
		snprintf(group, sizeof(group), "cn=%.*s,%s", (int)n, p, names->groups);
		replace(copy, sizeof(copy), GROUP_EXAMPLE, group);
		buf_puts(buf, copy);
		buf_puts(buf, end);
		p += n;
		p += strspn(p, " ");
	}
}

/* One line of a file, which may become none or several. */
static void take_line(const SchemaNames *names, char *line)
{
	char memory[4 * LINE_BYTES] = "";
	Buf buf = BUF(memory);

	if (strstr(line, GROUP_LINE)) {
		for_each_group(names, line, "\n", &buf);
		for (char *p = memory, *end; (end = strchr(p, '\n')); p = end + 1) {
			char copy[LINE_BYTES];

			snprintf(copy, sizeof(copy), "%.*s", (int)(end - p), p);
			print_line(names, copy);
		}
		return;
	}
	for_each_group(names, GROUP_FILTER, "", &buf);
	replace(line, LINE_BYTES, GROUP_FILTER, memory);
	print_line(names, line);
}

static int print_file(const SchemaNames *names, const char *folder, const char *file)
{
	char path[512], line[LINE_BYTES];
	AUTO_FCLOSE FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	f = fopen(path, "re");
	if (!f) {
		complain(_("%s cannot be read: %s"), path, strerror(errno));
		return EXIT_FAILED;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		take_line(names, line);
	}
	/* Entries of LDIF are parted by an empty line. */
	putchar('\n');
	return 0;
}

static bool part_wanted(const Options *o, Part part)
{
	bool all = !o->schema && !o->acl && !o->index;

	switch (part) {
	case PART_SCHEMA:
		return all || o->schema;
	case PART_ACL:
		return all || o->acl;
	case PART_INDEX:
		return all || o->index;
	case PART_PPOLICY:
		return o->ppolicy && (all || o->acl);
	}
	return false;
}

int schema_print(const SchemaNames *names, const char *folder, const char *format,
		 const Options *options)
{
	bool known = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++) {
		if (strcmp(files[i].format, format) != 0)
			continue;
		known = true;
		if (part_wanted(options, files[i].part))
			r = print_file(names, folder, files[i].file);
	}
	return known ? r : -ENOENT;
}

int verb_schema(Ctl *ctl)
{
	const char *format = ctl->n_args > 0 ? ctl->args[0] : "ldif";
	SchemaNames names = { 0 };
	int r;

	r = names_fill(ctl, &names);
	if (r == 0)
		r = schema_print(&names, LDAP_FOLDER, format, &ctl->options);
	if (r == -ENOENT)
		return complain_usage(ctl, _("\"%s\" is not known: conf, ldif or 389ds."), format);
	if (r == 0 && !ctl->options.service && !ctl->options.quiet)
		fprintf(stderr,
			_("The service's entry is taken to be %s; --service= says otherwise.\n"),
			names.service);
	return r;
}
