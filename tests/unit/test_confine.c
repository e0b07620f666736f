/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an attacker would try from inside a process of --listen. Each attempt is made free first, to
 * see that there is something to reach, then confined. The arguments are such that no attempt does
 * harm where it gets through.
 */

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "confine.h"
#include "macros.h"
#include "unit.h"

#define NOBODY 65534
#define TRUE_PROGRAM "/bin/true"

static char root[] = "/tmp/pwreset-confine-XXXXXX";

static const char *below(const char *path)
{
	/* Two are enough for rename(). */
	static char texts[2][256];
	static unsigned turn;
	char *full = texts[turn++ % 2];

	snprintf(full, sizeof(texts[0]), "%s%s", root, path);
	return full;
}

static bool opens(const char *path, int flags)
{
	AUTO_CLOSE int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd >= 0;
}

static bool runs(const char *program, const char *option, const char *value)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, option, value, NULL);
		_exit(99);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* Whether the kernel looks at the call at all. */
static bool known(long result)
{
	return result >= 0 || errno != ENOSYS;
}

static bool socket_made(int family, int type)
{
	AUTO_CLOSE int fd = socket(family, type, 0);

	return fd >= 0 || errno != ENOSYS;
}

static bool page_made(int protection, int later)
{
	void *page = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page != MAP_FAILED && (later == 0 || mprotect(page, 4096, later) == 0);
}

#define FILES(X)                                                                                   \
	X(read_programs, opens("/bin/sh", O_RDONLY))                                               \
	X(read_other_processes, opens("/proc/1/status", O_RDONLY))                                 \
	X(read_logs, opens("/var/log", O_RDONLY | O_DIRECTORY))                                    \
	X(list_root, opens("/", O_RDONLY | O_DIRECTORY))                                           \
	X(list_tmp, opens("/tmp", O_RDONLY | O_DIRECTORY))                                         \
	X(write_tmp, opens("/tmp/pwreset-confine-probe", O_WRONLY | O_CREAT))                      \
	X(write_beside_state, opens(below("/var/lib/probe"), O_WRONLY | O_CREAT))                  \
	X(write_run, opens(below("/run/pwreset/probe"), O_WRONLY | O_CREAT))                       \
	X(folder_in_state, mkdir(below("/var/lib/pwreset/folder"), 0700) == 0)                     \
	X(link_in_state, symlink("/etc/shadow", below("/var/lib/pwreset/link")) == 0)              \
	X(truncate_config, truncate(below("/etc/pwreset/pwreset.conf"), 0) == 0)                   \
	X(shell, runs("/bin/sh", "-c", ":"))                                                       \
	X(written_program, runs(below("/var/lib/pwreset/program"), NULL, NULL))

#define CALLS(X)                                                                                   \
	X(netlink, socket_made(AF_NETLINK, SOCK_RAW))                                              \
	X(packet, socket_made(AF_PACKET, SOCK_RAW))                                                \
	X(crypto_sockets, socket_made(AF_ALG, SOCK_SEQPACKET))                                     \
	X(vsock, socket_made(AF_VSOCK, SOCK_STREAM))                                               \
	X(listen_somewhere, known(bind(-1, NULL, 0)))                                              \
	X(listen_further, known(listen(-1, 1)))                                                    \
	X(ptrace, known(syscall(SYS_ptrace, -1, 0, 0, 0)))                                         \
	X(read_memory, known(syscall(SYS_process_vm_readv, -1, NULL, 0, NULL, 0, 0)))              \
	X(take_descriptors, known(syscall(SYS_pidfd_getfd, -1, 0, 0)))                             \
	X(keys, known(syscall(SYS_keyctl, -1, 0, 0, 0, 0)))                                        \
	X(bpf, known(syscall(SYS_bpf, -1, NULL, 0)))                                               \
	X(perf, known(syscall(SYS_perf_event_open, NULL, -1, -1, -1, 0)))                          \
	X(faults_of_others, known(syscall(SYS_userfaultfd, ~0)))                                   \
	X(io_uring, known(syscall(SYS_io_uring_setup, 0, NULL)))                                   \
	X(unshare, known(unshare(-1)))                                                             \
	X(setns, known(setns(-1, 0)))                                                              \
	X(clone3, known(syscall(SYS_clone3, NULL, 0)))                                             \
	X(mount, known(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL)))                             \
	X(new_mount, known(syscall(SYS_fsopen, NULL, 0)))                                          \
	X(chroot, known(syscall(SYS_chroot, NULL)))                                                \
	X(module, known(syscall(SYS_finit_module, -1, NULL, 0)))                                   \
	X(handles, known(syscall(SYS_open_by_handle_at, -1, NULL, 0)))                             \
	X(users, known(syscall(SYS_setresuid, -1, -1, -1)))                                        \
	X(modes, known(syscall(SYS_fchmodat, -1, NULL, 0)))                                        \
	X(owners, known(syscall(SYS_fchownat, -1, NULL, 0, 0, 0)))                                 \
	X(hard_links, known(syscall(SYS_linkat, -1, NULL, -1, NULL, 0)))                           \
	X(personality, known(syscall(SYS_personality, -1)))                                        \
	X(priorities, known(syscall(SYS_setpriority, -1, 0, 0)))                                   \
	X(host_name, known(syscall(SYS_sethostname, NULL, 1)))                                     \
	X(program_in_memory, known(syscall(SYS_memfd_create, NULL, 0)))                            \
	X(execute_descriptor, known(syscall(SYS_execveat, -1, "", NULL, NULL, 0)))                 \
	X(written_code, page_made(PROT_READ | PROT_WRITE | PROT_EXEC, 0))                          \
	X(code_written_before, page_made(PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC))

#define NETWORK(X)                                                                                 \
	X(ipv4, socket_made(AF_INET, SOCK_STREAM))                                                 \
	X(ipv6, socket_made(AF_INET6, SOCK_DGRAM))

/* What the programs do must go on. */
#define NEEDED(X)                                                                                  \
	X(read_config, opens(below("/etc/pwreset/pwreset.conf"), O_RDONLY))                        \
	X(list_config, opens(below("/etc/pwreset"), O_RDONLY | O_DIRECTORY))                       \
	X(read_system, opens("/etc/passwd", O_RDONLY))                                             \
	X(run_the_program, runs(TRUE_PROGRAM, NULL, NULL))                                         \
	X(unix_socket, socket_made(AF_UNIX, SOCK_STREAM))

#define TRY(name, attempt)                                                                         \
	if (attempt)                                                                               \
		dprintf(out, #name " ");

static void try_files(int out)
{
	FILES(TRY)
}
static void try_calls(int out)
{
	CALLS(TRY)
}
static void try_network(int out)
{
	NETWORK(TRY)
}
static void try_needed(int out)
{
	NEEDED(TRY)
}

/* In a child of its own: what attempts() said it had reached. */
static const char *reached(const Confine *confine, void (*attempts)(int out))
{
	static char text[2048];
	size_t len = 0;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (confine && (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(1);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    (confine && confine_enter(confine) < 0))
			_exit(2);
		attempts(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	while (len < sizeof(text) - 1 &&
	       (n = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return text;
}

static size_t words(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == ' ';
	return n;
}

static const Confine broker = {
	.root = root, .program = TRUE_PROGRAM, .writes = "/var/lib/pwreset", .serves = true
};
static const Confine worker = { .root = root, .program = TRUE_PROGRAM, .network = true };
static const Confine mailer = {
	.root = root, .program = TRUE_PROGRAM, .network = true, .listens = true
};

#define COUNT(name, attempt) +1

static void test_system_calls(void **state UNUSED)
{
	assert_true(words(reached(NULL, try_calls)) >= (0 CALLS(COUNT)) - 3);
	assert_string_equal(reached(&broker, try_calls), "");
	assert_string_equal(reached(&worker, try_calls), "");
	assert_string_equal(reached(&mailer, try_calls), "listen_somewhere listen_further ");
}

static void test_network(void **state UNUSED)
{
	assert_int_equal(words(reached(NULL, try_network)), 0 NETWORK(COUNT));
	assert_string_equal(reached(&broker, try_network), "");
	assert_int_equal(words(reached(&worker, try_network)), 0 NETWORK(COUNT));
}

static void test_files(void **state UNUSED)
{
	assert_int_equal(words(reached(NULL, try_files)), 0 FILES(COUNT));
	assert_int_equal(unlink("/tmp/pwreset-confine-probe"), 0);
	rmdir(below("/var/lib/pwreset/folder"));
	unlink(below("/var/lib/pwreset/link"));
	if (confine_files_supported() < 0) {
		print_message("skipped: this kernel has no Landlock\n");
		skip();
	}
	assert_string_equal(reached(&broker, try_files), "");
	assert_string_equal(reached(&worker, try_files), "");
}

static void try_state(int out)
{
	const char *file = below("/var/lib/pwreset/spool");

	if (opens(file, O_RDWR | O_CREAT | O_TRUNC) &&
	    rename(file, below("/var/lib/pwreset/new")) == 0 &&
	    unlink(below("/var/lib/pwreset/new")) == 0)
		dprintf(out, "written ");
}

static void test_what_is_needed(void **state UNUSED)
{
	assert_int_equal(words(reached(&broker, try_needed)), 0 NEEDED(COUNT));
	assert_int_equal(words(reached(&worker, try_needed)), 0 NEEDED(COUNT));
	assert_string_equal(reached(&broker, try_state), "written ");
	if (confine_files_supported() == 0)
		assert_string_equal(reached(&worker, try_state), "");
}

static void try_named(int out)
{
	if (opens(below("/var/lib/named.pem"), O_RDONLY))
		dprintf(out, "read ");
}

static void test_files_that_the_configuration_names(void **state UNUSED)
{
	char path[256];
	Confine named = worker;

	snprintf(path, sizeof(path), "%s/var/lib/named.pem", root);
	named.reads[0] = path;
	assert_string_equal(reached(&named, try_named), "read ");
	if (confine_files_supported() == 0)
		assert_string_equal(reached(&worker, try_named), "");
	named.reads[0] = "/no/such/file";
	assert_int_equal(words(reached(&named, try_needed)), 0 NEEDED(COUNT));
}

static void file_make(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(below(path), "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(below(path), mode), 0);
}

static int root_make(void **state UNUSED)
{
	static const char *const folders[] = {
		"",     "/etc",     "/etc/pwreset",    "/run", "/run/pwreset",
		"/var", "/var/lib", "/var/lib/pwreset"
	};

	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		mkdir(below(folders[i]), 0777);
		/* The user is not what stops anybody here. */
		assert_int_equal(chmod(below(folders[i]), 0777), 0);
	}
	file_make("/etc/pwreset/pwreset.conf", "[mail]\n", 0666);
	file_make("/var/lib/named.pem", "x", 0644);
	file_make("/var/lib/pwreset/program", "#!/bin/true\n", 0755);
	return 0;
}

static int root_remove(void **state UNUSED)
{
	return runs("/bin/rm", "-rf", root) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_what_is_needed),
		cmocka_unit_test(test_files_that_the_configuration_names),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root, to leave it\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, root_make, root_remove);
}
