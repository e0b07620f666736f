/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loaded before the libraries of broker and workers: the n-th call of a kind fails, among all
 * processes that share the file that PWRESET_FAULTS names. test_calls.py writes what is to fail
 * into it, and reads there what did. For test_power.py it notes in the file PWRESET_RECORD what is
 * done to the files of the folder PWRESET_RECORD_IN.
 */

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "macros.h"

/*
 * Kinds; interposer.py has the same numbers. HANGS: of the others, those in which somebody or
 * something is waited for.
 */
enum {
	MEMORY = 1,
	FILES = 2,
	WRITES = 4,
	MAKES = 8,
	WAITS = 16,
	SOCKETS = 32,
	MOVES = 64,
	CHANCE = 128,
	HANGS = 256
};
#define KINDS 9
#define FRAMES 14

typedef struct Control {
	uint32_t on;    /* 0: nothing is counted */
	uint32_t kind;  /* of the call that is to fail */
	uint32_t error; /* errno; 0: a single byte is moved */
	uint32_t n;     /* which of them; 0: none */
	atomic_uint seen[KINDS];
	uint32_t pid;      /* of the process that hangs */
	uint32_t alarm_ms; /* until its alarm; 0: there is none */
	char name[32];     /* of the call that failed, and of its program */
	char program[32];
	char where[768]; /* who called it: OBJECT+OFFSET of each, for addr2line */
} Control;

static Control nothing;
static Control *control = &nothing;

__attribute__((__constructor__)) static void control_open(void)
{
	const char *path = getenv("PWRESET_FAULTS");
	int fd = path ? (int)openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	void *frame;

	/* It loads a library at its first call. */
	backtrace(&frame, 1);
	if (p != MAP_FAILED)
		control = p;
	if (fd >= 0)
		close(fd);
}

static int record = -1;
static const char *record_in;

__attribute__((__constructor__)) static void record_open(void)
{
	const char *path = getenv("PWRESET_RECORD");

	record_in = getenv("PWRESET_RECORD_IN");
	if (path && record_in)
		record = openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
}

/* "KIND NAME OFFSET DATA", the data in hexadecimal, or another name. */
static void record_put(const char *kind, const char *name, off64_t at, const void *data, size_t len,
		       const char *to)
{
	static char line[1 << 20];
	const unsigned char *bytes = data;
	int n = snprintf(line, sizeof(line), "%s %s %lld %s", kind, name, (long long)at,
			 to ? to : "");

	for (size_t i = 0; i < len && (size_t)n + 4 < sizeof(line); i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02x", bytes[i]);
	line[n++] = '\n';
	if (syscall(SYS_write, record, line, (size_t)n) != n)
		abort();
}

/* What has been done by descriptor; nothing where that is no file in the folder. */
static void record_call(const char *kind, int fd, off64_t at, const void *data, size_t len)
{
	char link[64], path[4096];
	int saved = errno;
	ssize_t n;

	if (record < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (strncmp(path, record_in, strlen(record_in)) == 0)
		record_put(kind, path + strlen(record_in), at, data, len, NULL);
	errno = saved;
}

static void where_note(void)
{
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);
	size_t len = 0;

	for (int i = 2; i < n && len < sizeof(control->where); i++) {
		Dl_info info;
		const char *slash;

		if (!dladdr(frames[i], &info) || !info.dli_fname)
			continue;
		slash = strrchr(info.dli_fname, '/');
		len += (size_t)snprintf(control->where + len, sizeof(control->where) - len,
					"%s+%#tx ", slash ? slash + 1 : info.dli_fname,
					(char *)frames[i] - (char *)info.dli_fbase);
	}
}

/*
 * It does not return before the test says that all is calm: then it goes on as if nothing had been.
 */
static void hang(void)
{
	const struct timespec turn = { .tv_nsec = 10 * 1000 * 1000 };
	struct itimerval timer;

	getitimer(ITIMER_REAL, &timer);
	control->alarm_ms =
		(uint32_t)(timer.it_value.tv_sec * 1000 + timer.it_value.tv_usec / 1000);
	control->pid = (uint32_t)getpid();
	while (control->on)
		syscall(SYS_nanosleep, &turn, NULL);
}

/* Whether this call is the one. */
static bool strikes(unsigned kinds, const char *name)
{
	bool strike = false;

	if (!control->on)
		return false;
	if (kinds & (FILES | WRITES | WAITS | CHANCE))
		kinds |= HANGS;
	for (unsigned i = 0; i < KINDS; i++)
		if (kinds & (1U << i) && atomic_fetch_add(&control->seen[i], 1) + 1 == control->n)
			strike = strike || control->kind == 1U << i;
	if (!strike)
		return false;
	where_note();
	snprintf(control->program, sizeof(control->program), "%s", program_invocation_short_name);
	snprintf(control->name, sizeof(control->name), "%s", name);
	if (control->kind == HANGS) {
		hang();
		return false;
	}
	errno = (int)control->error;
	return true;
}

#define REAL(function)                                                                             \
	static __typeof__(function) *real;                                                         \
	if (!real)                                                                                 \
	*(void **)&real = dlsym(RTLD_NEXT, #function)

/* A call that fails by returning failure. */
#define WRAP(type, kinds, failure, function, parameters, arguments)                                \
	PUBLIC type function parameters                                                            \
	{                                                                                          \
		REAL(function);                                                                    \
		if (strikes(kinds, #function))                                                     \
			return failure;                                                            \
		return real arguments;                                                             \
	}

/* A timer or a signal is read whole, or the kernel says EINVAL: nothing of these comes short. */
static bool descriptor_is_event(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

/* One that moves bytes may also move a single one. */
#define WRAP_MOVE(kinds, function, parameters, arguments, size)                                    \
	PUBLIC ssize_t function parameters                                                         \
	{                                                                                          \
		REAL(function);                                                                    \
		if (strikes((kinds) | MOVES, #function)) {                                         \
			if (control->error != 0)                                                   \
				return -1;                                                         \
			size = size > 0 ? 1 : 0;                                                   \
		}                                                                                  \
		return real arguments;                                                             \
	}

/* What allocates is found by its other name: looking it up would allocate. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

PUBLIC void *malloc(size_t size)
{
	return strikes(MEMORY, "malloc") ? NULL : __libc_malloc(size);
}

PUBLIC void *calloc(size_t n, size_t size)
{
	return strikes(MEMORY, "calloc") ? NULL : __libc_calloc(n, size);
}

PUBLIC void *realloc(void *p, size_t size)
{
	return strikes(MEMORY, "realloc") ? NULL : __libc_realloc(p, size);
}

WRAP(void *, MEMORY, NULL, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(void *, MEMORY, MAP_FAILED, mmap64,
     (void *at, size_t len, int prot, int flags, int fd, off64_t from),
     (at, len, prot, flags, fd, from))

WRAP_MOVE(FILES | WRITES | WAITS, write, (int fd, const void *data, size_t len), (fd, data, len),
	  len)
WRAP_MOVE(FILES, pread64, (int fd, void *data, size_t len, off64_t at), (fd, data, len, at), len)
WRAP_MOVE(SOCKETS | WAITS, recv, (int fd, void *data, size_t len, int flags),
	  (fd, data, len, flags), len)
WRAP_MOVE(SOCKETS | WAITS, send, (int fd, const void *data, size_t len, int flags),
	  (fd, data, len, flags), len)
WRAP_MOVE(CHANCE, getrandom, (void *data, size_t len, unsigned flags), (data, len, flags), len)
WRAP(ssize_t, SOCKETS | WAITS, -1, recvmsg, (int fd, struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(ssize_t, SOCKETS | WAITS, -1, sendmsg, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(ssize_t, FILES | WAITS, -1, readv, (int fd, const struct iovec *list, int n), (fd, list, n))
WRAP(ssize_t, FILES | WAITS, -1, writev, (int fd, const struct iovec *list, int n), (fd, list, n))

WRAP(int, FILES, -1, fstat64, (int fd, struct stat64 *st), (fd, st))
WRAP(int, FILES, -1, flock, (int fd, int operation), (fd, operation))

WRAP(int, SOCKETS | WAITS, -1, connect, (int fd, const struct sockaddr *to, socklen_t len),
     (fd, to, len))
WRAP(int, SOCKETS, -1, getsockopt, (int fd, int level, int option, void *value, socklen_t *len),
     (fd, level, option, value, len))
WRAP(int, SOCKETS, -1, setsockopt,
     (int fd, int level, int option, const void *value, socklen_t len),
     (fd, level, option, value, len))
WRAP(int, WAITS, -1, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
WRAP(int, WAITS, -1, epoll_wait, (int fd, struct epoll_event *events, int n, int timeout),
     (fd, events, n, timeout))
WRAP(pid_t, WAITS, -1, waitpid, (pid_t pid, int *status, int options), (pid, status, options))

WRAP(int, MAKES | SOCKETS, -1, socket, (int domain, int type, int protocol),
     (domain, type, protocol))
WRAP(int, MAKES, -1, socketpair, (int domain, int type, int protocol, int ends[2]),
     (domain, type, protocol, ends))
WRAP(int, MAKES | WAITS, -1, accept4, (int fd, struct sockaddr *from, socklen_t *len, int flags),
     (fd, from, len, flags))
WRAP(int, MAKES, -1, pipe2, (int ends[2], int flags), (ends, flags))
WRAP(int, MAKES, -1, epoll_create1, (int flags), (flags))
WRAP(int, MAKES, -1, epoll_ctl, (int fd, int what, int of, struct epoll_event *event),
     (fd, what, of, event))
WRAP(int, MAKES, -1, timerfd_create, (int clock, int flags), (clock, flags))
WRAP(int, MAKES, -1, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
WRAP(int, MAKES, -1, dup3, (int from, int to, int flags), (from, to, flags))
WRAP(pid_t, MAKES, -1, fork, (void), ())

PUBLIC ssize_t read(int fd, void *data, size_t len)
{
	REAL(read);
	if (strikes(FILES | WAITS | MOVES, "read")) {
		if (control->error != 0)
			return -1;
		if (!descriptor_is_event(fd))
			len = len > 0 ? 1 : 0;
	}
	return real(fd, data, len);
}

PUBLIC ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	ssize_t n;

	REAL(pwrite64);
	if (strikes(FILES | WRITES | MOVES, "pwrite64")) {
		if (control->error != 0)
			return -1;
		len = len > 0 ? 1 : 0;
	}
	n = real(fd, data, len, at);
	if (n > 0)
		record_call("write", fd, at, data, (size_t)n);
	return n;
}

/* Calls on a descriptor that are noted when they have succeeded. */
#define WRAP_NOTED(kind, at, function, parameters, arguments)                                      \
	PUBLIC int function parameters                                                             \
	{                                                                                          \
		int r;                                                                             \
		REAL(function);                                                                    \
		if (strikes(FILES | WRITES, #function))                                            \
			return -1;                                                                 \
		r = real arguments;                                                                \
		if (r == 0)                                                                        \
			record_call(kind, fd, at, NULL, 0);                                        \
		return r;                                                                          \
	}

WRAP_NOTED("sync", 0, fsync, (int fd), (fd))
WRAP_NOTED("sync", 0, fdatasync, (int fd), (fd))
WRAP_NOTED("truncate", len, ftruncate64, (int fd, off64_t len), (fd, len))

PUBLIC int renameat(int from, const char *old, int to, const char *new)
{
	int r;

	REAL(renameat);
	if (strikes(FILES | WRITES, "renameat"))
		return -1;
	r = real(from, old, to, new);
	if (r == 0 && record >= 0)
		record_put("rename", old, 0, NULL, 0, new);
	return r;
}

PUBLIC int unlinkat(int fd, const char *name, int flags)
{
	int r;

	REAL(unlinkat);
	if (strikes(FILES | WRITES, "unlinkat"))
		return -1;
	r = real(fd, name, flags);
	if (r == 0 && record >= 0)
		record_put("unlink", name, 0, NULL, 0, NULL);
	return r;
}

PUBLIC int open64(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	REAL(open64);
	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	return strikes(FILES | MAKES | (flags & O_CREAT ? WRITES : 0), "open64")
		       ? -1
		       : real(path, flags, mode);
}

PUBLIC int openat64(int at, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;
	int fd;

	REAL(openat64);
	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	if (strikes(FILES | MAKES | (flags & O_CREAT ? WRITES : 0), "openat64"))
		return -1;
	fd = real(at, path, flags, mode);
	if (fd >= 0 && flags & O_CREAT)
		record_call("create", fd, 0, NULL, 0);
	if (fd >= 0 && flags & O_TRUNC)
		record_call("truncate", fd, 0, NULL, 0);
	return fd;
}

PUBLIC int fcntl64(int fd, int command, ...)
{
	va_list list;
	void *value;

	REAL(fcntl64);
	va_start(list, command);
	value = va_arg(list, void *);
	va_end(list);
	return strikes(MAKES | SOCKETS, "fcntl64") ? -1 : real(fd, command, value);
}
