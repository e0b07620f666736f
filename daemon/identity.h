/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose numbers count: the users behind the web and relay sockets and the groups behind the roles.
 * Names are looked up by a child process, at start and reload, so that a directory that hangs
 * behind nsswitch cannot stop the loop; what is not known (yet) belongs to nobody.
 */
#pragma once

#include <sys/types.h>

#include "config.h"
#include "json.h"

typedef enum Role {
	ROLE_ROOT = 1,
	ROLE_HELPDESK = 2,
	ROLE_ADMINISTRATOR = 4,
	ROLE_OWNER = 8,
} Role;

#define ROLES 4 /* how many there are */

/* An array of names, as in org.pwreset.Directory.Caller. */
void roles_write(JsonWriter *w, const char *key, unsigned roles);
int roles_parse(const JsonNode *array, unsigned *ret); /* -EBADMSG */

#define IDENTITY_NOBODY UINT32_MAX /* no user and no group has this number */

typedef struct Identities {
	uid_t web;   /* pwreset-web */
	uid_t relay; /* pwreset-relay */
	gid_t helpdesk, administrator, owner;
	bool complete; /* each name that the configuration gives was found */
} Identities;

#define IDENTITIES_NULL                                                                            \
	((Identities){ IDENTITY_NOBODY, IDENTITY_NOBODY, IDENTITY_NOBODY, IDENTITY_NOBODY,         \
		       IDENTITY_NOBODY, false })

typedef struct IdentityQuery {
	pid_t pid;
	int fd; /* becomes readable when the answer is there */
} IdentityQuery;

#define IDENTITY_QUERY_NULL ((IdentityQuery){ .fd = -1 })

/*
 * root: "" asks the system; a folder that stands for / has its etc/passwd and etc/group read. tell:
 * log what is not found.
 */
int identity_query_start(IdentityQuery *query, const char *root, const Config *config, bool tell);
/*
 * Waits timeout_ms at most. 0 and *ret; -ETIMEDOUT or another errno, and *ret is untouched. The
 * query is over either way.
 */
int identity_query_finish(IdentityQuery *query, unsigned timeout_ms, Identities *ret);

/* One user, looked up at once: for --listen. -ENOENT. */
int identity_user(const char *root, const char *name, uid_t *ret_uid, gid_t *ret_gid);

/*
 * The roles of the peer of a connected socket, by SO_PEERGROUPS: supplementary groups are taken as
 * they were at connect().
 */
unsigned identity_roles(const Identities *identities, int fd, uid_t uid, gid_t gid);
