/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder that stands for /: the configuration, the doors and the state in it. */

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "broker_disk.h"
#include "fuzz.h"

static char root[32]; /* kept for all inputs */
static int root_pid;

const char *disk_root(void)
{
	return root;
}

static const char *disk_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s%s", root, name);
	return path;
}

static void file_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	assert(fd >= 0);
	n = write(fd, data, size);
	assert(n == (ssize_t)size);
	close(fd);
}

/* Calls of the state's files by name; each may be removed. */
static void state_each(void (*function)(const char *path, const char *name, void *userdata),
		       void *userdata)
{
	DIR *dir = opendir(disk_path("/var/lib/pwreset"));
	struct dirent *entry;

	assert(dir);
	while ((entry = readdir(dir))) {
		char path[512];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", disk_path("/var/lib/pwreset"), entry->d_name);
		function(path, entry->d_name, userdata);
	}
	closedir(dir);
}

static void file_remove(const char *path, const char *name UNUSED, void *userdata UNUSED)
{
	unlink(path);
}

static char *file_read(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;
	ssize_t n;

	assert(fd >= 0);
	if (fstat(fd, &st) < 0)
		abort();
	data = malloc((size_t)st.st_size + 1);
	assert(data);
	n = read(fd, data, (size_t)st.st_size);
	assert(n == st.st_size);
	data[n] = '\0';
	close(fd);
	*ret_size = (size_t)n;
	return data;
}

static void file_keep(const char *path, const char *name, void *userdata)
{
	DiskFile *file = userdata;

	while (file->data)
		file++;
	assert(file < (DiskFile *)userdata + DISK_FILES_MAX);
	assert(strlen(name) < sizeof(file->name));
	memcpy(file->name, name, strlen(name) + 1);
	file->data = file_read(path, &file->size);
}

/* No secret is ever on the disk. */
static void file_inspect(const char *path, const char *name UNUSED, void *userdata UNUSED)
{
	size_t size;
	char *data = file_read(path, &size);

	assert(!memmem(data, size, WORLD_CANARY, strlen(WORLD_CANARY)));
	assert(!memmem(data, size, WORLD_CANARY_64, strlen(WORLD_CANARY_64)));
	free(data);
}

void disk_door_address(struct sockaddr_un *ret, const char *name)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/run/pwreset/%s", root, name);
}

int disk_door_open(const char *name)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	assert(fd >= 0);
	disk_door_address(&address, name);
	unlink(address.sun_path);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	assert(r == 0);
	r = listen(fd, 64);
	assert(r == 0);
	return fd;
}

static int tree_remove(const char *path, const struct stat *st UNUSED, int type UNUSED,
		       struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void root_remove(void)
{
	/* libFuzzer's -fork=1 and others that fork leave it to the first. */
	if (root_pid == getpid())
		nftw(root, tree_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void root_make(const char *config)
{
	static const char *const folders[] = { "/etc",        "/etc/pwreset",     "/var",
					       "/var/lib",    "/var/lib/pwreset", "/run",
					       "/run/pwreset" };

	if (root_pid == getpid())
		return;
	snprintf(root, sizeof(root), "%s/pwbXXXXXX",
		 faccessat(AT_FDCWD, "/dev/shm/.", W_OK, 0) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(root))
		abort();
	root_pid = getpid();
	atexit(root_remove);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdir(disk_path(folders[i]), 0755) < 0)
			abort();
	file_write(disk_path("/etc/pwreset/pwreset.conf"), config, strlen(config));
}

void disk_open(const char *config)
{
	root_make(config);
	state_each(file_remove, NULL);
}

void disk_inspect(void)
{
	state_each(file_inspect, NULL);
}

void disk_keep(DiskFile files[DISK_FILES_MAX])
{
	memset(files, 0, DISK_FILES_MAX * sizeof(*files));
	state_each(file_keep, files);
}

void disk_put_back(DiskFile files[DISK_FILES_MAX])
{
	char path[512];

	state_each(file_remove, NULL);
	for (DiskFile *file = files; file < files + DISK_FILES_MAX && file->data; file++) {
		snprintf(path, sizeof(path), "%s/%s", disk_path("/var/lib/pwreset"), file->name);
		file_write(path, file->data, file->size);
		free(file->data);
	}
}
