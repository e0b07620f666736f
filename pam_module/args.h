/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module's arguments, pam_pwreset(8). */
#pragma once

#include "macros.h"

#define ARGS_SOCKET "/run/pwreset/pam"
#define ARGS_SOCKET_MAX 107 /* bytes: what fits into sockaddr_un */
#define ARGS_SERVICES "login,sshd,gdm-password,lightdm,cockpit"
#define ARGS_TIMEOUT_S 15
#define ARGS_TIMEOUT_MAX_S 60
#define ARGS_TRIES 3
#define ARGS_TRIES_MAX 10
#define ARGS_NUDGE_MAX_DAYS 365

typedef struct Args {
	const char *socket;
	const char *services; /* separated by commas */
	unsigned timeout_ms;  /* connecting, and then a call; double where a password is written */
	unsigned tries;
	unsigned nudge_days; /* 0: never */
	bool sssd_ask;       /* ask for the password even where SSSD would ask for second factors */
	bool faillock;       /* a recovery answers PAM_AUTHTOK_RECOVERY_ERR, to jump by */
	bool policy_only;    /* password: only judge the new one, a module below writes it */
	bool use_authtok;    /* password: a module above has asked for the new one */
	bool enforce_for_root; /* policy_only: root is bound too */
} Args;

/*
 * Strings stay in argv. Strict: an argument that is unknown, repeated or out of range gives -EINVAL
 * and *bad, because a misspelt one must be seen and may not change what the others mean.
 */
int args_parse(Args *args, int argc, const char **argv, const char **bad);

/* Whether recovery is offered in this PAM service: exact names only. */
bool args_has_service(const Args *args, const char *service);
