/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The flat table of verbs, and the options that each takes. */
#pragma once

#include "ctl.h"

typedef enum VerbGroup { GROUP_SELF, GROUP_STAFF, GROUP_SYSTEM, _GROUP_MAX } VerbGroup;

/* Options that only some verbs take. */
typedef enum OptionBit {
	OPT_ALL = 1 << 0,
	OPT_BATCH = 1 << 1,
	OPT_FILE = 1 << 2,
	OPT_FILTER = 1 << 3,
	OPT_USER = 1 << 4,
	OPT_BY = 1 << 5,
	OPT_SINCE = 1 << 6,
	OPT_UNTIL = 1 << 7,
	OPT_LANGUAGE = 1 << 8,
	OPT_SUFFIX = 1 << 9,
	OPT_SERVICE = 1 << 10,
	OPT_DATABASE = 1 << 11,
	OPT_LINES = 1 << 12,
	OPT_DAYS = 1 << 13,
	OPT_ONCE = 1 << 14,
	OPT_GENERATE = 1 << 15,
	OPT_TEMPORARY = 1 << 16,
	OPT_MAIL = 1 << 17,
	OPT_STDIN = 1 << 18,
	OPT_FOLLOW = 1 << 19,
	OPT_SCHEMA = 1 << 20,
	OPT_ACL = 1 << 21,
	OPT_INDEX = 1 << 22,
	OPT_PPOLICY = 1 << 23,
	OPT_HASHES = 1 << 24,
	OPT_MIN_COUNT = 1 << 25,
	OPT_FIX = 1 << 26,
	OPT_DRY_RUN = 1 << 27,
	OPT_CANARY = 1 << 28,
	OPT_TEST_MAIL = 1 << 29,
	OPT_CENTRAL = 1 << 30,
} OptionBit;

#define ARGS_ANY 100000 /* as many as the kernel passes on */

struct Verb {
	const char *name;
	const char *arguments; /* for people; NULL: none */
	VerbGroup group;
	int min_args, max_args;
	unsigned options; /* OptionBit */
	int (*run)(Ctl *ctl);
	/* that it calls, separated by blanks; a test holds them against the interfaces */
	const char *methods;
	const char *help;    /* one line */
	const char *details; /* sentences for the verb's own help; NULL: the line says all */
};

extern const Verb verbs[]; /* ends with name NULL */

const Verb *verb_find(const char *name);

/* Command line to ctl: 0, or an exit code after a complaint. Arguments stay in argv. */
int options_parse(Ctl *ctl, int argc, char **argv);
void help_tool(FILE *f);
void help_verb(FILE *f, const Verb *verb);

/* account.c, enroll.c */
int verb_status(Ctl *ctl);
int verb_enroll(Ctl *ctl);
int verb_confirm_mail(Ctl *ctl);
/* password.c */
int verb_check_password(Ctl *ctl);
int verb_policy(Ctl *ctl);
/* admin.c, show.c, bulk.c */
int verb_show(Ctl *ctl);
int verb_send_link(Ctl *ctl);
int verb_revoke(Ctl *ctl);
int verb_unlock(Ctl *ctl);
int verb_set_mail(Ctl *ctl);
int verb_set_password(Ctl *ctl);
int verb_set_pin(Ctl *ctl);
int verb_verify_pin(Ctl *ctl);
int verb_remind_username(Ctl *ctl);
int verb_find_people(Ctl *ctl);
/* system.c, schema.c, audit.c, doctor.c, relay.c, blocklist.c */
int verb_statistics(Ctl *ctl);
int verb_test_mail(Ctl *ctl);
int verb_remind_expiry(Ctl *ctl);
int verb_pepper(Ctl *ctl);
int verb_schema(Ctl *ctl);
int verb_audit(Ctl *ctl);
int verb_doctor(Ctl *ctl);
int verb_relay(Ctl *ctl);
int verb_blocklist(Ctl *ctl);
/* fleet.c */
int verb_fleet(Ctl *ctl);
