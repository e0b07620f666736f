/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a directory worker has in hand: its configuration and secrets, one connection to the
 * directory, and the call that it is answering. It answers one call at a time.
 */
#pragma once

#include "directory.h"
#include "host_groups.h"
#include "pepper.h"
#include "policy.h"
#include "serve.h"
#include "token.h"

typedef struct Roll Roll;

typedef struct Worker {
	char *root; /* "" or a folder that stands for / */
	Config *config;
	Policy *policy;
	Pepper pepper;
	Secret ldap_password;
	Directory *directory;
	HostGroups *host_groups; /* groups.c's */
	Roll *roll;              /* names.c's: of the last walk through people */
} Worker;

/* Complains on stderr: what, where, remedy. root: "" or a folder that stands for / (tests). */
int worker_new(Worker **ret, const char *root);
Worker *worker_free(Worker *worker);
DEFINE_CLEANUP(Worker *, worker_free)

/*
 * Why passwords cannot be set on the server that answered, in words for an administrator; NULL when
 * they can.
 */
const char *worker_server_unfit(const Worker *worker);
/* 0, or -EOPNOTSUPP after that as a complaint on stderr. */
int worker_check_server(const Worker *worker);

/* Roles, and what makes an account privileged, in one set of bits. */
typedef enum Role {
	ROLE_HELPDESK = 1U << 0,
	ROLE_ADMINISTRATOR = 1U << 1,
	ROLE_OWNER = 1U << 2,
	ROLE_ROOT = 1U << 3,    /* of callers alone */
	ROLE_GROUP = 1U << 4,   /* of accounts alone: in one of privileged-groups= */
	ROLE_SYSTEM = 1U << 5,  /* of accounts alone: uidNumber below privileged-below= */
	ROLE_UNKNOWN = 1U << 6, /* of accounts alone: could not be found out */
} Role;

/* org.pwreset.Directory.Caller; strings are the message's. */
typedef struct Caller {
	int64_t uid; /* -1: none */
	unsigned roles;
	const char *via;
	const char *host;
	int64_t now;
	const char *operation;
} Caller;

/* A call being answered. */
typedef struct Call {
	Worker *worker;
	Serve *serve;
	Caller caller;
	/* of answers, when the call is about several requests (mint.c); else NULL */
	JsonWriter *list;
	bool unsure; /* a write was sent, and whether it was carried out is not known */
} Call;

/* The parameter that each call has; the first member of each parameter struct. */
/* Initialisers, which clang-format takes for blocks. */
/* clang-format off */
#define CALLER_FIELD { "caller", JSON_OBJECT, 0, true, 0 }
#define FIELD_STRING(type, member, must, max) \
	{ #member, JSON_STRING, offsetof(type, member), must, max }
#define FIELD_OBJECT(type, member, must) \
	{ #member, JSON_OBJECT, offsetof(type, member), must, 0 }
/* clang-format on */

/*
 * Reads the parameters (target begins with "const JsonNode *caller"), sets the deadline, connects.
 * 0; 1 when an error has been answered already; negative: end the connection.
 */
int call_open(Call *ret, Serve *serve, const VarlinkCall *varlink, void *userdata,
	      const VarlinkField *fields, void *target);
/* The same without connecting: for what has to answer when the directory cannot be reached. */
int call_open_offline(Call *ret, Serve *serve, const VarlinkCall *varlink, void *userdata,
		      const VarlinkField *fields, void *target);
bool call_via(const Call *call, const char *via);
/* Members of an object by table; the same results as call_open(). */
int call_dispatch(Serve *serve, const JsonNode *object, const VarlinkField *fields, void *target);

/*
 * Whether a modify failed because another came between: read again and repeat. (389-ds gives a
 * loser 50.)
 */
bool call_raced(const Call *call, int r);
/* A write's reply was lost: it may be carried out all the same, which the call remembers. */
bool call_lost(Call *call, int r);

/*
 * The last question of a call: is the directory still there? What a name is decides how much of it
 * is asked before, and how often it is; so that a directory that dies on the way is told for every
 * name alike, "no" is said only by one that lives. 0, or what fail_directory() takes.
 */
int call_fence(const Call *call);

/* Answers of org.pwreset.Failure. Refused, WrongPassword and LinkDead behind a fence. */
int fail_refused(Call *call);
int fail_wrong_password(Call *call);
int fail_link_dead(Call *call, const char *reason);
int fail_not_allowed(Call *call, const char *reason);
int fail_try_later(Call *call, int64_t seconds);
int fail_unknown_outcome(Call *call);
/*
 * For a result of directory_*() that no caller expects: answers Unavailable and notes why in the
 * journal.
 */
int fail_directory(Call *call, int r);

/*
 * A line for IT in the journal, with fields: what only this process knows, because the reply does
 * not tell it. user: the name of an account that exists, or NULL; never what somebody typed.
 */
void journal_note(const Call *call, int priority, const char *event, const char *user,
		  const char *text);
