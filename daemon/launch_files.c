/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tmpfiles, socket units and LoadCredential= do elsewhere. */

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "launch_private.h"
#include "log.h"
#include "secret.h"
#include "version.h"

#define BACKLOG 128
#define CREDENTIAL_MAX 65536
#define USER_BROKER "pwreset"

static int fail(const char *what)
{
	int r = -errno;

	log_line(LOG_ERR, "%s: %m", what);
	return r;
}

static int user_of(const char *root, const char *name, uid_t *uid, gid_t *gid)
{
	int r = identity_user(root, name, uid, gid);

	if (r < 0)
		log_line(LOG_ERR,
			 "There is no user \"%s\": create the users of sysusers.d/pwreset.conf.",
			 name);
	return r;
}

/* A folder of that owner and mode, whatever it was before. */
static int folder_make(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	AUTO_CLOSE int fd = -1;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail(path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		return fail(path);
	return 0;
}

int launch_folders(const char *root)
{
	char path[PATH_MAX];
	uid_t uid;
	gid_t gid;
	int r;

	r = user_of(root, USER_BROKER, &uid, &gid);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s%s", root, PWRESET_STATEDIR);
	r = folder_make(path, uid, gid, 0700);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s%s", root, PWRESET_RUNDIR);
	r = folder_make(path, 0, 0, 0755);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s%s/credentials", root, PWRESET_RUNDIR);
	return folder_make(path, 0, 0, 0755);
}

static int door_address(const char *root, const Door *door, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s%s/%s", root, PWRESET_RUNDIR,
		     door->name);
	return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

int launch_door_open(const char *root, Door *door)
{
	AUTO_CLOSE int fd = -1;
	struct sockaddr_un address;
	mode_t mask;
	uid_t uid = 0;
	gid_t gid = 0;
	int r, bound;

	r = door_address(root, door, &address);
	if (r == 0 && strcmp(door->owner, "root") != 0)
		r = user_of(root, door->owner, &uid, &gid);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail("socket");
	unlink(address.sun_path);
	/*
	 * Closed to everybody until it has its owner and mode; a listening socket's peer
	 * credentials are those of listen().
	 */
	mask = umask(0777);
	bound = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (bound < 0 || lchown(address.sun_path, uid, gid) < 0 ||
	    chmod(address.sun_path, door->mode) < 0 || listen(fd, BACKLOG) < 0)
		return fail(address.sun_path);
	door->fd = steal_fd(&fd);
	return 0;
}

void launch_door_close(const char *root, Door *door)
{
	struct sockaddr_un address;

	if (door->fd < 0)
		return;
	closep(&door->fd);
	door->fd = -1;
	if (door_address(root, door, &address) == 0)
		unlink(address.sun_path);
}

/* A credential is copied, because the worker's user may not read the original. */
static int credential_copy(const char *root, const char *folder, const char *name, uid_t uid,
			   gid_t gid)
{
	AUTO_CLOSE int in = -1, out = -1;
	char path[PATH_MAX], text[CREDENTIAL_MAX];
	struct stat st;
	ssize_t n;
	int r = 0;

	snprintf(path, sizeof(path), "%s%s/credentials/%s", root, PWRESET_CONFDIR, name);
	in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (in < 0)
		return errno == ENOENT ? 0 : fail(path);
	if (fstat(in, &st) < 0)
		return fail(path);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 077) != 0) {
		log_line(LOG_ERR, "%s: must be a file of root with mode 0600.", path);
		return -EPERM;
	}
	n = read(in, text, sizeof(text));
	if (n < 0)
		return fail(path);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
	if (out < 0 || write(out, text, (size_t)n) != n || fchown(out, uid, gid) < 0)
		r = fail(path);
	memory_wipe(text, sizeof(text));
	return r;
}

int launch_credentials(const char *root, const Door *door)
{
	char folder[PATH_MAX];
	uid_t uid;
	gid_t gid;
	int r;

	r = user_of(root, door->user, &uid, &gid);
	if (r < 0)
		return r;
	snprintf(folder, sizeof(folder), "%s%s/credentials/%s", root, PWRESET_RUNDIR, door->name);
	r = folder_make(folder, 0, gid, 0710);
	for (size_t i = 0; door->credentials[i] && r == 0; i++)
		r = credential_copy(root, folder, door->credentials[i], uid, gid);
	return r;
}
