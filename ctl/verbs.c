/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs. pwresetctl(1) and completion/bash follow this table, which a test holds them to. */

#include <string.h>

#include "verbs.h"

#define ACCOUNT "org.pwreset.Account."
#define ADMIN "org.pwreset.Admin."
#define PASSWORD "org.pwreset.Password."
#define SERVICE "org.pwreset.Service."

const Verb verbs[] = {
	{ "status", NULL, GROUP_SELF, 0, 0, 0, verb_status, ACCOUNT "Status",
	  N_("what is set up for recovery, and what is missing"), NULL },
	{ "enroll", "questions|codes|mail ADDRESS", GROUP_SELF, 1, 2, OPT_STDIN | OPT_LANGUAGE,
	  verb_enroll,
	  ACCOUNT "ListQuestions " ACCOUNT "EnrollQuestions " ACCOUNT "EnrollCodes " ACCOUNT
		  "EnrollMail",
	  N_("set up secret questions, saved codes or a recovery address"),
	  N_("The current password is asked for. With --stdin it is the first line; for questions, lines of ID TAB ANSWER follow.\n"
	     "Saved codes are shown once: print them and keep them apart from this device.\n"
	     "A recovery address gets a code by mail; confirm-mail takes it, and the address counts 24 hours later.") },
	{ "confirm-mail", "ADDRESS", GROUP_SELF, 1, 1, OPT_STDIN, verb_confirm_mail,
	  ACCOUNT "ConfirmMail",
	  N_("confirm a recovery address with the code that was mailed to it"), NULL },
	{ "check-password", NULL, GROUP_SELF, 0, 0, OPT_STDIN | OPT_BATCH | OPT_USER,
	  verb_check_password, PASSWORD "Check",
	  N_("ask the policy about a password, without storing it"),
	  N_("With --batch, lines of PASSWORD or PASSWORD TAB USER TAB NAME are read from stdin, and for each line \"ok\" or the\n"
	     "codes of what is wrong are printed. Exit status 3: refused.") },
	{ "policy", NULL, GROUP_SELF, 0, 0, 0, verb_policy, PASSWORD "GetPolicy",
	  N_("what a new password must be like"), NULL },

	{ "show", "USER", GROUP_STAFF, 1, 1, 0, verb_show, ADMIN "Show",
	  N_("the state of an account and what happened to it"), NULL },
	{ "find", "FILTER", GROUP_STAFF, 1, 1, 0, verb_find_people, ADMIN "Find",
	  N_("the user names that an LDAP filter selects"), NULL },
	{ "send-link", "USER…", GROUP_STAFF, 0, ARGS_ANY, OPT_FILE | OPT_FILTER | OPT_BATCH,
	  verb_send_link, ADMIN "SendLink " ADMIN "Find",
	  N_("mail a link to each, with which a new password can be set"),
	  N_("With --file or --filter, many at a time. The run has an id, shown at the start; when it was interrupted, the same\n"
	     "command with --batch=ID goes on, and nobody is mailed twice.") },
	{ "revoke", "USER…", GROUP_STAFF, 1, ARGS_ANY, 0, verb_revoke, ADMIN "Revoke",
	  N_("kill all links, codes and grants that are open"), NULL },
	{ "unlock", "USER…", GROUP_STAFF, 1, ARGS_ANY, 0, verb_unlock, ADMIN "Unlock",
	  N_("lift a lock by failures, and restore the tries for questions"), NULL },
	{ "set-mail", "USER ADDRESS", GROUP_STAFF, 2, 2, OPT_ONCE, verb_set_mail, ADMIN "SetMail",
	  N_("set a recovery address"), N_("The addresses that are on file are told.") },
	{ "set-password", "USER", GROUP_STAFF, 1, 1,
	  OPT_GENERATE | OPT_TEMPORARY | OPT_MAIL | OPT_STDIN, verb_set_password,
	  ADMIN "SetPassword", N_("set a password, or make one; the old one stops at once"), NULL },
	{ "set-pin", "USER", GROUP_STAFF, 1, 1, OPT_STDIN, verb_set_pin, ADMIN "SetPin",
	  N_("set the PIN that a caller is asked for"), N_("4 to 12 digits.") },
	{ "verify-pin", "USER", GROUP_STAFF, 1, 1, OPT_STDIN, verb_verify_pin, ADMIN "VerifyPin",
	  N_("is the caller who they say? ask for the PIN"),
	  N_("Exit status 3: wrong, or too many wrong ones.") },
	{ "remind-username", "USER", GROUP_STAFF, 1, 1, 0, verb_remind_username,
	  ADMIN "RemindUserName", N_("mail the user name to the addresses on file"), NULL },

	{ "doctor", NULL, GROUP_SYSTEM, 0, 0,
	  OPT_ALL | OPT_FIX | OPT_DRY_RUN | OPT_CANARY | OPT_TEST_MAIL, verb_doctor,
	  SERVICE "Diagnose " SERVICE "TestMail",
	  N_("what is wrong here, and the line that mends it"),
	  N_("Looks at the configuration, credentials, units, PAM stacks and sshd of this host, and has the daemon look at the\n"
	     "directory. Root sees most. Exit status 1: there are errors.\n"
	     "With --fix, owners and modes of our files are mended and our units enabled, after a script that undoes it was\n"
	     "written to /var/backups. All else is yours to decide: the line to write stands behind \"mend:\".") },
	{ "test-mail", "ADDRESS", GROUP_SYSTEM, 1, 1, 0, verb_test_mail, SERVICE "TestMail",
	  N_("send a test message and tell each step"), NULL },
	{ "statistics", NULL, GROUP_SYSTEM, 0, 0, 0, verb_statistics, SERVICE "GetStatus",
	  N_("how the service does"), NULL },
	{ "audit", NULL, GROUP_SYSTEM, 0, 0,
	  OPT_USER | OPT_BY | OPT_SINCE | OPT_UNTIL | OPT_LINES | OPT_FOLLOW, verb_audit, NULL,
	  N_("who did what for whom, from the journal"),
	  N_("Reading the journal needs root or the group systemd-journal or adm.") },
	{ "remind-expiry", NULL, GROUP_SYSTEM, 0, 0, OPT_DAYS, verb_remind_expiry,
	  ADMIN "RemindExpiry", N_("mail those whose password expires soon; for a timer"), NULL },
	{ "schema", "[conf|ldif|389ds]", GROUP_SYSTEM, 0, 1,
	  OPT_SCHEMA | OPT_ACL | OPT_INDEX | OPT_PPOLICY | OPT_SUFFIX | OPT_SERVICE | OPT_DATABASE,
	  verb_schema, NULL, N_("schema, access rules and indices for this directory"),
	  N_("conf is for slapd.conf, ldif (the default) for cn=config, 389ds for 389 Directory Server. Without --schema, --acl or\n"
	     "--index all three are printed; nothing is changed.") },
	{ "blocklist", "build OUTPUT [FILE…]", GROUP_SYSTEM, 2, ARGS_ANY,
	  OPT_HASHES | OPT_MIN_COUNT, verb_blocklist, NULL,
	  N_("make a filter of a list of leaked passwords"),
	  N_("Reads passwords, a line each, or with --hashes digests, from the files or stdin, of any length in little memory.\n"
	     "Name the output in pwreset.conf: [policy] site-blocklist=.") },
	{ "pepper", NULL, GROUP_SYSTEM, 0, 0, 0, verb_pepper, NULL,
	  N_("a new line for the credential pepper"), NULL },
	{ "fleet", "[list|add|remove|lift HOST]", GROUP_SYSTEM, 0, 3, OPT_CENTRAL, verb_fleet,
	  SERVICE "GetHost " SERVICE "CutHost " SERVICE "LiftHost",
	  N_("hosts that recover through this one: show, add, remove, let in again"),
	  N_("add HOST [KEY-FILE] prints what to do on both sides and does nothing; KEY-FILE is the host's public key, - is stdin.\n"
	     "remove cuts the host off for a day and prints what takes its key away. lift lets a host in again that was cut off for\n"
	     "wrong guesses.") },
	{ "relay", "HOST", GROUP_SYSTEM, 1, 1, 0, verb_relay, "org.pwreset.Relay.Hello",
	  N_("forced command for ssh: join this connection to the service"),
	  N_("For authorized_keys of the account pwreset-relay: restrict,command=\"pwresetctl relay HOST\" KEY") },
	{ 0 },
};

const Verb *verb_find(const char *name)
{
	for (const Verb *v = verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}
