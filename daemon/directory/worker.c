/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Putting a worker together; whatever is missing is said with its file and the remedy, and nothing
 * is served.
 */
#include "names.h"

#include <limits.h>
#include <string.h>

#include "version.h"

Worker *worker_free(Worker *worker)
{
	if (!worker)
		return NULL;
	directory_free(worker->directory);
	host_groups_free(worker->host_groups);
	roll_free(worker->roll);
	policy_free(worker->policy);
	config_free(worker->config);
	pepper_wipe(&worker->pepper);
	secret_wipe(&worker->ldap_password);
	free(worker->root);
	free(worker);
	return NULL;
}

static void complain(const char *file, const char *message)
{
	config_complain_stderr(&(IniPlace){ .file = file }, message, NULL);
}

static size_t words_split(char *text, const char **ret, size_t max)
{
	char *state = NULL;
	size_t n = 0;

	for (char *word = strtok_r(text, " \t,", &state); word && n < max;
	     word = strtok_r(NULL, " \t,", &state))
		ret[n++] = word;
	return n;
}

static int open_policy(Worker *worker, const char *root)
{
	const char *words[POLICY_SITE_WORDS_MAX];
	char blocklist[PATH_MAX], site_blocklist[PATH_MAX], dictionary[PATH_MAX];
	const Config *config = worker->config;
	AUTO_FREE char *text = strdup(config->policy.site_words);
	PolicyConfig policy = {
		.blocklist_path = blocklist,
		.words_path = dictionary,
		.site_blocklist_path = *config->policy.site_blocklist ? site_blocklist : NULL,
		.site_words = words,
		.min_length = config->policy.min_length,
		.min_bits = config->policy.min_bits,
	};
	const char *path;
	int r;

	if (!text)
		return -ENOMEM;
	snprintf(blocklist, sizeof(blocklist), "%s%s", root,
		 *config->policy.blocklist ? config->policy.blocklist
					   : PWRESET_DATADIR "/" POLICY_BLOCKLIST_NAME);
	snprintf(site_blocklist, sizeof(site_blocklist), "%s%s", root,
		 config->policy.site_blocklist);
	snprintf(dictionary, sizeof(dictionary), "%s" PWRESET_DATADIR "/" POLICY_WORDS_NAME, root);
	policy.n_site_words = words_split(text, words, ARRAY_SIZE(words));
	r = policy_open(&worker->policy, &policy);
	if (r == 0)
		return 0;
	path = policy_open_failed_path(&policy);
	if (r == POLICY_E_CONFIG)
		complain("pwreset.conf",
			 "[policy] min-length= must be 1 to 64 and min-bits= 20 to 100");
	else
		complain(path ? path : "[policy]",
			 r < 0 ? "the list cannot be read; without it weak passwords would pass: "
				 "install pwreset's data "
				 "files, or name the file in [policy] blocklist="
			       : "this is not a list of pwreset, or it is damaged; make it anew "
				 "with 'pwresetctl "
				 "blocklist build' or install the package again");
	return r < 0 ? r : -EBADMSG;
}

static int read_ldap_password(Worker *worker)
{
	size_t len = 0;
	int r;

	if (worker->config->directory.bind != CONFIG_BIND_SIMPLE)
		return 0;
	r = credential_read("ldap-password", worker->ldap_password.bytes, SECRET_MAX, &len,
			    config_complain_stderr, NULL);
	if (r == -ENOENT)
		complain("credential ldap-password",
			 "[directory] bind=simple needs it: put the password of bind-dn= in "
			 "/etc/pwreset/credentials/ldap-password, mode 0600");
	if (r < 0)
		return r;
	worker->ldap_password.len = len;
	worker->ldap_password.bytes[len] = '\0';
	return len > 0 ? 0 : -EBADMSG;
}

const char *worker_server_unfit(const Worker *worker)
{
	const DirectoryServer *server = directory_server(worker->directory);
	ConfigHash hash = worker->config->directory.hash;

	if (server->is_active_directory)
		return "this is Active Directory (Microsoft's or Samba's), which keeps passwords "
		       "in "
		       "unicodePwd: pwreset does not write that, and an entry's userPassword opens "
		       "nothing there";
	if (server->is_freeipa)
		return "this is FreeIPA, which keeps Kerberos keys beside each userPassword and "
		       "takes "
		       "every password that somebody else sets as expired: use its own "
		       "self-service";
	if (server->is_389ds && hash == CONFIG_HASH_ARGON2ID)
		return "[directory] hash=argon2id locks people out of 389 Directory Server, which "
		       "takes the value for a cleartext password: use hash=server or hash=yescrypt";
	if (hash == CONFIG_HASH_SERVER && !server->encrypted)
		return "[directory] hash=server sends passwords as they are: use ldapi://, "
		       "ldaps:// or "
		       "start-tls=yes";
	return NULL;
}

int worker_check_server(const Worker *worker)
{
	const char *unfit = worker_server_unfit(worker);

	if (!unfit)
		return 0;
	complain("pwreset.conf", unfit);
	return -EOPNOTSUPP;
}

int worker_new(Worker **ret, const char *root)
{
	CLEANUP(worker_freep) Worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->root = strdup(root);
	if (!worker->root)
		return -ENOMEM;
	r = config_load(&worker->config, root, config_complain_stderr, NULL);
	if (r == 0)
		r = pepper_load(&worker->pepper, config_complain_stderr, NULL);
	if (r == 0)
		r = read_ldap_password(worker);
	if (r == 0)
		r = open_policy(worker, root);
	if (r == 0)
		r = directory_new(&worker->directory, worker->config, worker->config->directory.uri,
				  &worker->ldap_password);
	if (r < 0)
		return r;
	*ret = STEAL(worker);
	return 0;
}
