/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Findings about this host, in the form of org.pwreset.Service.Finding, so that those of the daemon
 * stand beside them.
 */
#pragma once

#include "ctl.h"

typedef enum Severity { SEVERITY_OK, SEVERITY_NOTICE, SEVERITY_WARNING, SEVERITY_ERROR } Severity;

typedef struct Fixes Fixes;

typedef struct Doctor {
	const char *root; /* "" or the folder that stands for / (tests) */
	bool member;      /* of the fleet: there is no daemon here */
	JsonWriter *w;    /* inside the array of findings */
	Fixes *fixes;     /* NULL: nothing is to be mended */
	bool collecting;  /* the checks add to fixes what would mend what they find */
} Doctor;

/* text, evidence, remedy: in English, cleaned of what is no text; the last two may be NULL. */
void finding_add(Doctor *doctor, Severity severity, const char *what, const char *text,
		 const char *evidence, const char *remedy);

void doctor_files(Doctor *doctor);      /* configuration, credentials, sockets */
void doctor_host_state(Doctor *doctor); /* clock, disk, sender, what the proxy logs */
void doctor_units(Doctor *doctor);      /* systemd */
void doctor_pam(Doctor *doctor);        /* stacks */
void doctor_sshd(Doctor *doctor);
bool fleet_member(void); /* this host asks a central one */
void doctor_fleet_member(Doctor *doctor);
void doctor_fleet_central(Doctor *doctor); /* the keys that are let in, if there are any */
void doctor_daemon(Ctl *ctl, Doctor *doctor);
void doctor_mail(Ctl *ctl, Doctor *doctor); /* --test-mail= */

/* The command that starts a unit of ours for good; service: the one that is handed it, or NULL. */
void unit_remedy(const char *unit, const char *service, char *ret, size_t size);
/*
 * Runs a program of this host and reads what it says, at most size - 1 bytes: its exit status, or
 * negative errno.
 */
int program_read(const char *const *argv, char *ret, size_t size);
