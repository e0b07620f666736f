/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names that stand for this directory in the shipped schema files. */
#pragma once

#include "config.h"
#include "ctl.h"

typedef struct SchemaNames {
	char suffix[512];
	char people[512];
	char service[600];
	char groups[600];     /* where groups are */
	char privileged[512]; /* names with blanks between */
	const char *database;
	char uid[16], gid[16];
	ConfigHash hash;
} SchemaNames;

/* The database's suffix, guessed: the "dc=" parts at the end of base, or its last part. */
const char *schema_suffix(const char *base);
/*
 * Prints the files of a format with the names in them: 0, an exit code, or -ENOENT when there is no
 * such format.
 */
int schema_print(const SchemaNames *names, const char *folder, const char *format,
		 const Options *options);
