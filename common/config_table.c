/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All keys. A new one needs its field in config.h, its line here and its paragraph in
 * pwreset.conf(5).
 */

#include "config_table.h"
#include "validate.h"
#include "version.h"

#define TEXT(s, k, field, otherwise, check, want)                                                  \
	{                                                                                          \
		.section = #s, .key = k, .type = CONFIG_TEXT, .offset = offsetof(Config, s.field), \
		.fallback = otherwise, .valid = check, .wanted = want                              \
	}
#define NUMBER(s, k, field, otherwise, low, high)                                                  \
	{                                                                                          \
		.section = #s, .key = k, .type = CONFIG_NUMBER,                                    \
		.offset = offsetof(Config, s.field), .fallback = otherwise, .min = low,            \
		.max = high                                                                        \
	}
#define BOOL(s, k, field, otherwise)                                                               \
	{                                                                                          \
		.section = #s, .key = k, .type = CONFIG_BOOL, .offset = offsetof(Config, s.field), \
		.fallback = otherwise                                                              \
	}
#define WORD(s, k, field, otherwise, list, want)                                                   \
	{                                                                                          \
		.section = #s, .key = k, .type = CONFIG_WORD, .offset = offsetof(Config, s.field), \
		.fallback = otherwise, .words = list, .wanted = want                               \
	}

#define PATH "an absolute path"

static const char *const hash_words[] = {
	[CONFIG_HASH_UNSET] = "",
	[CONFIG_HASH_ARGON2ID] = "argon2id",
	[CONFIG_HASH_YESCRYPT] = "yescrypt",
	[CONFIG_HASH_SERVER] = "server",
	NULL,
};
static const char *const tls_words[] = {
	[CONFIG_TLS_NONE] = "none",
	[CONFIG_TLS_STARTTLS] = "starttls",
	[CONFIG_TLS_TLS] = "tls",
	NULL,
};
static const char *const bind_words[] = {
	[CONFIG_BIND_EXTERNAL] = "external",
	[CONFIG_BIND_SIMPLE] = "simple",
	NULL,
};
static const char *const questions_words[] = {
	[CONFIG_QUESTIONS_OFF] = "off",
	[CONFIG_QUESTIONS_ALONE] = "alone",
	[CONFIG_QUESTIONS_WITH_CODE] = "with-code",
	[CONFIG_QUESTIONS_AUTO] = "auto",
	NULL,
};

/* clang-format off */
const ConfigKey config_keys[] = {
	TEXT(directory, "uri", uri, "ldapi:///", config_valid_uris,
		"ldapi:///, ldaps://host or ldap://host, several with blanks between"),
	TEXT(directory, "read-uri", read_uri, "", config_valid_uris,
		"ldapi:///, ldaps://host or ldap://host, several with blanks between"),
	TEXT(directory, "base", base, NULL, config_valid_dn,
		"a DN, such as ou=people,dc=example,dc=com"),
	TEXT(directory, "people-filter", people_filter, "(objectClass=posixAccount)",
		config_valid_filter, "an LDAP filter in parentheses"),
	TEXT(directory, "name-attribute", name_attribute, "uid", config_valid_attribute,
		"the name of an attribute"),
	TEXT(directory, "mail-attribute", mail_attribute, "mail", config_valid_attribute,
		"the name of an attribute"),
	WORD(directory, "bind", bind, "external", bind_words,
		"external (over ldapi) or simple (with bind-dn= and the credential ldap-password)"),
	TEXT(directory, "bind-dn", bind_dn, "", config_valid_dn,
		"a DN, such as cn=pwreset,ou=services,dc=example,dc=com"),
	BOOL(directory, "start-tls", start_tls, "no"),
	TEXT(directory, "tls-ca-file", tls_ca_file, "", config_valid_path, PATH),
	WORD(directory, "hash", hash, NULL, hash_words,
		"argon2id, yescrypt or server (pwreset.conf(5) says which suits which server)"),
	NUMBER(directory, "argon2-memory", argon2_memory, "19456", 8192, 1048576),
	NUMBER(directory, "argon2-passes", argon2_passes, "2", 1, 16),
	NUMBER(directory, "timeout", timeout, "5", 1, 60),
	NUMBER(directory, "connections", connections, "4", 1, 64),
	TEXT(directory, "privileged-groups", privileged_groups, "", config_valid_groups,
		"names of groups with blanks between"),
	TEXT(directory, "group-base", group_base, "", config_valid_dn,
		"a DN, such as ou=groups,dc=example,dc=com"),
	NUMBER(directory, "privileged-below", privileged_below, "1000", 1, 2147483647),
	TEXT(directory, "inactive-filter", inactive_filter, "", config_valid_filter,
		"an LDAP filter in parentheses"),
	TEXT(directory, "decoy-dn", decoy_dn, "", config_valid_dn,
		"a DN, such as cn=decoy,ou=services,dc=example,dc=com"),

	TEXT(mail, "relay", relay, "127.0.0.1:25", config_valid_relay,
		"host:port, such as 127.0.0.1:25"),
	WORD(mail, "tls", tls, "none", tls_words, "none (to the local host only), starttls or tls"),
	TEXT(mail, "tls-ca-file", tls_ca_file, "", config_valid_path, PATH),
	TEXT(mail, "user", user, "", config_valid_text, "a name, without controls"),
	TEXT(mail, "from", from, NULL, config_valid_from,
		"an address, such as Example Help <help@example.com>"),
	TEXT(mail, "helo-name", helo_name, "", host_valid, "a host name"),
	NUMBER(mail, "timeout", timeout, "60", 5, 600),
	NUMBER(mail, "connections", connections, "2", 1, 32),
	TEXT(mail, "helpdesk-domains", helpdesk_domains, "", config_valid_domains,
		"mail domains with blanks between"),
	TEXT(mail, "template-dir", template_dir, PWRESET_CONFDIR "/templates", config_valid_path,
		PATH),

	TEXT(web, "origin", origin, NULL, config_valid_origin,
		"https://host or https://host:port and nothing behind it (http:// for localhost only)"),
	TEXT(web, "certificate", certificate, "", config_valid_path, PATH),
	TEXT(web, "certificate-key", certificate_key, "", config_valid_path, PATH),
	TEXT(web, "site-name", site_name, "", config_valid_name, "at most 64 bytes of text"),
	TEXT(web, "logo", logo, "", config_valid_image, "an absolute path ending in .svg or .png"),
	TEXT(web, "colour", colour, "", config_valid_colour, "#rrggbb"),
	TEXT(web, "help-text", help_text, "", config_valid_text, "at most 1000 bytes of text"),
	TEXT(web, "contact", contact, "", config_valid_text, "at most 1000 bytes of text"),
	BOOL(web, "behind-proxy", behind_proxy, "no"),

	NUMBER(recovery, "link-minutes", link_minutes, "30", 1, 1440),
	NUMBER(recovery, "code-minutes", code_minutes, "10", 1, 60),
	NUMBER(recovery, "code-tries", code_tries, "5", 1, 10),
	NUMBER(recovery, "grant-minutes", grant_minutes, "5", 1, 60),
	NUMBER(recovery, "live-requests", live_requests, "3", 1, 10),
	WORD(recovery, "questions", questions, "auto", questions_words,
		"auto, alone, with-code or off"),
	NUMBER(recovery, "questions-asked", questions_asked, "3", 3, 8),
	NUMBER(recovery, "answer-slot", answer_slot, "1000", 100, 10000),
	NUMBER(recovery, "mail-minutes", mail_minutes, "30", 1, 1440),

	NUMBER(policy, "min-length", min_length, "8", 6, 64),
	NUMBER(policy, "min-bits", min_bits, "40", 20, 100),
	TEXT(policy, "site-words", site_words, "", config_valid_text,
		"words with blanks between, at most 1000 bytes"),
	TEXT(policy, "blocklist", blocklist, PWRESET_DATADIR "/blocklist.filter", config_valid_path,
		PATH),
	TEXT(policy, "site-blocklist", site_blocklist, "", config_valid_path, PATH),

	TEXT(roles, "helpdesk", helpdesk, "", config_valid_group, "the name of one group"),
	TEXT(roles, "administrator", administrator, "", config_valid_group,
		"the name of one group"),
	TEXT(roles, "owner", owner, "", config_valid_group, "the name of one group"),
	BOOL(roles, "root-sets-passwords", root_sets_passwords, "no"),

	NUMBER(limits, "per-source", per_source, "30", 1, 1000000),
	NUMBER(limits, "per-user", per_user, "20", 1, 1000000),
	NUMBER(limits, "total", total, "3000", 1, 1000000),
	NUMBER(limits, "host-guesses", host_guesses, "100", 5, 1000000),
	NUMBER(limits, "clients", clients, "512", 16, 16384),
	NUMBER(limits, "clients-per-uid", clients_per_uid, "64", 1, 16384),
	NUMBER(limits, "spool", spool, "100000", 100, 10000000),
	NUMBER(limits, "idle-exit", idle_exit, "30", 1, 86400),
	{ 0 },
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(config_keys) <= CONFIG_KEYS_MAX, "CONFIG_KEYS_MAX is too small");
