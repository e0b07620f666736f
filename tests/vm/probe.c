/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe unix PATH | tcp PORT | read FILE: one attempt, made in whatever domain the file's label
 * gives, said by the exit status. Static, so that a domain needs nothing but its own program to
 * start.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DONE = 0, DENIED = 10, OTHERWISE = 11, MISUSED = 12 };

static int verdict(int r)
{
	if (r >= 0)
		return DONE;
	return errno == EACCES || errno == EPERM ? DENIED : OTHERWISE;
}

static int reach_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int reach_tcp(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return MISUSED;
	if (strcmp(argv[1], "unix") == 0)
		return verdict(reach_unix(argv[2]));
	if (strcmp(argv[1], "tcp") == 0)
		return verdict(reach_tcp(argv[2]));
	if (strcmp(argv[1], "read") == 0)
		return verdict(open(argv[2], O_RDONLY | O_CLOEXEC));
	return MISUSED;
}
