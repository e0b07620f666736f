/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by ldap_connect.c, ldap.c and ldap_each.c alone: these are the home of libldap. */
#pragma once

#include <ldap.h>

#include "directory.h"
#include "entry.h"

#define DIRECTORY_ERROR_MAX 512U

struct Directory {
	const Config *config;
	char *uris;
	Secret password;
	int64_t deadline;
	LDAP *ld; /* NULL: not connected */
	DirectoryServer server;
	DirectoryPolicy policy;
	char error[DIRECTORY_ERROR_MAX];
};

/* A connected handle with TLS as configured, not bound. */
int ldap_handle_open(Directory *directory, const char *uri, LDAP **ret);
void ldap_handle_close(LDAP **ld);
#define AUTO_LDAP CLEANUP(ldap_handle_close)

/* Milliseconds that one operation may take now; -ETIMEDOUT when the call's time is over. */
int directory_operation_time(const Directory *directory);
/* Sets the time-outs of the handle to that. */
int directory_arm(Directory *directory, LDAP *ld);
/* A code of libldap into ours; what, and the server's words, go into directory->error. */
int directory_result(Directory *directory, LDAP *ld, int rc, const char *what);
/* Binds with the ppolicy control, with credentials or EXTERNAL (dn NULL). */
int directory_bind(Directory *directory, LDAP *ld, const char *dn, const Secret *password);
void directory_note_policy(Directory *directory, LDAP *ld, LDAPControl **controls);
void directory_disconnect(Directory *directory);
/*
 * Disconnects when what was sent is not the query: its answer is for nobody. controls: NULL: none.
 */
int directory_search_send(Directory *directory, const DirectoryQuery *query, LDAPControl **controls,
			  int *ret_id);
/* The entry of a message, which can be read only once: its text is cut where it stands. */
int directory_entry_copy(Entry **ret, LDAP *ld, LDAPMessage *message);
