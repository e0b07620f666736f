/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libesmtp's own TLS compares a certificate with the canonical name of the DNS, sends no SNI, knows
 * no IP addresses, and waits for ever where a session ticket comes at the wrong moment: so TLS is
 * done here, below it.
 */

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls.h"
#include "validate.h"

#define CHAIN_DEPTH_MAX 8

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static int verdict_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

/* The names that the leaf carries, for the message that says that none of them fits. */
static void names_collect(X509 *certificate, char *ret, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	Buf out;

	buf_init(&out, ret, size);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char text[INET6_ADDRSTRLEN] = "";
		const unsigned char *data;
		int len;

		if (name->type == GEN_DNS) {
			data = ASN1_STRING_get0_data(name->d.dNSName);
			len = ASN1_STRING_length(name->d.dNSName);
			/* The peer chose these bytes. */
			for (int j = 0; j < len; j++)
				if (data[j] <= 0x20 || data[j] >= 0x7f)
					len = 0;
			if (len > 0)
				buf_printf(&out, "%s%.*s", out.len > 0 ? " " : "", len,
					   (const char *)data);
		} else if (name->type == GEN_IPADD) {
			data = ASN1_STRING_get0_data(name->d.iPAddress);
			len = ASN1_STRING_length(name->d.iPAddress);
			if (len == 4 || len == 16)
				inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof(text));
			if (*text != '\0')
				buf_printf(&out, "%s%s", out.len > 0 ? " " : "", text);
		}
	}
	GENERAL_NAMES_free(names);
}

static void date_format(const ASN1_TIME *date, char *ret, size_t size)
{
	struct tm tm;

	*ret = '\0';
	if (ASN1_TIME_to_tm(date, &tm) == 1)
		strftime(ret, size, "%Y-%m-%d %H:%M UTC", &tm);
}

/* Looks on only: the verdict of OpenSSL stands. */
static int certificate_seen(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	TlsVerdict *verdict = ssl ? SSL_get_ex_data(ssl, verdict_index()) : NULL;
	X509 *leaf = X509_STORE_CTX_get0_cert(store);

	if (!verdict)
		return 0;
	if (!ok && verdict->error == X509_V_OK)
		verdict->error = X509_STORE_CTX_get_error(store);
	if (leaf && verdict->until[0] == '\0') {
		names_collect(leaf, verdict->names, sizeof(verdict->names));
		date_format(X509_get0_notAfter(leaf), verdict->until, sizeof(verdict->until));
	}
	return ok;
}

static int trust_load(SSL_CTX *context, const char *ca_file, const char **problem)
{
	if (*ca_file != '\0') {
		*problem = "[mail] tls-ca-file= cannot be read as PEM certificates";
		return SSL_CTX_load_verify_file(context, ca_file) == 1 ? 0 : -EINVAL;
	}
	*problem = "the system's certificate authorities cannot be read";
	return SSL_CTX_set_default_verify_paths(context) == 1 ? 0 : -EINVAL;
}

int tls_context_new(SSL_CTX **ret, const char *ca_file, const char *host, const char **problem)
{
	CLEANUP(tls_context_freep) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	X509_VERIFY_PARAM *param;
	int r;

	*problem = "OpenSSL could not make a context";
	if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		return -EINVAL;
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, certificate_seen);
	SSL_CTX_set_verify_depth(context, CHAIN_DEPTH_MAX);
	SSL_CTX_set_mode(context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Each record that is no data comes back to our loop, which looks at the clock: tickets
	 * cannot hold us. */
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);

	param = SSL_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
						       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if ((is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
			      : X509_VERIFY_PARAM_set1_host(param, host, 0)) != 1)
		return -EINVAL;
	r = trust_load(context, ca_file, problem);
	ERR_clear_error();
	if (r < 0)
		return r;
	*ret = STEAL(context);
	return 0;
}

SSL *tls_connection_new(SSL_CTX *context, int fd, const char *host, TlsVerdict *verdict)
{
	SSL *ssl = SSL_new(context);
	char name[HOST_NAME_MAX_LEN + 1]; /* OpenSSL's macro casts const away */

	snprintf(name, sizeof(name), "%s", host);
	*verdict = (TlsVerdict){ .error = X509_V_OK };
	if (!ssl)
		return NULL;
	if (SSL_set_ex_data(ssl, verdict_index(), verdict) != 1 || SSL_set_fd(ssl, fd) != 1 ||
	    (!is_address(host) && SSL_set_tlsext_host_name(ssl, name) != 1)) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

TraceCause tls_explain(const TlsVerdict *verdict, const char *host, Buf *out)
{
	const char *names = *verdict->names != '\0' ? verdict->names : "no name";
	unsigned long e;
	const char *reason;

	switch (verdict->error) {
	case X509_V_OK:
		e = ERR_peek_error();
		reason = e != 0 ? ERR_reason_error_string(e) : NULL;
		buf_printf(out, "handshake failed: %s",
			   reason ? reason : "the relay ended the connection");
		return CAUSE_TLS;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		buf_printf(out, "the certificate is for %s, not for %s", names, host);
		return CAUSE_CERTIFICATE_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		buf_printf(out, "expired: the certificate for %s was good until %s", names,
			   verdict->until);
		return CAUSE_CERTIFICATE_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		buf_printf(out, "the certificate for %s is not valid yet", names);
		return CAUSE_CERTIFICATE_EARLY;
	default:
		buf_printf(out, "not trusted: %s (certificate for %s)",
			   X509_verify_cert_error_string(verdict->error), names);
		return CAUSE_CERTIFICATE_CHAIN;
	}
}

void tls_describe(const SSL *ssl, Buf *out)
{
	buf_printf(out, "%s %s", SSL_get_version(ssl), SSL_get_cipher_name(ssl));
}
