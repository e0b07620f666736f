/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shipped schema and access rules with the names of this directory in them. Prints; changes nothing. */

#include <pwd.h>
#include <string.h>

#include "config.h"
#include "validate.h"
#include "verbs.h"
#include "version.h"

#define LDAP_FOLDER PWRESET_DATADIR "/ldap/"
#define SERVICE_USER "pwreset-directory"
#define DATABASE_DEFAULT "olcDatabase={1}mdb,cn=config"
#define LINE_BYTES 4096

typedef struct Names {
	char suffix[512];
	char people[512];
	char service[600];
	char groups[512];     /* where groups are */
	char privileged[512]; /* names with blanks between */
	const char *database;
	char uid[16], gid[16];
	ConfigHash hash;
} Names;

typedef enum Part { PART_SCHEMA, PART_PPOLICY, PART_ACL, PART_INDEX } Part;

/* In the order in which they have to be read. */
static const struct {
	const char *format;
	Part part;
	const char *file;
} files[] = {
	{ "conf", PART_SCHEMA, "pwreset.schema" },     { "conf", PART_PPOLICY, "slapd-acl-ppolicy.conf" },
	{ "conf", PART_ACL, "slapd-acl.conf" },	       { "conf", PART_INDEX, "slapd-index.conf" },
	{ "ldif", PART_SCHEMA, "pwreset.ldif" },       { "ldif", PART_ACL, "slapd-acl.ldif" },
	{ "ldif", PART_PPOLICY, "slapd-acl-ppolicy.ldif" }, { "ldif", PART_INDEX, "slapd-index.ldif" },
	{ "389ds", PART_SCHEMA, "99pwreset.ldif" },    { "389ds", PART_ACL, "389ds-aci.ldif" },
};

/* From the first "dc=" of the end on that is nothing but "dc="; else the last part. */
static const char *suffix_of(const char *base)
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

static void complain_config(const IniPlace *place UNUSED, const char *message UNUSED, void *userdata UNUSED)
{
	/* Without a configuration the command line says what is needed; doctor tells what is wrong with it. */
}

static void number_fill(char *ret, size_t size, long number, const char *otherwise)
{
	if (number >= 0)
		snprintf(ret, size, "%ld", number);
	else
		snprintf(ret, size, "%s", otherwise);
}

static int names_fill(const Ctl *ctl, Names *names)
{
	CLEANUP(config_freep) Config *config = NULL;
	const struct passwd *pw = getpwnam(SERVICE_USER);
	const char *base = ctl->options.suffix;

	config_load(&config, "", complain_config, NULL);
	if (config)
		base = config->directory.base;
	if (!base) {
		complain(_("There is no valid configuration to take base= from: give --suffix=dc=example,dc=com."));
		return EXIT_USAGE;
	}
	snprintf(names->people, sizeof(names->people), "%s", base);
	snprintf(names->suffix, sizeof(names->suffix), "%s", ctl->options.suffix ? ctl->options.suffix : suffix_of(base));
	if (ctl->options.service)
		snprintf(names->service, sizeof(names->service), "%s", ctl->options.service);
	else if (config && config->directory.bind_dn[0] != '\0')
		snprintf(names->service, sizeof(names->service), "%s", config->directory.bind_dn);
	else
		snprintf(names->service, sizeof(names->service), "cn=pwreset,ou=services,%s", names->suffix);
	snprintf(names->groups, sizeof(names->groups), "%s",
		 config && config->directory.group_base[0] != '\0' ? config->directory.group_base : names->suffix);
	snprintf(names->privileged, sizeof(names->privileged), "%s", config ? config->directory.privileged_groups : "");
	names->database = ctl->options.database ? ctl->options.database : DATABASE_DEFAULT;
	number_fill(names->uid, sizeof(names->uid), pw ? (long)pw->pw_uid : -1, "@UID@");
	number_fill(names->gid, sizeof(names->gid), pw ? (long)pw->pw_gid : -1, "@GID@");
	names->hash = config ? config->directory.hash : CONFIG_HASH_ARGON2ID;
	if (!name_fits(names->people) || !name_fits(names->suffix) || !name_fits(names->service) || !name_fits(names->database)) {
		complain(_("A name has a quote or a backslash in it: these files have to be written by hand."));
		return EXIT_USAGE;
	}
	return 0;
}

/* Replaces each occurrence in a line; a line that grows beyond its size is cut, which names_fill() keeps from happening. */
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

static void print_line(const Names *names, char *line)
{
	replace(line, LINE_BYTES, "@BASE@", names->suffix);
	replace(line, LINE_BYTES, "@PEOPLE@", names->people);
	replace(line, LINE_BYTES, "@SERVICE@", names->service);
	replace(line, LINE_BYTES, "@DATABASE@", names->database);
	replace(line, LINE_BYTES, "@UID@", names->uid);
	replace(line, LINE_BYTES, "@GID@", names->gid);
	if (names->hash == CONFIG_HASH_YESCRYPT && line[0] != '#')
		replace(line, LINE_BYTES, "ARGON2[}][$]argon2id[$]", "CRYPT[}][$]y[$]");
	if (names->hash == CONFIG_HASH_SERVER && line[0] != '#')
		replace(line, LINE_BYTES, " val.regex=\"^[{]ARGON2[}][$]argon2id[$]\"", "");
	puts(line);
}

/* The shipped example of a privileged group; a line that has it is written once for each group of privileged-groups=. */
#define GROUP_EXAMPLE "cn=admins,ou=groups,@BASE@"

static void print_line_for_groups(const Names *names, const char *line)
{
	for (const char *p = names->privileged; *p;) {
		char copy[LINE_BYTES], group[800];
		size_t n = strcspn(p, " ");

		snprintf(copy, sizeof(copy), "%s", line);
		snprintf(group, sizeof(group), "cn=%.*s,%s", (int)n, p, names->groups);
		replace(copy, sizeof(copy), GROUP_EXAMPLE, group);
		print_line(names, copy);
		p += n;
		p += strspn(p, " ");
	}
}

static int print_file(const Names *names, const char *file)
{
	char path[512], line[LINE_BYTES];
	AUTO_FCLOSE FILE *f = NULL;

	snprintf(path, sizeof(path), LDAP_FOLDER "%s", file);
	f = fopen(path, "re");
	if (!f) {
		complain(_("%s cannot be read: %s"), path, strerrordesc_np(errno));
		return EXIT_FAILED;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "[" GROUP_EXAMPLE "]"))
			print_line_for_groups(names, line);
		else
			print_line(names, line);
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

int verb_schema(Ctl *ctl)
{
	const char *format = ctl->n_args > 0 ? ctl->args[0] : "ldif";
	Names names = { 0 };
	bool known = false;
	int r;

	r = names_fill(ctl, &names);
	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++) {
		if (strcmp(files[i].format, format) != 0)
			continue;
		known = true;
		if (part_wanted(&ctl->options, files[i].part))
			r = print_file(&names, files[i].file);
	}
	if (r == 0 && !known)
		return complain_usage(ctl, _("\"%s\" is not known: conf, ldif or 389ds."), format);
	if (r == 0 && !ctl->options.service && !ctl->options.quiet)
		fprintf(stderr, _("The service's entry is taken to be %s; --service= says otherwise.\n"), names.service);
	return r;
}
