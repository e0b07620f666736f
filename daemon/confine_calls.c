/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls: what is not on the list is answered as a kernel would that does not have it, which
 * is what libraries are written for. The list is what the three programs and their libraries were
 * seen to need, and what glibc may use for the same purpose.
 */

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "confine.h"
#include "macros.h"

#define CLONE_NEW                                                                                  \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

/* A group is a paragraph. */
/* clang-format off */
static const char *const calls_of_all[] = {
	/* files */
	"access", "chdir", "close", "close_range", "dup", "dup2", "dup3", "faccessat",
	"faccessat2", "fcntl", "fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate",
	"getcwd", "getdents64", "lseek", "lstat", "newfstatat", "open", "openat", "pipe",
	"pipe2", "pread64", "pwrite64", "pwritev", "read", "readlink", "readlinkat", "readv",
	"rename", "renameat", "renameat2", "stat", "statfs", "statx", "umask", "unlink",
	"unlinkat", "write", "writev",
	/* memory */
	"brk", "madvise", "mincore", "mlock", "mlock2", "mremap", "munlock", "munmap",
	/* sockets and waiting */
	"connect", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"eventfd2", "getpeername", "getsockname", "getsockopt", "poll", "ppoll", "pselect6",
	"recvfrom", "recvmmsg", "recvmsg", "select", "sendmmsg", "sendmsg", "sendto",
	"setsockopt", "shutdown", "signalfd4", "timerfd_create", "timerfd_settime",
	/* processes and signals */
	"alarm", "execve", "exit", "exit_group", "fork", "kill", "pidfd_open", "restart_syscall",
	"rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigtimedwait", "setitimer", "getitimer", "sigaltstack", "tgkill", "vfork", "wait4",
	"waitid",
	/* what a process and its loader are made of */
	"arch_prctl", "futex", "get_robust_list", "getegid", "geteuid", "getgid", "getgroups",
	"getpgrp", "getpgid", "getpid", "getppid", "getresgid", "getresuid", "getrlimit",
	"getrusage", "gettid", "getuid", "membarrier", "prctl", "prlimit64", "rseq",
	"sched_getaffinity", "sched_yield", "set_robust_list", "set_tid_address", "setrlimit",
	"sysinfo", "uname",
	/* time and chance */
	"clock_getres", "clock_gettime", "clock_nanosleep", "getrandom", "gettimeofday",
	"nanosleep", "time",
};
/* clang-format on */
static const char *const calls_of_servers[] = { "accept", "accept4" };
static const char *const calls_of_listeners[] = { "bind", "listen" };

static int call_allow(scmp_filter_ctx filter, const char *name, const struct scmp_arg_cmp *argument)
{
	int number = seccomp_syscall_resolve_name(name), r;

	/* Not on every architecture: open() and its like. */
	if (number == __NR_SCMP_ERROR)
		return 0;
	r = argument ? seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, argument)
		     : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 0, NULL);
	return r == -EDOM ? 0 : r;
}

static int calls_allow(scmp_filter_ctx filter, const char *const names[], size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = call_allow(filter, names[i], NULL);
	return r;
}

/* name() with argument number `at` being value in the bits of mask. */
static int call_allow_if(scmp_filter_ctx filter, const char *name, unsigned at, uint64_t mask,
			 uint64_t value)
{
	const struct scmp_arg_cmp argument = {
		.arg = at, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value
	};

	return call_allow(filter, name, &argument);
}

/* Nothing that was written is executed, and no namespace is made; clone3() has its flags in memory,
 * so glibc takes clone(). */
static int memory_and_clone_allow(scmp_filter_ctx filter)
{
	int r = call_allow_if(filter, "mmap", 2, PROT_EXEC, 0);

	if (r == 0)
		r = call_allow_if(filter, "mmap", 2, PROT_EXEC | PROT_WRITE, PROT_EXEC);
	if (r == 0)
		r = call_allow_if(filter, "mprotect", 2, PROT_EXEC, 0);
	if (r == 0)
		r = call_allow_if(filter, "clone", 0, CLONE_NEW, 0);
	return r;
}

static int sockets_allow(scmp_filter_ctx filter, bool network)
{
	static const uint64_t families[] = { AF_UNIX, AF_INET, AF_INET6 };
	static const uint64_t questions[] = { FIONREAD, FIONBIO, TCGETS };
	int r = call_allow_if(filter, "socketpair", 0, UINT32_MAX, AF_UNIX);

	for (size_t i = 0; i < (network ? ARRAY_SIZE(families) : 1) && r == 0; i++)
		r = call_allow_if(filter, "socket", 0, UINT32_MAX, families[i]);
	for (size_t i = 0; i < ARRAY_SIZE(questions) && r == 0; i++)
		r = call_allow_if(filter, "ioctl", 1, UINT32_MAX, questions[i]);
	return r;
}

int confine_calls(const Confine *confine)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r;

	if (!filter)
		return -ENOMEM;
	r = calls_allow(filter, calls_of_all, ARRAY_SIZE(calls_of_all));
	if (r == 0 && confine->serves)
		r = calls_allow(filter, calls_of_servers, ARRAY_SIZE(calls_of_servers));
	if (r == 0 && confine->listens)
		r = calls_allow(filter, calls_of_listeners, ARRAY_SIZE(calls_of_listeners));
	if (r == 0)
		r = memory_and_clone_allow(filter);
	if (r == 0)
		r = sockets_allow(filter, confine->network);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
