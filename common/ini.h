/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A strict reader of "[section] key = value" text. Own code, because the packaged readers lose the
 * file and line of a merged value or swallow lines that they do not understand (libeconf 0.5.1,
 * tried), and an error here has to name both.
 */
#pragma once

#include <sys/types.h>

#include "macros.h"

#define INI_LINE_MAX 4096         /* bytes of one line */
#define INI_FILE_MAX (256 * 1024) /* bytes of one file */

/* Where something stands, for messages. */
typedef struct IniPlace {
	const char *file;
	unsigned line; /* from 1; 0 when the file as a whole is meant */
} IniPlace;

/* Called for each assignment, in order; a non-zero return ends the parse and is passed on. */
typedef int (*IniHandler)(const IniPlace *place, const char *section, const char *key,
			  const char *value, void *userdata);
/* Called for what is wrong with the text itself; message is a whole sentence with the remedy. */
typedef void (*IniComplaint)(const IniPlace *place, const char *message, void *userdata);

/*
 * Grammar: lines; '#' or ';' in the first column that is not blank starts a comment (never later in
 * a line); [section]; key = value, blanks around both trimmed, value verbatim otherwise (but tabs
 * are blanks); no continuation lines. UTF-8 without controls. 0; -EBADMSG after one or more
 * complaints (the rest is read on for further ones); the handler's return.
 */
int ini_parse(const char *file, const char *text, size_t len, IniHandler handler,
	      IniComplaint complain, void *userdata);

/*
 * Reads a whole file that only root (or the caller) could have written: opened without following a
 * link in the last component, then owner and mode checked on the descriptor; group- or
 * world-writable is refused. With secret set, any access by others than the owner is refused too.
 * -ENOENT without a complaint; -EPERM and other negative errno after one. *ret is malloc'ed and
 * NUL-terminated behind *ret_len; wipe it if secret.
 */
int ini_read_file(const char *path, bool secret, char **ret, size_t *ret_len, IniComplaint complain,
		  void *userdata);
/* The same with the mode bits named that the file must not have. */
int ini_read_file_mode(const char *path, mode_t forbidden, char **ret, size_t *ret_len,
		       IniComplaint complain, void *userdata);
