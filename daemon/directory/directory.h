/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to the directory, in own types: nothing else includes libldap's header. Blocking,
 * one operation at a time, each bounded by [directory] timeout= and by the call's deadline.
 * Referrals are never followed.
 *
 * Every function returns 0; a negative errno when there was no answer (-ECONNREFUSED: no server
 * could be reached, nothing was sent; -ECONNRESET, -ETIMEDOUT: sent, and what became of it is
 * unknown); or, positive, the result code of LDAP.
 */
#pragma once

#include "buf.h"
#include "change.h"
#include "config.h"
#include "secret.h"

enum {
	_DIRECTORY_E_SUCCESS = 0,
	DIRECTORY_E_SIZE_LIMIT = 4,
	DIRECTORY_E_ADMIN_LIMIT = 11,
	DIRECTORY_E_NO_SUCH_ATTRIBUTE = 16,
	DIRECTORY_E_UNDEFINED_TYPE = 17,
	DIRECTORY_E_CONSTRAINT = 19,
	DIRECTORY_E_EXISTS = 20,
	DIRECTORY_E_NO_SUCH_OBJECT = 32,
	DIRECTORY_E_CREDENTIALS = 49,
	DIRECTORY_E_ACCESS = 50,
	DIRECTORY_E_UNWILLING = 53,
	DIRECTORY_E_CLASS_VIOLATION = 65,
	DIRECTORY_E_ASSERTION = 122,
};

/* What the password policy control said about the last modify or password check. */
typedef enum DirectoryPolicy {
	DIRECTORY_POLICY_NONE = -1,
	DIRECTORY_POLICY_EXPIRED = 0,
	DIRECTORY_POLICY_LOCKED = 1,
	DIRECTORY_POLICY_CHANGE_AFTER_RESET = 2,
	DIRECTORY_POLICY_NOT_ALLOWED = 3,
	DIRECTORY_POLICY_SUPPLY_OLD = 4,
	DIRECTORY_POLICY_QUALITY = 5,
	DIRECTORY_POLICY_TOO_SHORT = 6,
	DIRECTORY_POLICY_TOO_YOUNG = 7,
	DIRECTORY_POLICY_IN_HISTORY = 8,
	DIRECTORY_POLICY_TOO_LONG = 9,
} DirectoryPolicy;

typedef enum DirectoryScope { DIRECTORY_BASE, DIRECTORY_ONE, DIRECTORY_SUBTREE } DirectoryScope;

typedef struct DirectoryQuery {
	const char *base;
	DirectoryScope scope;
	const char *filter;            /* NULL: (objectClass=*) */
	const char *const *attributes; /* ends with NULL; NULL: none but the name */
	unsigned limit;                /* entries at most, 1 … ENTRY_LIST_MAX */
} DirectoryQuery;

/* What the root DSE says, read at each connection. */
typedef struct DirectoryServer {
	bool assertion; /* RFC 4528 */
	bool ppolicy;
	bool is_389ds;
	bool is_freeipa;
	bool is_active_directory; /* Microsoft's or Samba's */
	bool encrypted;           /* TLS, or a socket of this host */
	/* The naming context that base= lies in; base= itself when the server does not tell. */
	char suffix[256];
	char uri[256];
	char vendor[128]; /* vendorName and vendorVersion, "" when the server does not tell */
} DirectoryServer;

typedef struct Directory Directory;

/*
 * uris: separated by blanks, tried in order. config is borrowed; password (for bind=simple) is
 * copied. No connection yet.
 */
int directory_new(Directory **ret, const Config *config, const char *uris, const Secret *password);
Directory *directory_free(Directory *directory);
DEFINE_CLEANUP(Directory *, directory_free)

/* The end of the time that all further operations have, in CLOCK_MONOTONIC milliseconds. */
void directory_set_deadline(Directory *directory, int64_t deadline);
int64_t directory_time_left(const Directory *directory);

/*
 * Connects and binds if it is not connected. What went wrong last, for a log or the doctor: never a
 * secret.
 */
int directory_connect(Directory *directory);
const char *directory_error(const Directory *directory);
const DirectoryServer *directory_server(const Directory *directory);
DirectoryPolicy directory_policy(const Directory *directory);

/*
 * DIRECTORY_E_SIZE_LIMIT: there are more than limit, and *ret has the first. Connects again once
 * when the server had closed an idle connection.
 */
int directory_search(Directory *directory, const DirectoryQuery *query, EntryList *ret);
/*
 * The same for any number of entries, page by page where the server has pages and one after the
 * other as they come; the entry is freed afterwards. A result of each() other than 0 ends it and is
 * returned. query->limit is not looked at.
 */
typedef int (*DirectoryEach)(const Entry *entry, void *userdata);
int directory_each(Directory *directory, const DirectoryQuery *query, DirectoryEach each,
		   void *userdata);
/* One entry by its name; DIRECTORY_E_NO_SUCH_OBJECT when it is not there or does not match. */
int directory_read(Directory *directory, const char *dn, const char *filter,
		   const char *const *attributes, Entry **ret);
/*
 * All changes or none. assertion: a filter that must hold, checked by the server in the same
 * operation; NULL: none.
 */
int directory_modify(Directory *directory, const char *dn, const Changes *changes,
		     const char *assertion);
/*
 * Binds as that entry on a connection of its own and closes it: 0, or DIRECTORY_E_CREDENTIALS (see
 * directory_policy()).
 */
int directory_check_password(Directory *directory, const char *dn, const Secret *password);

/*
 * Whether somebody else may compare that attribute of the entry, present or not: bound as who, or
 * as nobody (NULL, NULL), on a connection of its own. 1 or 0; negative: could not be found out.
 */
int directory_may_compare(Directory *directory, const char *who, const Secret *password,
			  const char *dn, const char *attribute);

/*
 * With the entry's own rights, bound as it on a connection of its own: a modify, or a password for
 * the server to judge and hash (RFC 3062). -ECONNREFUSED: nothing was sent, or nobody could bind.
 */
int directory_modify_own(Directory *directory, const char *dn, const Secret *current,
			 const Changes *changes);
int directory_passwd_own(Directory *directory, const char *dn, const Secret *current,
			 const Secret *password);

/*
 * Appends text escaped for use as a value in a filter (RFC 4515): the only place where that is
 * done.
 */
void filter_escape(Buf *buf, const char *text);
