/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wrappers; tests/pam/meson.build lists the same names for the linker. */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include "faults.h"
#include "macros.h"

static FaultMode mode;
static unsigned nth, calls;
static const char *name = "";

PUBLIC void fault_arm(FaultMode new_mode, unsigned n)
{
	mode = new_mode;
	nth = n;
	calls = 0;
	name = "";
}

PUBLIC const char *fault_name(void)
{
	return name;
}

static bool fails(const char *what)
{
	calls++;
	if ((mode == FAULT_ONCE && calls == nth) || (mode == FAULT_FROM && calls >= nth)) {
		if (!*name)
			name = what;
		return true;
	}
	return false;
}

/* Defines __wrap_NAME, which returns a failure on order and calls the real one otherwise. */
#define WRAP(type, function, parameters, arguments, failure)                                       \
	type __real_##function parameters;                                                         \
	type __wrap_##function parameters;                                                         \
	type __wrap_##function parameters                                                          \
	{                                                                                          \
		if (fails(#function))                                                              \
			return failure;                                                            \
		return __real_##function arguments;                                                \
	}

#define ERROR(e) (errno = (e), -1)

WRAP(void *, malloc, (size_t size), (size), (errno = ENOMEM, NULL))
WRAP(void *, calloc, (size_t n, size_t size), (n, size), (errno = ENOMEM, NULL))
WRAP(char *, strdup, (const char *s), (s), (errno = ENOMEM, NULL))
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), ERROR(EMFILE))
WRAP(int, connect, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len),
     ERROR(ECONNREFUSED))
WRAP(int, setsockopt, (int fd, int level, int option, const void *value, socklen_t len),
     (fd, level, option, value, len), ERROR(ENOBUFS))
WRAP(int, getsockopt, (int fd, int level, int option, void *value, socklen_t *len),
     (fd, level, option, value, len), ERROR(ENOBUFS))
WRAP(int, gethostname, (char *text, size_t size), (text, size), ERROR(ENAMETOOLONG))

WRAP(int, pam_get_item, (const pam_handle_t *pamh, int item, const void **ret), (pamh, item, ret),
     PAM_BUF_ERR)
WRAP(int, pam_set_item, (pam_handle_t * pamh, int item, const void *value), (pamh, item, value),
     PAM_BUF_ERR)
WRAP(int, pam_get_data, (const pam_handle_t *pamh, const char *key, const void **ret),
     (pamh, key, ret), PAM_NO_MODULE_DATA)
WRAP(int, pam_get_user, (pam_handle_t * pamh, const char **user, const char *prompt),
     (pamh, user, prompt), PAM_SYSTEM_ERR)
WRAP(int, pam_get_authtok,
     (pam_handle_t * pamh, int item, const char **authtok, const char *prompt),
     (pamh, item, authtok, prompt), PAM_BUF_ERR)
WRAP(int, pam_modutil_check_user_in_passwd,
     (pam_handle_t * pamh, const char *user, const char *file), (pamh, user, file), PAM_SERVICE_ERR)
WRAP(struct passwd *, pam_modutil_getpwnam, (pam_handle_t * pamh, const char *user), (pamh, user),
     NULL)

typedef void (*Cleanup)(pam_handle_t *pamh, void *data, int status);
WRAP(int, pam_set_data, (pam_handle_t * pamh, const char *key, void *data, Cleanup cleanup),
     (pamh, key, data, cleanup), PAM_BUF_ERR)

ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	if (fails("send"))
		return ERROR(EPIPE);
	if (mode == FAULT_SHORT && calls % 3 == 0)
		return ERROR(calls % 2 ? EINTR : EAGAIN);
	return __real_send(fd, data, mode == FAULT_SHORT ? 1 : len, flags);
}

ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len)
{
	if (fails("read"))
		return ERROR(EIO);
	if (mode == FAULT_SHORT && calls % 3 == 0)
		return ERROR(EINTR);
	return __real_read(fd, data, mode == FAULT_SHORT ? 1 : len);
}

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (fails("poll"))
		return ERROR(ENOMEM);
	if (mode == FAULT_SHORT && calls % 2 == 0)
		return ERROR(EINTR);
	return __real_poll(fds, n, timeout);
}

int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
	va_list list;
	long value;

	va_start(list, command);
	value = va_arg(list, long);
	va_end(list);
	return fails("fcntl") ? ERROR(EBADF) : __real_fcntl64(fd, command, value);
}

int __wrap_pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
	PRINTF(4, 5);
int __wrap_pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	va_list list;
	int r;

	if (fails("pam_prompt"))
		return PAM_BUF_ERR;
	va_start(list, format);
	r = pam_vprompt(pamh, style, response, format, list);
	va_end(list);
	return r;
}
