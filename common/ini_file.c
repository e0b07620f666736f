/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a file that decides about security: who could have written it is asked of the descriptor,
 * not of the path.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "ini.h"
#include "secret.h"

static int refuse(const char *path, const char *message, IniComplaint complain, void *userdata)
{
	const IniPlace place = { .file = path };

	if (complain)
		complain(&place, message, userdata);
	return -EPERM;
}

static int refuse_errno(const char *path, const char *what, int error, IniComplaint complain,
			void *userdata)
{
	char message[160];

	snprintf(message, sizeof(message), "The file cannot be %s: %s.", what,
		 strerrordesc_np(error));
	refuse(path, message, complain, userdata);
	return -error;
}

static int check_status(const char *path, const struct stat *st, mode_t forbidden,
			IniComplaint complain, void *userdata)
{
	char message[160];

	if (!S_ISREG(st->st_mode))
		return refuse(path, "This is not a regular file: put one there.", complain,
			      userdata);
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		snprintf(message, sizeof(message), "The file belongs to uid %lu: chown root it.",
			 (unsigned long)st->st_uid);
		return refuse(path, message, complain, userdata);
	}
	if ((st->st_mode & forbidden) != 0) {
		snprintf(message, sizeof(message), "The mode %04o lets others %s: chmod %s it.",
			 (unsigned)(st->st_mode & 07777), forbidden & 0044 ? "read it" : "write it",
			 forbidden & 0044 ? "0600" : "0644");
		return refuse(path, message, complain, userdata);
	}
	if (st->st_size > INI_FILE_MAX)
		return refuse(path, "The file is too long to be what it should be.", complain,
			      userdata);
	return 0;
}

/*
 * At most size bytes; a file that grows meanwhile is cut, which the caller sees by size being
 * reached.
 */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, data + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int ini_read_file_mode(const char *path, mode_t forbidden, char **ret, size_t *ret_len,
		       IniComplaint complain, void *userdata)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	size_t size;
	ssize_t n;
	char *data;
	int r;

	/* Non-blocking: a pipe in its place must not hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 && errno == ELOOP)
		return refuse(path, "This is a symbolic link: put the file itself there.", complain,
			      userdata);
	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse_errno(path, "opened", errno, complain, userdata);
	r = check_status(path, &st, forbidden, complain, userdata);
	if (r < 0)
		return r;

	size = (size_t)st.st_size + 1;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	n = read_all(fd, data, size);
	if (n < 0 || (size_t)n == size) {
		memory_wipe(data, size);
		free(data);
		if (n < 0)
			return refuse_errno(path, "read", (int)-n, complain, userdata);
		return refuse(path, "The file changed while it was read: try again.", complain,
			      userdata);
	}
	data[n] = '\0';
	*ret = data;
	*ret_len = (size_t)n;
	return 0;
}

int ini_read_file(const char *path, bool secret, char **ret, size_t *ret_len, IniComplaint complain,
		  void *userdata)
{
	return ini_read_file_mode(path, secret ? 0077 : 0022, ret, ret_len, complain, userdata);
}
