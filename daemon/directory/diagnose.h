/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directory's part of the doctor: each check writes findings into the open array. */
#pragma once

#include "account.h"

typedef enum Severity { SEVERITY_OK, SEVERITY_NOTICE, SEVERITY_WARNING, SEVERITY_ERROR } Severity;

typedef struct Diagnosis {
	Call *call;
	JsonWriter *w;
	Account sample;    /* an ordinary person; entry NULL when there is none */
	bool exposed;      /* to everybody, so that it need not be tried as somebody */
	bool hashing_seen; /* with hash=server: what the server makes of a password was found out */
} Diagnosis;

/* evidence and remedy: NULL when there is none. */
void finding(Diagnosis *diagnosis, Severity severity, const char *what, const char *text,
	     const char *evidence, const char *remedy);

/* diagnose_config.c: what the configuration alone tells */
void diagnose_config(Diagnosis *diagnosis);
/* diagnose_server.c: what kind of server, TLS, replicas */
void diagnose_server(Diagnosis *diagnosis);
/* diagnose_people.c: entries; sets sample */
void diagnose_people(Diagnosis *diagnosis);
/* diagnose_access.c: schema and access rules, tried for real */
void diagnose_access(Diagnosis *diagnosis);
/*
 * Whether who, bound with that password, or everybody (NULL, NULL) sees secrets of the sample; a
 * finding if so.
 */
bool diagnose_exposed(Diagnosis *diagnosis, const char *who, const Secret *password);
/* diagnose_canary.c: a real redemption, on decoy-dn= */
void diagnose_canary(Diagnosis *diagnosis);
/* diagnose_policy.c: the password policy overlay */
void diagnose_policy(Diagnosis *diagnosis);
