/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder that stands for /, made once for all inputs of a process. */
#pragma once

#include <sys/un.h>

#include "broker_world.h"

#define DISK_FILES_MAX 8

typedef struct DiskFile {
	char name[32];
	char *data;
	size_t size;
} DiskFile;

/* With this configuration and no state. */
void disk_open(const char *config);
const char *disk_root(void);
/* No secret is ever on the disk: fails if one is. */
void disk_inspect(void);
/* The state as it is at this moment, and again as it was then; frees what was kept. */
void disk_keep(DiskFile files[DISK_FILES_MAX]);
void disk_put_back(DiskFile files[DISK_FILES_MAX]);

/* Below /run/pwreset: a listening socket, and where it is. */
int disk_door_open(const char *name);
void disk_door_address(struct sockaddr_un *ret, const char *name);
