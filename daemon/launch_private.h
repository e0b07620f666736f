/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the launcher's loop and the processes that it starts. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "identity.h"

#define DOORS 6 /* four sockets of the broker, then those of the workers */
#define DOORS_BROKER 4

typedef struct Door {
	const char *name;
	const char *owner;
	mode_t mode;
	const char *program;            /* of a worker; NULL: the broker's */
	const char *user;               /* whom the worker runs as */
	const char *const *credentials; /* that it may have; ends with NULL */
	bool listens; /* a worker that speaks to its own child over the loopback */
	int fd;
} Door;

/* root's folders, sockets and copies of credentials: 0 or negative errno, said in the log. */
int launch_folders(const char *root);
int launch_door_open(const char *root, Door *door);
void launch_door_close(const char *root, Door *door);
int launch_credentials(const char *root, const Door *door);

/* The processes: pid or negative errno. */
pid_t launch_broker(const char *root, const Door doors[static DOORS]);
pid_t launch_worker(const char *root, const Door *door, int connection);
