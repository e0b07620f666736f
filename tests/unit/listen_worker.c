/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for both workers in test_broker_listen.py: it answers each call with what it is and
 * what it can see. */

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "macros.h"

#define CALL_MAX 65536

/* The text of a credential as a JSON string, or null. */
static void credential_tell(FILE *out, const char *key, const char *name)
{
	char path[4096], text[256];
	AUTO_FCLOSE FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/%s", getenv("CREDENTIALS_DIRECTORY"), name);
	f = fopen(path, "re");
	if (f && fgets(text, sizeof(text), f))
		fprintf(out, ",\"%s\":\"%s\"", key, text);
	else
		fprintf(out, ",\"%s\":null", key);
}

static bool folder_lists(const char *path)
{
	DIR *dir = opendir(path);

	if (dir)
		closedir(dir);
	return dir;
}

static unsigned descriptors_count(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void self_tell(FILE *out, char **environment)
{
	gid_t groups[64];
	bool first = true;

	fprintf(out,
		"{\"parameters\":{\"uid\":%u,\"gid\":%u,\"groups\":%d,\"fds\":%u,\"environment\":[",
		getuid(), getgid(), getgroups(ARRAY_SIZE(groups), groups), descriptors_count());
	for (; *environment; environment++, first = false)
		fprintf(out, "%s\"%.*s\"", first ? "" : ",", (int)strcspn(*environment, "="),
			*environment);
	fprintf(out, "],\"listed\":%s,\"programs\":%s",
		folder_lists(getenv("CREDENTIALS_DIRECTORY")) ? "true" : "false",
		access("/bin/sh", R_OK) == 0 && folder_lists("/usr/bin") ? "true" : "false");
	credential_tell(out, "pepper", "pepper");
	credential_tell(out, "smtp", "smtp-password");
	fprintf(out, "}}%c", 0);
}

int main(int argc UNUSED, char **argv UNUSED, char **environment)
{
	static char call[CALL_MAX];
	size_t len = 0;
	AUTO_FCLOSE FILE *out = fdopen(dup(STDIN_FILENO), "w");

	/* One call at a time, as the broker sends them. */
	for (ssize_t n; out && len < sizeof(call) &&
			(n = read(STDIN_FILENO, call + len, sizeof(call) - len)) > 0;) {
		len += (size_t)n;
		if (call[len - 1] != '\0')
			continue;
		if (strstr(call, "Directory.Mint"))
			fprintf(out, "{\"parameters\":{\"skip\":\"no-address\"}}%c", 0);
		else
			self_tell(out, environment);
		fflush(out);
		len = 0;
	}
	return 0;
}
