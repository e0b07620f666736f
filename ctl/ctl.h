/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every verb gets: the options, its arguments, and the connection, which is made when it is
 * first needed.
 */
#pragma once

#include <libintl.h>

#include "client.h"
#include "secret.h"

#define _(text) gettext(text)
#define N_(text) text

/* pwresetctl(1) documents these. */
typedef enum ExitCode {
	EXIT_OK = 0,
	EXIT_FAILED = 1,      /* something went wrong, or findings, or some of many */
	EXIT_USAGE = 2,       /* the command line or the configuration */
	EXIT_REFUSED = 3,     /* the service says no: not permitted, wrong, against the policy */
	EXIT_UNREACHABLE = 4, /* pwresetd does not answer */
	EXIT_LATER = 5,       /* directory or relay down, or too many calls: try again later */
} ExitCode;

typedef enum OutputMode { OUTPUT_TABLE, OUTPUT_SHORT, OUTPUT_PRETTY } OutputMode;

typedef struct Verb Verb;

typedef struct Options {
	const char *socket;
	OutputMode output;
	bool help;
	bool version;
	bool no_legend;
	bool quiet;
	bool all;
	bool batch; /* --batch, with an id or without one */
	const char *batch_id;
	const char *file;
	const char *filter;
	const char *user;
	const char *by;
	const char *since;
	const char *until;
	const char *language;
	const char *suffix;
	const char *service;
	const char *database;
	const char *hashes;
	const char *central;
	unsigned lines;
	unsigned days;
	unsigned min_count;
	bool once;
	bool generate;
	bool temporary;
	bool mail;
	bool from_stdin;
	bool follow;
	bool schema;
	bool acl;
	bool index;
	bool ppolicy;
	bool fix;
	bool dry_run;
	bool canary;
	const char *test_mail;
} Options;

typedef struct Ctl {
	const Verb *verb;
	Options options;
	char **args; /* behind the verb */
	int n_args;
	const char *default_socket; /* NULL: the one of pwresetctl */
	Client *client;
} Ctl;

/* Complaints go to stderr, "pwresetctl: " before them. */
void complain(const char *format, ...) PRINTF(1, 2);
/* The same for a wrong command line, with the way to the help; returns EXIT_USAGE. */
int complain_usage(const Ctl *ctl, const char *format, ...) PRINTF(2, 3);

/*
 * A call: ctl_open() gives the writer inside "parameters", ctl_call() sends and waits. Both return
 * 0, or the exit code after the error has been put into words on stderr. The parameters stay valid
 * until the next call.
 */
int ctl_open(Ctl *ctl, const char *method, JsonWriter **ret);
/* The same with "more": ctl_next() has the next reply while the last one had reply->continues. */
int ctl_open_more(Ctl *ctl, const char *method, JsonWriter **ret);
int ctl_call(Ctl *ctl, const JsonNode **ret);
/* The same without words for an error reply; *reply->error says which. */
int ctl_exchange(Ctl *ctl, VarlinkReply *reply);
int ctl_next(Ctl *ctl, VarlinkReply *reply);
/* A call of one parameter "user", or of none when user is NULL. */
int ctl_call_user(Ctl *ctl, const char *method, const char *user, const JsonNode **ret);
/* Drops a connection that is of no use any more; the next call makes a new one. */
void ctl_disconnect(Ctl *ctl);

/* Words for an error reply, on stderr; returns the exit code. */
int failure_report(const VarlinkReply *reply);
ExitCode failure_exit(const char *error);

/* Words for codes of the service; the code itself when it is of a newer service. */
const char *reason_text(const char *code);        /* NotAllowed, results of SendLink */
const char *policy_reason_text(const char *code); /* PasswordRefused, Check */
const char *policy_hint_text(const char *code);
const char *answer_reason_text(const char *code); /* AnswerRefused */
const char *missing_text(const char *code);       /* Account.Status */
const char *event_text(const char *code);         /* Admin.Show */

/* A secret in base64, which leaves no copy behind. */
void put_secret(JsonWriter *w, const char *key, const Secret *secret);
/*
 * "de-CH" of the locale or of --language; NULL when there is none (or C). size of ret: LANGUAGE_MAX
 * + 1.
 */
const char *language_get(const Ctl *ctl, char *ret, size_t size);
/* The caller's own login name, or NULL. */
const char *own_name(void);
/*
 * The same as the parameter "user": where people are told of a change, the service has to know
 * whom.
 */
void put_oneself(JsonWriter *w);
/* A uid in text by its name; what is none stays as it is. */
void who_format(const char *uid, char *ret, size_t size);
