/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connecting to the directory: the first server of the list that answers, TLS verified before
 * anything is said, and every step bounded. libldap reads no file and no variable of the user's:
 * main() sets LDAPNOINIT.
 */
#include "ldap_private.h"

#include <poll.h>
#include <string.h>
#include <strings.h>

#define URIS_MAX 16U           /* servers tried */
#define CONNECT_ROUNDS_MAX 64U /* wake-ups while one connection is being made */
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define ASSERTION_OID "1.3.6.1.1.12"
#define ACTIVE_DIRECTORY_OID "1.2.840.113556.1.4.800"
#define PPOLICY_OID "1.3.6.1.4.1.42.2.27.8.5.1"

int directory_new(Directory **ret, const Config *config, const char *uris, const Secret *password)
{
	CLEANUP(directory_freep) Directory *directory = calloc(1, sizeof(*directory));

	if (!directory)
		return -ENOMEM;
	directory->config = config;
	directory->deadline = INT64_MAX;
	directory->policy = DIRECTORY_POLICY_NONE;
	if (password)
		directory->password = *password;
	directory->uris = strdup(uris);
	if (!directory->uris)
		return -ENOMEM;
	*ret = STEAL(directory);
	return 0;
}

Directory *directory_free(Directory *directory)
{
	if (!directory)
		return NULL;
	directory_disconnect(directory);
	secret_wipe(&directory->password);
	free(directory->uris);
	free(directory);
	return NULL;
}

void directory_set_deadline(Directory *directory, int64_t deadline)
{
	directory->deadline = deadline;
}

int64_t directory_time_left(const Directory *directory)
{
	return directory->deadline == INT64_MAX ? INT64_MAX
						: directory->deadline - (int64_t)monotonic_ms();
}

int directory_operation_time(const Directory *directory)
{
	int64_t own = (int64_t)directory->config->directory.timeout * 1000;
	int64_t left = directory_time_left(directory);

	if (left <= 0)
		return -ETIMEDOUT;
	return (int)(left < own ? left : own);
}

const char *directory_error(const Directory *directory)
{
	return directory->error;
}

const DirectoryServer *directory_server(const Directory *directory)
{
	return &directory->server;
}

DirectoryPolicy directory_policy(const Directory *directory)
{
	return directory->policy;
}

void ldap_handle_close(LDAP **ld)
{
	if (*ld)
		ldap_unbind_ext(*ld, NULL, NULL);
	*ld = NULL;
}

void directory_disconnect(Directory *directory)
{
	ldap_handle_close(&directory->ld);
}

int directory_arm(Directory *directory, LDAP *ld)
{
	int ms = directory_operation_time(directory);
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	if (ms < 0)
		return ms;
	/* libldap takes a time of zero for "no limit". */
	if (time.tv_sec == 0 && time.tv_usec == 0)
		time.tv_usec = 1000;
	if (ldap_set_option(ld, LDAP_OPT_TIMEOUT, &time) != LDAP_OPT_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &time) != LDAP_OPT_SUCCESS)
		return -EIO;
	return 0;
}

static int errno_from_api(int rc)
{
	switch (rc) {
	case LDAP_TIMEOUT:
	case LDAP_X_CONNECTING:
		return -ETIMEDOUT;
	case LDAP_NO_MEMORY:
		return -ENOMEM;
	case LDAP_FILTER_ERROR:
	case LDAP_PARAM_ERROR:
		return -EINVAL;
	default: /* LDAP_SERVER_DOWN, LDAP_CONNECT_ERROR, LDAP_DECODING_ERROR … */
		return -ECONNRESET;
	}
}

int directory_result(Directory *directory, LDAP *ld, int rc, const char *what)
{
	char *diagnostic = NULL;

	if (rc == LDAP_SUCCESS)
		return 0;
	if (ld)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diagnostic);
	snprintf(directory->error, sizeof(directory->error), "%s: %s%s%.200s", what,
		 ldap_err2string(rc), diagnostic && *diagnostic ? ": " : "",
		 diagnostic ? diagnostic : "");
	ldap_memfree(diagnostic);
	return rc > 0 ? rc : errno_from_api(rc);
}

static int set_tls(LDAP *ld, const Config *config)
{
	const char *ca =
		*config->directory.tls_ca_file ? config->directory.tls_ca_file : SYSTEM_CA_FILE;
	int demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
	int minimum = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;

	if (ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca) != LDAP_OPT_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) != LDAP_OPT_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &minimum) != LDAP_OPT_SUCCESS)
		return -EIO;
	/* Last, or what was set above is not used. */
	if (ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) != LDAP_OPT_SUCCESS)
		return -EIO;
	return 0;
}

static int set_options(Directory *directory, LDAP *ld)
{
	int version = LDAP_VERSION3;

	/* CONNECT_ASYNC: without it the handshake of TLS obeys no time-out. */
	if (ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_ON) != LDAP_OPT_SUCCESS)
		return -EIO;
	return directory_arm(directory, ld);
}

/* Waits until a connection under way can be written to, or has failed. */
static int wait_connected(Directory *directory, LDAP *ld)
{
	struct pollfd pollfd = { .fd = -1, .events = POLLOUT };
	int ms = directory_operation_time(directory);

	if (ms < 0)
		return ms;
	if (ldap_get_option(ld, LDAP_OPT_DESC, &pollfd.fd) != LDAP_OPT_SUCCESS || pollfd.fd < 0)
		return -ECONNREFUSED;
	switch (poll(&pollfd, 1, ms)) {
	case 0:
		return -ETIMEDOUT;
	case -1:
		return errno == EINTR ? 0 : -errno;
	default:
		return 0;
	}
}

/* ldap_connect() and StartTLS say LDAP_X_CONNECTING until the socket is ready. */
static int connect_step(Directory *directory, LDAP *ld, int (*step)(LDAP *ld), const char *what)
{
	int rc = LDAP_X_CONNECTING;

	for (unsigned i = 0; i < CONNECT_ROUNDS_MAX; i++) {
		int r;

		rc = step(ld);
		if (rc != LDAP_X_CONNECTING)
			break;
		r = wait_connected(directory, ld);
		if (r < 0) {
			snprintf(directory->error, sizeof(directory->error), "%s: %s", what,
				 strerror(-r));
			return r;
		}
	}
	return directory_result(directory, ld, rc, what);
}

static int step_connect(LDAP *ld)
{
	return ldap_connect(ld);
}

static int step_start_tls(LDAP *ld)
{
	return ldap_start_tls_s(ld, NULL, NULL);
}

int ldap_handle_open(Directory *directory, const char *uri, LDAP **ret)
{
	AUTO_LDAP LDAP *ld = NULL;
	int r;

	r = directory_result(directory, NULL, ldap_initialize(&ld, uri), uri);
	if (r != 0)
		return -EINVAL;
	r = set_options(directory, ld);
	if (r < 0)
		return r;
	if (strncasecmp(uri, "ldapi:", 6) != 0) {
		r = set_tls(ld, directory->config);
		if (r < 0) {
			snprintf(directory->error, sizeof(directory->error),
				 "%s: TLS cannot be set up (tls-ca-file=)", uri);
			return r;
		}
	}
	r = connect_step(directory, ld, step_connect, uri);
	if (r == 0 && strncasecmp(uri, "ldap:", 5) == 0 && directory->config->directory.start_tls)
		r = connect_step(directory, ld, step_start_tls, "StartTLS");
	if (r != 0)
		return r < 0 ? r : -EPROTO;
	*ret = STEAL(ld);
	return 0;
}

void directory_note_policy(Directory *directory, LDAP *ld, LDAPControl **controls)
{
	LDAPControl *control = controls ? ldap_control_find(PPOLICY_OID, controls, NULL) : NULL;
	LDAPPasswordPolicyError error = PP_noError;
	ber_int_t expire = -1, grace = -1;

	directory->policy = DIRECTORY_POLICY_NONE;
	if (control &&
	    ldap_parse_passwordpolicy_control(ld, control, &expire, &grace, &error) ==
		    LDAP_SUCCESS &&
	    error <= PP_passwordTooLong)
		directory->policy = (DirectoryPolicy)error;
}

static int bind_result(Directory *directory, LDAP *ld, int id)
{
	struct timeval time;
	LDAPMessage *message = NULL;
	LDAPControl **controls = NULL;
	int rc, code = LDAP_OTHER, ms = directory_operation_time(directory);

	if (ms < 0)
		return ms;
	time = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
	rc = ldap_result(ld, id, LDAP_MSG_ALL, &time, &message);
	if (rc == 0)
		return directory_result(directory, ld, LDAP_TIMEOUT, "bind");
	if (rc < 0)
		return directory_result(directory, ld, LDAP_SERVER_DOWN, "bind");
	rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, &controls, 1);
	if (rc != LDAP_SUCCESS)
		return directory_result(directory, ld, rc, "bind");
	directory_note_policy(directory, ld, controls);
	ldap_controls_free(controls);
	return directory_result(directory, ld, code, "bind");
}

int directory_bind(Directory *directory, LDAP *ld, const char *dn, const Secret *password)
{
	LDAPControl *ppolicy = NULL, *controls[2] = { 0 };
	/* For EXTERNAL empty, but there: else the server asks for them in a second step. */
	struct berval credentials = { .bv_val = (char *)(uintptr_t) "" };
	int rc, id, r;

	r = directory_arm(directory, ld);
	if (r < 0)
		return r;
	if (dn) {
		/*
		 * A name without a password is an anonymous bind, which "succeeds" (RFC 4513
		 * 5.1.2).
		 */
		if (password->len == 0)
			return DIRECTORY_E_CREDENTIALS;
		credentials.bv_len = password->len;
		credentials.bv_val = (char *)(uintptr_t)password->bytes;
		rc = ldap_create_passwordpolicy_control(ld, &ppolicy);
		if (rc != LDAP_SUCCESS)
			return directory_result(directory, ld, rc, "bind");
		controls[0] = ppolicy;
	}
	rc = ldap_sasl_bind(ld, dn, dn ? LDAP_SASL_SIMPLE : "EXTERNAL", &credentials, controls,
			    NULL, &id);
	r = rc == LDAP_SUCCESS ? bind_result(directory, ld, id)
			       : directory_result(directory, ld, rc, "bind");
	if (ppolicy)
		ldap_control_free(ppolicy);
	return r;
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return n > 0 && len >= n && strcasecmp(text + len - n, end) == 0;
}

static void suffix_choose(DirectoryServer *server, const Entry *entry, const char *base)
{
	const Attribute *contexts = entry_attribute(entry, "namingContexts");

	snprintf(server->suffix, sizeof(server->suffix), "%s", base);
	for (size_t i = 0; contexts && i < contexts->n; i++)
		if (ends_in(base, contexts->values[i].bytes))
			snprintf(server->suffix, sizeof(server->suffix), "%s",
				 contexts->values[i].bytes);
}

static void server_note(DirectoryServer *server, const Entry *entry)
{
	const char *name = entry_text(entry, "vendorName");
	const char *version = entry_text(entry, "vendorVersion");

	server->assertion = entry_holds(entry, "supportedControl", ASSERTION_OID);
	server->ppolicy = entry_holds(entry, "supportedControl", PPOLICY_OID);
	snprintf(server->vendor, sizeof(server->vendor), "%.60s%s%.60s", name ? name : "",
		 name && version ? " " : "", version ? version : "");
	server->is_389ds = strstr(server->vendor, "389") != NULL;
	server->is_freeipa = entry_has(entry, "ipaTopologyPluginVersion");
	server->is_active_directory =
		entry_holds(entry, "supportedCapabilities", ACTIVE_DIRECTORY_OID);
}

/*
 * What cannot be read of it is a server that cannot be used: not one that does not know assertions.
 */
static int server_learn(DirectoryServer *server, LDAP *ld, LDAPMessage *result, const char *base)
{
	CLEANUP(entry_freep) Entry *entry = NULL;
	LDAPMessage *first = ldap_first_entry(ld, result);
	int r = first ? directory_entry_copy(&entry, ld, first) : 0;

	if (r < 0 || !entry)
		return r;
	server_note(server, entry);
	suffix_choose(server, entry, base);
	return 0;
}

static int server_read(Directory *directory, LDAP *ld, const char *uri)
{
	static const char *const attributes[] = {
		"supportedControl",
		"supportedCapabilities",
		"ipaTopologyPluginVersion",
		"vendorName",
		"vendorVersion",
		"namingContexts",
		NULL,
	};
	DirectoryServer server = { 0 };
	LDAPMessage *result = NULL;
	int rc, r;

	rc = ldap_search_ext_s(ld, "", LDAP_SCOPE_BASE, "(objectClass=*)",
			       (char **)(uintptr_t)attributes, 0, NULL, NULL, NULL, 1, &result);
	r = directory_result(directory, ld, rc, "root DSE");
	if (r == 0)
		r = server_learn(&server, ld, result, directory->config->directory.base);
	if (r == 0) {
		snprintf(server.uri, sizeof(server.uri), "%s", uri);
		server.encrypted =
			strncasecmp(uri, "ldap:", 5) != 0 || directory->config->directory.start_tls;
		directory->server = server;
	}
	ldap_msgfree(result);
	return r;
}

static int connect_uri(Directory *directory, const char *uri)
{
	const Config *config = directory->config;
	AUTO_LDAP LDAP *ld = NULL;
	int r;

	r = ldap_handle_open(directory, uri, &ld);
	if (r < 0)
		return r;
	r = config->directory.bind == CONFIG_BIND_SIMPLE
		    ? directory_bind(directory, ld, config->directory.bind_dn, &directory->password)
		    : directory_bind(directory, ld, NULL, NULL);
	if (r == 0)
		r = server_read(directory, ld, uri);
	if (r != 0)
		return r;
	directory->ld = STEAL(ld);
	return 0;
}

int directory_connect(Directory *directory)
{
	AUTO_FREE char *uris = NULL;
	char *state = NULL, *uri;
	unsigned n = 0;

	if (directory->ld)
		return 0;
	uris = strdup(directory->uris);
	if (!uris)
		return -ENOMEM;
	for (uri = strtok_r(uris, " \t", &state); uri && n < URIS_MAX;
	     uri = strtok_r(NULL, " \t", &state), n++) {
		if (directory_time_left(directory) <= 0)
			return -ETIMEDOUT;
		int r = connect_uri(directory, uri);

		/*
		 * A server that is up and refuses us is no reason to write to another: that is an
		 * error to mend. Nor is that we have no memory.
		 */
		if (r == -ENOMEM || (r >= 0 && r != LDAP_BUSY && r != LDAP_UNAVAILABLE))
			return r;
	}
	return -ECONNREFUSED;
}
