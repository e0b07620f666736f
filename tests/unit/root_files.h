/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files below a folder that stands for the root of a host. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "macros.h"
#include "unit.h"

/* name: from the "/" on; folders on the way are made. */
static inline void root_put(const char *root, const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *p = strchr(path + strlen(root) + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline int root_remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
				  struct FTW *ftw)
{
	return ftw->level > 0 ? remove(path) : 0;
}

/* Everything below it goes. */
static inline void root_clean(const char *root)
{
	assert_int_equal(nftw(root, root_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
