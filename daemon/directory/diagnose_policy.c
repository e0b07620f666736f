/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directory's own password policy: what of it meets ours. */
#include "diagnose.h"

#include <string.h>

#define POLICIES_MAX 16U
#define FAILURES_FEW 3
#define LDIF_MAX 1400

/* The change as LDIF, for whoever may write policies. The worker does not know who that is. */
static const char *policy_ldif(const Entry *policy, const char *line, char *ret, size_t size)
{
	const char *end = strchr(line, ':');

	snprintf(ret, size, "ldapmodify:\ndn: %s\nchangetype: modify\nreplace: %.*s\n%s",
		 policy->dn, (int)(end - line), line, line);
	return ret;
}

static void check_one(Diagnosis *diagnosis, const Entry *policy)
{
	const Config *config = diagnosis->call->worker->config;
	bool hashed = config->directory.hash != CONFIG_HASH_SERVER;
	char ldif[LDIF_MAX];
	int64_t value;

	if (hashed && entry_integer(policy, "pwdInHistory", &value) && value > 0)
		finding(diagnosis, SEVERITY_NOTICE, "ppolicy-history",
			"pwdInHistory cannot compare hashed passwords; pwreset keeps its own "
			"history of those set here.",
			policy->dn, NULL);
	if (hashed && entry_integer(policy, "pwdCheckQuality", &value) && value == 2)
		finding(diagnosis, SEVERITY_NOTICE, "ppolicy-quality",
			"pwdCheckQuality 2 lets only writers with 'manage' on userPassword set a "
			"hash; the shipped access "
			"rules grant it to the service alone.",
			policy->dn, NULL);
	if (!entry_flag(policy, "pwdMustChange"))
		finding(diagnosis, SEVERITY_NOTICE, "ppolicy-must-change",
			"Without pwdMustChange the directory makes nobody change a temporary password: "
			"only logins that look at shadowLastChange do.",
			policy->dn, policy_ldif(policy, "pwdMustChange: TRUE", ldif, sizeof(ldif)));
	if (entry_integer(policy, "pwdMaxFailure", &value) && value > 0 && value <= FAILURES_FEW)
		finding(diagnosis, SEVERITY_WARNING, "ppolicy-lockout",
			"So few failures lock an account that one's own typing errors do, and "
			"strangers can lock anybody.",
			policy->dn, policy_ldif(policy, "pwdMaxFailure: 10", ldif, sizeof(ldif)));
	if (entry_flag(policy, "pwdLockout") &&
	    (!entry_integer(policy, "pwdFailureCountInterval", &value) || value == 0))
		finding(diagnosis, SEVERITY_NOTICE, "ppolicy-interval",
			"Failures are never forgotten without a login: checks of the current "
			"password stop before the "
			"limit and stay stopped until then.",
			policy->dn,
			policy_ldif(policy, "pwdFailureCountInterval: 300", ldif, sizeof(ldif)));
}

/*
 * A modify of userPassword is hashed by nobody but the overlay, if it is told to. 389 hashes by
 * itself. What the canary has shown (diagnose_canary.c) is known; without one it cannot be.
 */
static void check_server_hashes(Diagnosis *diagnosis, const DirectoryServer *server)
{
	if (diagnosis->call->worker->config->directory.hash != CONFIG_HASH_SERVER ||
	    server->is_389ds || diagnosis->hashing_seen)
		return;
	if (server->ppolicy)
		finding(diagnosis, SEVERITY_WARNING, "server-hashing",
			"With hash=server the directory has to hash what is written; whether it "
			"does can "
			"be seen only where there is an entry to try it on.",
			NULL,
			"[directory] decoy-dn= with the name of an entry that nobody uses; slapd "
			"hashes by "
			"ppolicy_hash_cleartext (olcPPolicyHashCleartext: TRUE)");
	else
		finding(diagnosis, SEVERITY_ERROR, "server-hashing",
			"hash=server, but the directory has no overlay that would hash: passwords "
			"would be "
			"stored as they are.",
			NULL,
			"slapd: load ppolicy with ppolicy_hash_cleartext, or [directory] "
			"hash=argon2id");
}

void diagnose_policy(Diagnosis *diagnosis)
{
	static const char *const attributes[] = {
		"pwdCheckQuality",
		"pwdInHistory",
		"pwdMaxFailure",
		"pwdLockout",
		"pwdFailureCountInterval",
		"pwdMustChange",
		NULL,
	};
	Call *call = diagnosis->call;
	AUTO_ENTRY_LIST EntryList list = { 0 };
	const DirectoryQuery query = {
		.base = directory_server(call->worker->directory)->suffix,
		.scope = DIRECTORY_SUBTREE,
		.filter = "(objectClass=pwdPolicy)",
		.attributes = attributes,
		.limit = POLICIES_MAX,
	};
	int r = directory_search(call->worker->directory, &query, &list);

	check_server_hashes(diagnosis, directory_server(call->worker->directory));
	if (!directory_server(call->worker->directory)->ppolicy) {
		finding(diagnosis, SEVERITY_NOTICE, "no-ppolicy",
			"The directory has no password policy overlay: failed logins lock nobody, "
			"and a temporary password "
			"needs shadow attributes.",
			NULL, NULL);
		return;
	}
	for (size_t i = 0; (r == 0 || r == DIRECTORY_E_SIZE_LIMIT) && i < list.n; i++)
		check_one(diagnosis, list.entries[i]);
	if (list.n == 0)
		finding(diagnosis, SEVERITY_WARNING, "ppolicy-unreadable",
			"No policy entry can be read, so pwreset assumes a lock after three "
			"failures.",
			NULL, "let the service read the pwdPolicy entries");
}
