/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the header fields of a request say, and whether it may be served. libmicrohttpd 0.9.75 takes
 * much that a proxy may read otherwise (two lengths, both kinds of framing, names with blanks):
 * here such requests end.
 */
#pragma once

#include <netinet/in.h>

#include "language.h"

#define HEAD_FIELDS_MAX 64
#define HEAD_ORIGIN_MAX 300 /* bytes of an Origin that are compared; a longer one is foreign */

typedef enum HeadSite {
	HEAD_SITE_ABSENT, /* no browser, or an old one */
	HEAD_SITE_SAME,
	HEAD_SITE_FOREIGN,
} HeadSite;

typedef struct Head {
	unsigned n_fields;
	unsigned n_host;
	unsigned n_length;
	unsigned n_type;
	unsigned n_origin;
	unsigned n_site;
	bool bad;  /* a field that no client may send */
	bool form; /* application/x-www-form-urlencoded */
	bool foreign_expect;
	uint64_t length;
	HeadSite site;
	char origin[HEAD_ORIGIN_MAX + 1];
	char language[ACCEPT_LANGUAGE_MAX + 1];
	char forwarded[INET6_ADDRSTRLEN]; /* the rightmost X-Forwarded-For, "" when it is no address
					   */
} Head;

/* One field as it came. */
void head_add(Head *head, const char *name, size_t name_len, const char *value, size_t value_len);

/* 0, or the status to refuse with. body_max: bytes that a POST may carry. */
unsigned head_check(const Head *head, bool post, uint64_t body_max);

/*
 * Whether another site's page sent this form. There are no cookies and so nothing of the person's
 * that it could abuse; this is the second wall. "null" is what browsers send under our own
 * no-referrer, so it says nothing, and the absence of both fields is an old browser or no browser
 * at all.
 */
bool head_foreign(const Head *head, const char *origin);
