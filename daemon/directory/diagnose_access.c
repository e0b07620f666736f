/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Schema and access rules, tried for real and without effect: each modify begins with the deletion
 * of a value that no entry has, so that it fails with 16 after the server has checked the rights to
 * all of its parts.
 */
#include "diagnose.h"

#include <string.h>

#include "hash.h"

#define GROUPS_LOOKED_AT 64U
#define NO_SUCH_VALUE "doctor:none"
#define REMEDY_SCHEMA "load the schema: 'pwresetctl schema' prints it for this directory"
#define REMEDY_ACL                                                                                 \
	"install the access rules: 'pwresetctl schema --acl' prints them for this directory"

/* 16: allowed. 50: not. 17: unknown attribute. 19: the policy overlay refuses a plain writer. */
static int try_modify(Diagnosis *diagnosis, const char *dn, const char *attribute,
		      const char *value)
{
	AUTO_CHANGES Changes changes = { 0 };
	int r;

	changes_add(&changes, CHANGE_DELETE, "pwresetToken", NO_SUCH_VALUE);
	if (attribute && value)
		changes_add(&changes, CHANGE_REPLACE, attribute, value);
	else if (attribute)
		changes_clear(&changes, CHANGE_REPLACE, attribute);
	r = directory_modify(diagnosis->call->worker->directory, dn, &changes, NULL);
	return r;
}

static bool check_attributes(Diagnosis *diagnosis)
{
	static const char *const names[] = {
		NULL,
		"pwresetQuestions",
		"pwresetSavedCode",
		"pwresetMail",
		"pwresetMailState",
		"pwresetPin",
		"pwresetHistory",
		"pwresetEvent",
	};
	const char *dn = diagnosis->sample.dn;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[i] ? names[i] : "pwresetToken";
		int r = try_modify(diagnosis, dn, names[i], NULL);

		if (r == DIRECTORY_E_UNDEFINED_TYPE) {
			finding(diagnosis, SEVERITY_ERROR, "schema",
				"The directory does not know our attributes.", name, REMEDY_SCHEMA);
			return false;
		}
		if (r == DIRECTORY_E_ACCESS) {
			finding(diagnosis, SEVERITY_ERROR, "acl",
				"The service may not write our attributes.", name, REMEDY_ACL);
			return false;
		}
		if (r != DIRECTORY_E_NO_SUCH_ATTRIBUTE) {
			finding(diagnosis, SEVERITY_ERROR, "write",
				"The directory refuses to write.",
				directory_error(diagnosis->call->worker->directory), NULL);
			return false;
		}
	}
	finding(diagnosis, SEVERITY_OK, "schema", "Our attributes are known and can be written.",
		dn, NULL);
	return true;
}

static void check_class(Diagnosis *diagnosis)
{
	AUTO_CHANGES Changes changes = { 0 };
	int r;

	if (account_has_class(&diagnosis->sample, "pwresetAccount"))
		return;
	changes_add(&changes, CHANGE_DELETE, "pwresetToken", NO_SUCH_VALUE);
	changes_add(&changes, CHANGE_ADD, "objectClass", "pwresetAccount");
	r = directory_modify(diagnosis->call->worker->directory, diagnosis->sample.dn, &changes,
			     NULL);
	if (r != DIRECTORY_E_NO_SUCH_ATTRIBUTE)
		finding(diagnosis, SEVERITY_ERROR, "acl-class",
			"The service may not add the object class pwresetAccount to a person.",
			directory_error(diagnosis->call->worker->directory), REMEDY_ACL);
}

static void check_password_write(Diagnosis *diagnosis)
{
	const Config *config = diagnosis->call->worker->config;
	AUTO_SECRET Secret password = SECRET_NULL, hash = SECRET_NULL;
	uint8_t random[24];
	char text[40];
	int r;

	randombytes_buf(random, sizeof(random));
	base64url_encode(random, sizeof(random), text, sizeof(text));
	if (secret_set(&password, text, strlen(text)) < 0 ||
	    hash_make(config, &password, &hash) < 0)
		return;
	r = try_modify(diagnosis, diagnosis->sample.dn, "userPassword", hash.bytes);
	/* pwdSafeModify says 50, like a missing right, but the policy control tells them apart. */
	if (r == DIRECTORY_E_ACCESS &&
	    directory_policy(diagnosis->call->worker->directory) != DIRECTORY_POLICY_NONE)
		r = DIRECTORY_E_CONSTRAINT;
	switch (r) {
	case DIRECTORY_E_NO_SUCH_ATTRIBUTE:
		finding(diagnosis, SEVERITY_OK, "password-write",
			"The service may write passwords of ordinary people.", diagnosis->sample.dn,
			NULL);
		break;
	case DIRECTORY_E_CONSTRAINT:
		finding(diagnosis, SEVERITY_ERROR, "password-policy-overlay",
			"The policy overlay refuses a hashed password from this writer "
			"(pwdCheckQuality 2, pwdSafeModify or "
			"pwdMinAge).",
			directory_error(diagnosis->call->worker->directory),
			directory_server(diagnosis->call->worker->directory)->is_389ds
				? "set nsslapd-allow-hashed-passwords: on in cn=config, or use "
				  "[directory] hash=server"
				: "grant the service '=mz' on userPassword: " REMEDY_ACL);
		break;
	default:
		finding(diagnosis, SEVERITY_ERROR, "password-write",
			"The service may not write passwords.",
			directory_error(diagnosis->call->worker->directory), REMEDY_ACL);
	}
	if (config->directory.hash != CONFIG_HASH_ARGON2ID)
		return;
	r = try_modify(diagnosis, diagnosis->sample.dn, "userPassword", text);
	if (r == DIRECTORY_E_NO_SUCH_ATTRIBUTE)
		finding(diagnosis, SEVERITY_WARNING, "password-any-form",
			"The service may write passwords in any form, not only {ARGON2}: more than "
			"it needs.",
			diagnosis->sample.dn, REMEDY_ACL);
}

static void check_password_read(Diagnosis *diagnosis)
{
	static const char *const attributes[] = { "userPassword", NULL };
	CLEANUP(entry_freep) Entry *entry = NULL;
	int r = directory_read(diagnosis->call->worker->directory, diagnosis->sample.dn,
			       "(userPassword=*)", attributes, &entry);

	if (r == 0)
		finding(diagnosis, SEVERITY_ERROR, "password-read",
			"The service can read or search stored passwords, which it never needs.",
			diagnosis->sample.dn, REMEDY_ACL);
	else
		finding(diagnosis, SEVERITY_OK, "password-read",
			"The service cannot read stored passwords.", NULL, NULL);
}

/* What a redemption or a temporary password writes beside the password. */
static void check_marks(Diagnosis *diagnosis)
{
	const DirectoryServer *server = directory_server(diagnosis->call->worker->directory);
	const bool ppolicy = server->ppolicy && !server->is_389ds;
	const bool shadow = account_has_class(&diagnosis->sample, "shadowAccount");
	const struct {
		const char *name;
		bool needed;
	} marks[] = {
		{ "pwdReset", ppolicy },
		{ "pwdEndTime", ppolicy },
		{ "shadowLastChange", shadow },
		{ "shadowExpire", shadow },
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (marks[i].needed && try_modify(diagnosis, diagnosis->sample.dn, marks[i].name,
						  NULL) == DIRECTORY_E_ACCESS) {
			finding(diagnosis, SEVERITY_ERROR, "acl-marks",
				"The service may not write what goes with a new password: redemptions or "
				"temporary passwords fail.",
				marks[i].name,
				i < 2 ? "install the access rules: 'pwresetctl schema --acl --ppolicy' "
					"prints them for this directory"
				      : REMEDY_ACL);
			return;
		}
}

/* Of a person's own attributes those that open other doors: who has them is somebody else. */
static void check_other_attributes(Diagnosis *diagnosis)
{
	const char *const attributes[] = {
		"uidNumber", "gidNumber", "homeDirectory",
		diagnosis->call->worker->config->directory.mail_attribute
	};

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (try_modify(diagnosis, diagnosis->sample.dn, attributes[i], NULL) ==
		    DIRECTORY_E_NO_SUCH_ATTRIBUTE) {
			finding(diagnosis, SEVERITY_WARNING, "acl-wide",
				"The service may write attributes of a person that it never needs.",
				attributes[i], REMEDY_ACL);
			return;
		}
}

/* First what opens an account as it stands, then what can be guessed at. */
bool diagnose_exposed(Diagnosis *diagnosis, const char *who, const Secret *password)
{
	static const char *const attributes[] = {
		"userPassword", "pwresetToken",   "pwresetSavedCode", "pwresetQuestions",
		"pwresetPin",   "pwresetHistory", "pwresetMail",
	};

	size_t i = 0;

	while (i < ARRAY_SIZE(attributes) &&
	       directory_may_compare(diagnosis->call->worker->directory, who, password,
				     diagnosis->sample.dn, attributes[i]) != 1)
		i++;
	if (i == ARRAY_SIZE(attributes))
		return false;
	if (who)
		finding(diagnosis, SEVERITY_ERROR, "acl-exposed",
			"Anybody who is logged in to the directory can look at what keeps other people's "
			"accounts shut.",
			attributes[i], REMEDY_ACL);
	else
		finding(diagnosis, SEVERITY_ERROR, "acl-exposed",
			"Anybody, without logging in to the directory, can look at what keeps people's "
			"accounts shut.",
			attributes[i], REMEDY_ACL);
	return true;
}

/* Whether the directory would let us write that entry's password. */
static bool password_writable(Diagnosis *diagnosis, const char *dn)
{
	int r = try_modify(diagnosis, dn, "userPassword",
			   "{ARGON2}$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA");

	return r == DIRECTORY_E_NO_SUCH_ATTRIBUTE || r == DIRECTORY_E_CONSTRAINT;
}

static void check_system(Diagnosis *diagnosis)
{
	const Config *config = diagnosis->call->worker->config;
	char filter[64];
	AUTO_ENTRY_LIST EntryList list = { 0 };
	DirectoryQuery query = {
		.base = config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.filter = filter,
		.limit = 1,
	};
	int r;

	if (config->directory.privileged_below == 0)
		return;
	snprintf(filter, sizeof(filter), "(&(objectClass=posixAccount)(uidNumber<=%u))",
		 config->directory.privileged_below - 1);
	r = directory_search(diagnosis->call->worker->directory, &query, &list);
	if ((r != 0 && r != DIRECTORY_E_SIZE_LIMIT) || list.n == 0)
		return;
	if (password_writable(diagnosis, list.entries[0]->dn))
		finding(diagnosis, SEVERITY_WARNING, "acl-privileged",
			"The directory would let the service write the password of a privileged "
			"account; only pwreset's own check prevents it.",
			list.entries[0]->dn, REMEDY_ACL);
	else
		finding(diagnosis, SEVERITY_OK, "acl-privileged",
			"The directory itself keeps the service from privileged accounts.",
			list.entries[0]->dn, NULL);
}

/*
 * The name of a member of one of the groups that privileged-groups= names; false when there is none
 * to be seen.
 */
static bool find_member(Diagnosis *diagnosis, char *ret, size_t size)
{
	static const char *const attributes[] = { "cn", "member", "uniqueMember", NULL };
	const Config *config = diagnosis->call->worker->config;
	AUTO_ENTRY_LIST EntryList list = { 0 };
	const DirectoryQuery query = {
		.base = *config->directory.group_base ? config->directory.group_base
						      : config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.filter = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
		.attributes = attributes,
		.limit = GROUPS_LOOKED_AT,
	};
	int r = directory_search(diagnosis->call->worker->directory, &query, &list);

	for (size_t i = 0; (r == 0 || r == DIRECTORY_E_SIZE_LIMIT) && i < list.n; i++) {
		const char *name = entry_text(list.entries[i], "cn");
		const char *member = entry_text(list.entries[i], "member");

		if (!member)
			member = entry_text(list.entries[i], "uniqueMember");
		if (!name || !member || strlen(member) >= size ||
		    !names_contain(config->directory.privileged_groups, name))
			continue;
		snprintf(ret, size, "%s", member);
		return true;
	}
	return false;
}

/*
 * 389's rules know a person's groups by memberOf alone, which a plugin writes where it is enabled.
 */
static void check_privileged_group(Diagnosis *diagnosis)
{
	char member[512];

	if (!find_member(diagnosis, member, sizeof(member)) ||
	    !password_writable(diagnosis, member))
		return;
	finding(diagnosis, SEVERITY_WARNING, "acl-privileged-group",
		"The directory would let the service write the password of a member of a group of "
		"privileged-groups=; only pwreset's own check prevents it.",
		member,
		directory_server(diagnosis->call->worker->directory)->is_389ds
			? "the shipped rules need memberOf: 'dsconf INSTANCE plugin memberof "
			  "enable', "
			  "restart, 'dsconf INSTANCE plugin memberof fixup SUFFIX'"
			: REMEDY_ACL);
}

void diagnose_access(Diagnosis *diagnosis)
{
	diagnosis->exposed = diagnose_exposed(diagnosis, NULL, NULL);
	if (!check_attributes(diagnosis))
		return;
	check_class(diagnosis);
	check_password_write(diagnosis);
	check_password_read(diagnosis);
	check_marks(diagnosis);
	check_other_attributes(diagnosis);
	check_system(diagnosis);
	check_privileged_group(diagnosis);
}
