/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts that recover through this one: their keys lie in one file, a line each, which is the list
 * of them.
 */
#pragma once

#include "ctl.h"
#include "validate.h"
#include "version.h"

/* On a central host. */
#define FLEET_KEYS PWRESET_CONFDIR "/fleet.keys"
#define FLEET_SSHD PWRESET_DATADIR "/fleet.sshd"
#define FLEET_PORT "4722" /* pwreset-relay-ssh.socket */
/* On a host of the fleet. */
#define FLEET_KEY PWRESET_CONFDIR "/fleet.key"
#define FLEET_SSH PWRESET_CONFDIR "/fleet.ssh"
#define FLEET_KNOWN PWRESET_CONFDIR "/fleet.known_hosts"
#define FLEET_LINE_MAX 4096 /* the longest line that a key of today makes is a quarter of that */
#define FLEET_KEY_MAX 2048
#define FLEET_RELAY "pwresetctl relay "
#define FLEET_ALIAS "pwreset-central" /* pwreset-fleet@.service asks for the keys by this name */

/* The host that a line of FLEET_KEYS lets in; false: none, or not as "fleet add" writes it. */
bool fleet_line_host(const char *line, char ret[static HOST_NAME_MAX_LEN + 1]);
/*
 * Type and base64 of a public key as ssh-keygen writes it; options and comment are left out. False:
 * it is none.
 */
bool fleet_key_parse(const char *line, char ret[static FLEET_KEY_MAX]);
/* The line that takes the host's keys away. */
void fleet_forget_print(const char *host);
/* What to do on both sides, as two scripts. key: NULL when it is not known yet. */
void fleet_add_print(const char *host, const char *central, const char *key);
