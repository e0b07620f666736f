/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A person by script at a real libpam: a conversation that answers prompts in order and writes down
 * everything that was said. The stack comes from a folder of the test's own.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <security/pam_appl.h>

/* Special answers, told apart by address. */
extern const char answer_abort[]; /* the conversation returns PAM_CONV_ERR, from here on */
extern const char answer_null[];  /* success without a reply */

#define STEPS_MAX 64
#define TRANSCRIPT_SIZE 16384
#define AUTHTOK_SIZE 2048

typedef struct Talk {
	const char *answers[STEPS_MAX + 1]; /* in order of the prompts, NULL-terminated */
	bool echo_on_fails; /* like sshd's password method: PAM_CONV_ERR at visible prompts */
	const char *replay; /* like some greeters: the same reply to every prompt */
	bool drop_messages; /* like sudo may: info and errors are not shown */
	bool junk;          /* like sshd with users whom it does not know */
	bool quiet;         /* keep no transcript (canary tests) */

	/* Written by the conversation. */
	unsigned prompts;
	bool exhausted; /* a prompt came for which the script had no answer */
	bool aborted;
	char transcript[TRANSCRIPT_SIZE]; /* "hidden|shown|info|error: text" lines */

	/* Written by pam_probe.so, which stands below the module. */
	bool probed;
	bool authtok_set;
	char authtok[AUTHTOK_SIZE];
	char oldauthtok[AUTHTOK_SIZE];
	/* What it verifies, as pam_unix would; NULL: nothing is right. */
	const char *password;
	int probe_chauthtok; /* what it returns there */
	/* Called instead of all that, when set. */
	int (*below)(pam_handle_t *pamh);
} Talk;

#define ANSWERS(...)                                                                               \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

int talk_conv(int n, const struct pam_message **messages, struct pam_response **ret, void *talk);

/* A folder with PAM files, removed by stage_free(). */
typedef struct Stage {
	char folder[64];
	char socket[96];
} Stage;

void stage_init(Stage *stage);
void stage_free(Stage *stage);
/*
 * Writes the service: lines with %M for the module, %P for the probe, %S for the socket, separated
 * by newlines.
 */
void stage_service(const Stage *stage, const char *service, const char *lines);

pam_handle_t *talk_start(const Stage *stage, const char *service, const char *user, Talk *talk);
/* Starts, calls pam_authenticate, ends. */
int talk_authenticate(const Stage *stage, const char *service, const char *user, Talk *talk);
int talk_chauthtok(const Stage *stage, const char *service, const char *user, Talk *talk,
		   int flags);
