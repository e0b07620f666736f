/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of who may ask what: deny by default, for what does not stand here does not exist. */
#pragma once

#include "identity.h"
#include "parameters.h"

typedef struct Call Call;

typedef enum Socket { /* by FileDescriptorName= */
		      SOCKET_PAM =
			      1, /* programs with PAM, root by the socket's mode and by peer uid */
		      SOCKET_WEB = 2,   /* pwreset-web */
		      SOCKET_CTL = 4,   /* everybody; the peer decides */
		      SOCKET_RELAY = 8, /* hosts of a fleet, known by name */
} Socket;

#define SOCKETS 4

const char *socket_name(Socket socket);
Socket socket_parse(const char *name); /* 0: no such socket */

typedef enum Route {
	ROUTE_BROKER,    /* answered here */
	ROUTE_SPOOL,     /* written down, answered, and done later */
	ROUTE_DIRECTORY, /* passed to a directory worker with "caller" */
	ROUTE_MAILER,    /* passed to a mailer worker */
} Route;

typedef enum Slot {
	SLOT_NONE,
	/* answered at the end of answer-slot=; what is not known by then is answered with late */
	SLOT_FIXED,
	/* answered at the end of one of the slots: a write under way must not be called refused */
	SLOT_ROUNDED,
} Slot;

typedef enum MethodFlag {
	METHOD_AUDIT = 1, /* in the journal with the user's name as staff typed it */
	/* success proves that the user exists, so that the name may be logged */
	METHOD_PROVEN = 2,
	METHOD_IDLE_ON_CTL = 4,  /* on ctl it is free of charge and waits for everything else */
	METHOD_ROOT_SETS = 8,    /* needs [roles] root-sets-passwords= */
	METHOD_NOTICE_USER = 16, /* the notice needs a name: user is mandatory on ctl */
	/* tells whether a name exists; on relay that costs, and nobody's name is a wrong guess */
	METHOD_NAMES = 32,
	METHOD_MORE = 64, /* with "more" it is answered in parts (bulk.c) */
} MethodFlag;

#define METHOD_NOTICES 2

typedef struct Method {
	const char *name;
	unsigned sockets; /* on which it exists */
	unsigned roles;   /* of which the caller must hold one; 0: anyone whom the socket lets in */
	Route route;
	const VarlinkField *fields;
	void (*answer)(Call *call); /* ROUTE_BROKER */
	RequestKind kind;           /* ROUTE_SPOOL: what is asked for */
	/* spooled before it is passed on, released if it happens */
	RequestKind notices[METHOD_NOTICES];
	RequestKind after;  /* spooled after the worker's consent, before the answer */
	const char *worker; /* the worker's name for it; NULL: the same */
	unsigned cost;      /* in tenths of an ordinary call, to source, name and total */
	unsigned fine;      /* more, to the source, for a wrong guess */
	Slot slot;
	unsigned slot_sockets; /* where strangers ask; staff and root need not wait */
	const char *late;      /* SLOT_FIXED: the answer when the slot is over */
	/* the answer when a worker died or overran with the call in its hands */
	const char *lost;
	unsigned deadline_ms; /* for the worker; 0: [mail] timeout= and a little */
	unsigned flags;
} Method;

extern const Method methods[]; /* ends with name NULL */

const Method *method_find(const char *name);

typedef struct MethodCaller {
	Socket socket;
	unsigned roles;
	bool root_sets; /* [roles] root-sets-passwords= */
} MethodCaller;

/* The one place where it is decided. */
bool method_allowed(const Method *method, const MethodCaller *caller);
