/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials: what systemd passed on, else a file of ours. */

#include <limits.h>
#include <string.h>

#include "config.h"
#include "secret.h"
#include "version.h"

static int path_build(const char *name, char *ret, size_t size, mode_t *ret_forbidden)
{
	const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");
	int n;

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
		return -EINVAL;
	if (dir && dir[0] == '/') {
		/*
		 * systemd lets the unit's user in by an ACL, whose mask shows as the group's bits.
		 */
		*ret_forbidden = 0027;
		n = snprintf(ret, size, "%s/%s", dir, name);
		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		if (access(ret, F_OK) == 0)
			return 0;
	}
	*ret_forbidden = 0077;
	n = snprintf(ret, size, PWRESET_CONFDIR "/credentials/%s", name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int credential_read(const char *name, void *ret, size_t size, size_t *ret_len,
		    IniComplaint complain, void *userdata)
{
	char path[PATH_MAX], *data;
	mode_t forbidden;
	size_t len;
	int r;

	r = path_build(name, path, sizeof(path), &forbidden);
	if (r < 0)
		return r;
	r = ini_read_file_mode(path, forbidden, &data, &len, complain, userdata);
	if (r < 0)
		return r;
	if (len > 0 && data[len - 1] == '\n')
		data[--len] = '\0';
	if (len > size) {
		const IniPlace place = { .file = path };

		if (complain)
			complain(&place,
				 "The secret is longer than it may be: write a shorter one.",
				 userdata);
		r = -E2BIG;
	} else {
		memcpy(ret, data, len);
		*ret_len = len;
	}
	memory_wipe(data, len + 1);
	free(data);
	return r;
}
