/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must hold between keys: combinations that would lose a password, a secret or the service. */

#include <string.h>

#include "config_table.h"

static bool is_set(const char *value)
{
	return value[0] != '\0';
}

/* Whether some URI of a list has this scheme. With beyond_loopback, loopback hosts do not count. */
static bool uris_have(const char *list, const char *scheme, bool beyond_loopback)
{
	size_t len = strlen(scheme);

	for (const char *p = list; *p;) {
		size_t n = strcspn(p, " ");
		char host[256] = "";

		if (n > len && strncmp(p, scheme, len) == 0) {
			size_t host_len = n - len < sizeof(host) ? n - len : sizeof(host) - 1;

			memcpy(host, p + len, host_len);
			host[host_len] = '\0';
			host[strcspn(host, "/")] = '\0';
			if (!beyond_loopback || !config_valid_loopback(host))
				return true;
		}
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

static bool any_uri_has(const Config *c, const char *scheme, bool beyond_loopback)
{
	return uris_have(c->directory.uri, scheme, beyond_loopback) ||
	       uris_have(c->directory.read_uri, scheme, beyond_loopback);
}

static bool simple_without_dn(const Config *c)
{
	return c->directory.bind == CONFIG_BIND_SIMPLE && !is_set(c->directory.bind_dn);
}

static bool external_over_network(const Config *c)
{
	return c->directory.bind == CONFIG_BIND_EXTERNAL &&
	       (any_uri_has(c, "ldap://", false) || any_uri_has(c, "ldaps://", false));
}

static bool directory_in_clear(const Config *c)
{
	return !c->directory.start_tls && any_uri_has(c, "ldap://", true);
}

static bool start_tls_for_nothing(const Config *c)
{
	return c->directory.start_tls && !any_uri_has(c, "ldap://", false);
}

static bool mail_in_clear(const Config *c)
{
	return c->mail.tls == CONFIG_TLS_NONE && !config_valid_loopback(c->mail.relay);
}

static bool mail_auth_in_clear(const Config *c)
{
	return is_set(c->mail.user) && c->mail.tls == CONFIG_TLS_NONE;
}

static bool certificate_without_key(const Config *c)
{
	return is_set(c->web.certificate) && !is_set(c->web.certificate_key);
}

static bool key_without_certificate(const Config *c)
{
	return is_set(c->web.certificate_key) && !is_set(c->web.certificate);
}

static bool proxy_and_certificate(const Config *c)
{
	return c->web.behind_proxy && is_set(c->web.certificate);
}

static bool uid_above_all(const Config *c)
{
	return c->limits.clients_per_uid > c->limits.clients;
}

static bool source_above_total(const Config *c)
{
	return c->limits.per_source > c->limits.total;
}

static bool user_above_total(const Config *c)
{
	return c->limits.per_user > c->limits.total;
}

/* clang-format off */
const ConfigCheck config_checks[] = {
	{ "directory", "bind", simple_without_dn,
	  "bind=simple needs a name to bind with: set bind-dn=." },
	{ "directory", "bind", external_over_network,
	  "bind=external works over ldapi:// only: change uri= (and read-uri=), or set bind=simple and bind-dn=." },
	{ "directory", "uri", directory_in_clear,
	  "ldap:// to another host would send passwords in clear: set start-tls=yes, or use ldaps://." },
	{ "directory", "start-tls", start_tls_for_nothing,
	  "start-tls=yes is for ldap:// addresses, and uri= has none: remove it." },
	{ "mail", "tls", mail_in_clear,
	  "tls=none would send links in clear to another host: set tls=starttls or tls=tls, or relay=127.0.0.1:25." },
	{ "mail", "user", mail_auth_in_clear,
	  "user= would be sent in clear: set tls=starttls or tls=tls." },
	{ "web", "certificate", certificate_without_key,
	  "certificate= needs certificate-key= too." },
	{ "web", "certificate-key", key_without_certificate,
	  "certificate-key= needs certificate= too." },
	{ "web", "behind-proxy", proxy_and_certificate,
	  "behind-proxy=yes leaves TLS to the proxy: remove certificate= and certificate-key=, or set behind-proxy=no." },
	{ "limits", "clients-per-uid", uid_above_all,
	  "clients-per-uid= is above clients=: lower it." },
	{ "limits", "per-source", source_above_total, "per-source= is above total=: lower it." },
	{ "limits", "per-user", user_above_total, "per-user= is above total=: lower it." },
	{ 0 },
};
/* clang-format on */
