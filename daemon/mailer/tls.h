/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client side of TLS towards the relay: who is believed, and why not. */
#pragma once

#include <openssl/ssl.h>

#include "buf.h"
#include "trace.h"

/* What the verification of the peer's certificate came to. */
typedef struct TlsVerdict {
	int error;       /* X509_V_ERR_… of the first objection; X509_V_OK */
	char names[256]; /* the names in the certificate, as far as they fit */
	char until[32];  /* its last day */
} TlsVerdict;

/*
 * A context for one relay: at least TLS 1.2, the chain checked against ca_file (the system's
 * authorities when it is empty), the certificate against host, a name or an IP address. -EINVAL
 * with *problem, a sentence.
 */
int tls_context_new(SSL_CTX **ret, const char *ca_file, const char *host, const char **problem);

static inline void tls_context_freep(SSL_CTX **context)
{
	SSL_CTX_free(*context);
}

/* A connection that will fill *verdict, which must outlive it. NULL: out of memory. */
SSL *tls_connection_new(SSL_CTX *context, int fd, const char *host, TlsVerdict *verdict);

/* Why a handshake failed, in words for an administrator. */
TraceCause tls_explain(const TlsVerdict *verdict, const char *host, Buf *out);
/* What was agreed on: "TLSv1.3 TLS_AES_256_GCM_SHA384". */
void tls_describe(const SSL *ssl, Buf *out);
