/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What kind of server answered, how the way to it is protected, and whether the replicas can be
 * asked.
 */
#include "diagnose.h"

#include <string.h>
#include <strings.h>

#define REPLICAS_MAX 16U

static void check_way(Diagnosis *diagnosis, const DirectoryServer *server)
{
	const Config *config = diagnosis->call->worker->config;

	if (server->encrypted)
		finding(diagnosis, SEVERITY_OK, "transport",
			"The connection to the directory is protected.", server->uri, NULL);
	else
		finding(diagnosis, SEVERITY_ERROR, "transport",
			"The connection to the directory is neither encrypted nor local: tokens, "
			"verifiers and the "
			"service's own password can be read on the way.",
			server->uri, "[directory] start-tls=yes, or an ldaps:// or ldapi:// URI");
	if (strchr(config->directory.uri, ' ') && strcasestr(config->directory.uri, "ldapi:"))
		finding(diagnosis, SEVERITY_WARNING, "uri-order",
			"With several directory servers each pwresetd must write to the same one; "
			"an ldapi:// URI is a "
			"different server on each host.",
			config->directory.uri,
			"the same ordered list of ldaps:// or ldap:// URIs on every host");
}

static void check_replicas(Diagnosis *diagnosis)
{
	Call *call = diagnosis->call;
	AUTO_FREE char *uris = strdup(call->worker->config->directory.read_uri);
	char *state = NULL, *uri = uris ? strtok_r(uris, " \t", &state) : NULL;

	for (unsigned i = 0; uri && i < REPLICAS_MAX; i++, uri = strtok_r(NULL, " \t", &state)) {
		CLEANUP(directory_freep) Directory *replica = NULL;

		if (directory_new(&replica, call->worker->config, uri,
				  &call->worker->ldap_password) < 0)
			return;
		directory_set_deadline(replica, (int64_t)monotonic_ms() + 2000);
		if (directory_connect(replica) == 0)
			finding(diagnosis, SEVERITY_OK, "replica",
				"A replica that logins ask can be read.", uri, NULL);
		else
			finding(diagnosis, SEVERITY_WARNING, "replica",
				"A replica of read-uri= cannot be asked, so a login right after a "
				"change may meet the old "
				"password there.",
				directory_error(replica),
				"mend the server, or take it out of [directory] read-uri=");
	}
}

void diagnose_server(Diagnosis *diagnosis)
{
	const DirectoryServer *server = directory_server(diagnosis->call->worker->directory);

	finding(diagnosis, SEVERITY_OK, "server", "The directory answers.",
		*server->vendor
			? server->vendor
			: "a server that does not tell its maker (OpenLDAP's slapd does not)",
		NULL);
	check_way(diagnosis, server);
	if (!server->assertion)
		finding(diagnosis, SEVERITY_NOTICE, "no-assertion",
			"The server has no assertion control (RFC 4528): an administrator's lock "
			"set in the same moment as "
			"a redemption could be lifted by it.",
			NULL, NULL);
	check_replicas(diagnosis);
}
