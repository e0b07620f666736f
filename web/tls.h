/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificate and key of the page's own TLS, watched so that a renewed one is taken up without
 * a restart. */
#pragma once

#include "ini.h"

#define TLS_FILE_MAX (128 * 1024)

/* What a file was like when it was read: a renewal changes one of these. */
typedef struct TlsMark {
	uint64_t device, inode, size;
	int64_t changed_ns;
} TlsMark;

typedef struct TlsFiles {
	const char *certificate_path; /* not owned */
	const char *key_path;
	char *certificate; /* PEM */
	char *key;         /* PEM, wiped */
	TlsMark marks[2];
} TlsFiles;

/*
 * Reads both anew; what was read before stays when that fails. The key must not be accessible to
 * others, neither file writable by them; symbolic links are followed, since renewal tools use them.
 * Negative errno after a complaint.
 */
int tls_files_load(TlsFiles *files, IniComplaint complain, void *userdata);
/* True when one of the files is another than the one that was read. */
bool tls_files_changed(const TlsFiles *files);
void tls_files_deinit(TlsFiles *files);
