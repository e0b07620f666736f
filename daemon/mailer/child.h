/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts and ends the process in which libesmtp runs. */
#pragma once

#include <sys/types.h>

#include "smtp.h"

typedef struct Child {
	pid_t pid;  /* 0: none */
	int stream; /* SMTP with libesmtp, non-blocking */
	int orders;
} Child;

#define CHILD_NULL ((Child){ .stream = -1, .orders = -1 })

/* setup->stream and setup->orders are filled in for the child. 0 or a negative errno. */
int child_start(Child *child, const SmtpSetup *setup);
/* Kills and reaps it; takes CHILD_NULL. */
void child_stop(Child *child);

int child_order(const Child *child, SmtpOrder order);
