/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the broker ought to do, said a second time and in other words: who may call what, what it
 * costs, how long the answer is held back, and how much of everybody's share is left.
 */
#pragma once

#include "broker_world.h"

typedef struct Rule {
	const char *method;
	const char *doors; /* "pwcr": pam, web, ctl, relay */
	/* "rhao": root, helpdesk, administrator, owner; "": whoever comes in by a door */
	const char *roles;
	char route; /* 'b' broker, 's' spool, 'd' directory, 'm' mailer */
	unsigned cost, fine;
	char slot;              /* 'f' fixed, 'r' rounded, '-' */
	const char *slot_doors; /* on which it is held back */
	const char *late, *lost;
	const char *told;  /* kinds of the notices, each followed by a blank */
	const char *after; /* kind of what is spooled when the worker agrees */
} Rule;

const Rule *rule_find(const char *method); /* NULL: no such method */
const Rule *rule_at(unsigned number);      /* modulo their number */
bool rule_allows(const Rule *rule, Socket socket, const Who *who, bool hello);
bool rule_holds(const Rule *rule, Socket socket);
char door_of(Socket socket);
/* In the order in which they are told. */
void roles_of(Socket socket, const Who *who, char ret[5]);

/* The shares. */
void shares_loaded(const LimitRates *rates);
void shares_saved(void);
void shares_forget(void);
/* Fails unless wait is right. */
void shares_charged(const LimitSubject *subject, unsigned cost, int64_t now, unsigned wait);
void shares_fined(const LimitSubject *subject, unsigned cost, int64_t now);

/* The records of the fleet's hosts. */
void records_wrong(const char *host, unsigned cost, int64_t now, bool cut);
void records_set(const char *host, unsigned seconds, int64_t now);
void records_asked(const char *host, int64_t now, unsigned wait);
