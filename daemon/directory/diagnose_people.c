/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether people can be found, and what their entries tell. */
#include "diagnose.h"

#include <string.h>

#include "address.h"

#define LOOK_MAX 20U
#define LIMITS_USUAL 5000U

static int find_names(Call *call, EntryList *ret)
{
	const Config *config = call->worker->config;
	const char *const attributes[] = { config->directory.name_attribute, "userPassword", NULL };
	const DirectoryQuery query = {
		.base = config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.filter = config->directory.people_filter,
		.attributes = attributes,
		.limit = LOOK_MAX,
	};
	int r = directory_search(call->worker->directory, &query, ret);

	return r == DIRECTORY_E_SIZE_LIMIT ? 0 : r;
}

/* The first ordinary person, for the checks that follow. */
static void choose_sample(Diagnosis *diagnosis, const EntryList *list)
{
	const char *attribute = diagnosis->call->worker->config->directory.name_attribute;

	for (size_t i = 0; i < list->n; i++) {
		const char *name = entry_text(list->entries[i], attribute);
		Account account = ACCOUNT_NULL;

		if (name && account_find(diagnosis->call, name, &account) == 0 &&
		    account.privileged == 0 && account_may_recover(&account, false)) {
			diagnosis->sample = account;
			return;
		}
		account_deinit(&account);
	}
}

static void check_sample(Diagnosis *diagnosis)
{
	const Account *sample = &diagnosis->sample;
	const Entry *entry = sample->entry;
	Addresses addresses;

	if (entry_has(entry, "pwdChangedTime") || entry_has(entry, "pwdUpdateTime") ||
	    entry_has(entry, "shadowLastChange"))
		finding(diagnosis, SEVERITY_OK, "change-visible",
			"A password change by other tools can be seen.", sample->dn, NULL);
	else
		finding(diagnosis, SEVERITY_WARNING, "change-visible",
			"Neither pwdChangedTime nor shadowLastChange can be read: a link stays "
			"good after another tool "
			"has changed the password.",
			sample->dn,
			"load the ppolicy overlay (389: passwordTrackUpdateTime: on), or let the "
			"service read these "
			"attributes");
	if (!entry_has(entry, "entryUUID"))
		finding(diagnosis, SEVERITY_NOTICE, "no-uuid",
			"The server shows no entryUUID: links carry the user name instead, and a "
			"renamed person's links "
			"die.",
			sample->dn,
			"on 389 Directory Server: dsconf INSTANCE plugin entryuuid enable, and "
			"fixup");
	addresses_read(sample, diagnosis->call->worker->config, &addresses);
	if (addresses.n == 0)
		finding(diagnosis, SEVERITY_NOTICE, "no-address",
			"A person has no address that mail could go to.", sample->dn,
			"check [directory] mail-attribute= and that the service may read it");
}

static void check_foreign(Diagnosis *diagnosis)
{
	static const char filter[] = "(|(objectClass=krbPrincipalAux)(objectClass=krbPrincipal)("
				     "objectClass=krb5KDCEntry)"
				     "(objectClass=sambaSamAccount)(objectClass=ipaNTUserAttrs))";
	Call *call = diagnosis->call;
	AUTO_ENTRY_LIST EntryList list = { 0 };
	const DirectoryQuery query = { .base = call->worker->config->directory.base,
				       .scope = DIRECTORY_SUBTREE,
				       .filter = filter,
				       .limit = 1 };
	int r = directory_search(call->worker->directory, &query, &list);

	if ((r == 0 || r == DIRECTORY_E_SIZE_LIMIT) && list.n > 0)
		finding(diagnosis, SEVERITY_ERROR, "foreign-keys",
			"Entries keep Kerberos or Samba keys besides userPassword (MIT Kerberos, "
			"FreeIPA, smbk5pwd): a "
			"password set here would leave those old. Such accounts are refused.",
			list.entries[0]->dn,
			"let these people change their passwords by kpasswd or FreeIPA's own "
			"tools");
}

/* Looked at in the first entries alone: no filter finds values that the service may not search. */
static void check_delegated(Diagnosis *diagnosis, const EntryList *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (entry_has(list->entries[i], "userPassword")) {
			finding(diagnosis, SEVERITY_ERROR, "delegated-passwords",
				"Passwords are checked elsewhere ({SASL}: Kerberos, another "
				"directory); one "
				"set here would open this directory alone. Such accounts are "
				"refused.",
				list->entries[i]->dn,
				"let these people change their passwords there, by kpasswd for "
				"example");
			return;
		}
}

static void check_groups(Diagnosis *diagnosis)
{
	const Config *config = diagnosis->call->worker->config;
	AUTO_ENTRY_LIST EntryList list = { 0 };
	const DirectoryQuery query = {
		.base = *config->directory.group_base ? config->directory.group_base
						      : config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.filter = "(|(objectClass=posixGroup)(objectClass=groupOfNames)(objectClass="
			  "groupOfUniqueNames)"
			  "(objectClass=group))",
		.limit = 1,
	};
	int r = directory_search(diagnosis->call->worker->directory, &query, &list);

	if (r != 0 && r != DIRECTORY_E_SIZE_LIMIT)
		finding(diagnosis, SEVERITY_ERROR, "groups",
			"Groups cannot be searched, so nobody's privileges can be told and every "
			"call fails.",
			directory_error(diagnosis->call->worker->directory),
			"[directory] group-base= with an entry that exists and that the service "
			"may search");
	else if (list.n == 0)
		finding(diagnosis, SEVERITY_NOTICE, "groups",
			"No group can be seen below group-base=: members of groups of the "
			"directory are privileged only "
			"if this host's name service knows the group.",
			query.base,
			"let the service read cn, member, uniqueMember and memberUid of groups");
}

static int count_some(const Entry *entry UNUSED, void *userdata)
{
	size_t *n = userdata;

	return ++*n > LIMITS_USUAL ? -ECANCELED : 0;
}

/*
 * Searches over all people, as find and remind-expiry make them: slapd ends them at 500, 389 at
 * 2000, unless told otherwise.
 */
static void check_size_limit(Diagnosis *diagnosis)
{
	static const char *const attributes[] = { "1.1", NULL };
	const Config *config = diagnosis->call->worker->config;
	const DirectoryQuery query = {
		.base = config->directory.base,
		.scope = DIRECTORY_SUBTREE,
		.filter = config->directory.people_filter,
		.attributes = attributes,
	};
	char seen[64];
	size_t n = 0;

	if (directory_each(diagnosis->call->worker->directory, &query, count_some, &n) !=
	    DIRECTORY_E_SIZE_LIMIT)
		return;
	snprintf(seen, sizeof(seen), "%zu", n);
	finding(diagnosis, SEVERITY_WARNING, "size-limit",
		"The directory's size limit ends searches over all people before they are complete: find, send-link "
		"--filter= and remind-expiry are refused.",
		seen,
		"slapd: the line 'limits' that 'pwresetctl schema --acl' prints; 389: nsSizeLimit: -1 and "
		"nsLookThroughLimit: -1 in the service's entry");
}

void diagnose_people(Diagnosis *diagnosis)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };
	const Config *config = diagnosis->call->worker->config;
	int r = find_names(diagnosis->call, &list);

	if (r < 0) {
		/* A connection that was kept may have died since. */
		finding(diagnosis, SEVERITY_ERROR, "directory-unreachable",
			"The directory cannot be used.",
			directory_error(diagnosis->call->worker->directory),
			"check [directory] uri=, tls-ca-file= and that the server runs");
		return;
	}
	if (r != 0 || list.n == 0) {
		finding(diagnosis, SEVERITY_ERROR, "nobody-found", "Nobody is found below base=.",
			r != 0 ? directory_error(diagnosis->call->worker->directory)
			       : config->directory.base,
			"check [directory] base=, people-filter= and that the service may search "
			"there");
		return;
	}
	check_size_limit(diagnosis);
	check_groups(diagnosis);
	check_delegated(diagnosis, &list);
	check_foreign(diagnosis);
	choose_sample(diagnosis, &list);
	if (!diagnosis->sample.entry) {
		finding(diagnosis, SEVERITY_WARNING, "nobody-ordinary",
			"The first people found are all privileged or inactive, so nothing could "
			"be tried for real.",
			list.entries[0]->dn, NULL);
		return;
	}
	finding(diagnosis, SEVERITY_OK, "people", "People are found.", diagnosis->sample.dn, NULL);
	check_sample(diagnosis);
}
