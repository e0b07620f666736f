/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Findings about this host, in the form of org.pwreset.Service.Finding, so that those of the daemon stand beside them. */
#pragma once

#include "ctl.h"

typedef enum Severity { SEVERITY_OK, SEVERITY_NOTICE, SEVERITY_WARNING, SEVERITY_ERROR } Severity;

typedef struct Doctor {
	const char *root; /* "" or the folder that stands for / (tests) */
	JsonWriter *w;    /* inside the array of findings */
} Doctor;

/* text, evidence, remedy: cleaned of what is no text; the last two may be NULL. */
void finding_add(Doctor *doctor, Severity severity, const char *what, const char *text, const char *evidence,
		 const char *remedy);

void doctor_files(Doctor *doctor);  /* configuration, credentials, sockets */
void doctor_units(Doctor *doctor);  /* systemd */
void doctor_pam(Doctor *doctor);    /* stacks */
void doctor_sshd(Doctor *doctor);

/* Runs a program of this host and reads what it says, at most size - 1 bytes: its exit status, or negative errno. */
int program_read(const char *const *argv, char *ret, size_t size);
