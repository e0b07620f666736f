/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor may mend: modes of our files, owners and modes of our folders and sockets, our
 * units. Each can be undone, and the script that does so is on the disk before anything is changed.
 * A file that is not root's is left alone, as root would vouch for what somebody else has written;
 * so is whatever is not ours: PAM stacks, sshd, the directory.
 */
#pragma once

#include <sys/stat.h>

#include "doctor.h"

#define FIXES_MAX 64

Fixes *fixes_new(bool dry_run);
Fixes *fixes_free(Fixes *fixes);
DEFINE_CLEANUP(Fixes *, fixes_free)

/*
 * While doctor->collecting; otherwise they do nothing. st: as it was seen; NULL: a folder that is
 * missing.
 */
void fix_file(Doctor *doctor, const char *path, const struct stat *st, mode_t mode);
void fix_owned(Doctor *doctor, const char *path, const struct stat *st, uid_t uid, gid_t gid,
	       mode_t mode);
void fix_unit(Doctor *doctor, const char *unit, const char *service, bool active, bool enabled);

/* 0, or an exit code when something could not be mended, which has been said. */
int fixes_apply(Fixes *fixes);
void fixes_print(const Fixes *fixes);
/* A member "fixes": what was done, or would be, and what undoes it. */
void fixes_put(const Fixes *fixes, JsonWriter *w);
