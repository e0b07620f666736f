/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What User=, NoNewPrivileges=, the sandbox and socket activation do elsewhere. */

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "config.h"
#include "confine.h"
#include "launch_private.h"
#include "log.h"
#include "version.h"

#define EXIT_SETUP 71
#define FIRST_FREE 64 /* descriptors are moved up here before they go to their places */
#define SELF "/proc/self/exe"

static void child_die(const char *what) __attribute__((__noreturn__));

static void child_die(const char *what)
{
	log_line(LOG_ERR, "Cannot start a process: %s: %m", what);
	_exit(EXIT_SETUP);
}

static void child_become(uid_t uid, gid_t gid)
{
	const struct rlimit none = { 0 };
	sigset_t empty;

	sigemptyset(&empty);
	if (sigprocmask(SIG_SETMASK, &empty, NULL) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		child_die("limits");
	/*
	 * Groups first, and the user last: afterwards there is no way back, and it is looked
	 * whether there is.
	 */
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || setuid(0) == 0)
		child_die("user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 ||
	    chdir("/") < 0)
		child_die("privileges");
	umask(077);
}

/* Puts fds to 3, 4 … (or to stdin with count 0 of them) and closes all others. */
static void child_descriptors(const int *fds, int n, int first)
{
	int moved[DOORS];

	for (int i = 0; i < n; i++) {
		moved[i] = fcntl(fds[i], F_DUPFD, FIRST_FREE);
		if (moved[i] < 0)
			child_die("descriptors");
	}
	for (int i = 0; i < n; i++)
		if (dup2(moved[i], first + i) < 0)
			child_die("descriptors");
	if (close_range(first + n > 3 ? (unsigned)(first + n) : 3, UINT_MAX, 0) < 0)
		child_die("descriptors");
}

static void child_confine(const Confine *confine)
{
	int r = confine_enter(confine);

	if (r < 0) {
		errno = -r;
		child_die("confinement");
	}
}

/* The program says what is wrong with its configuration, and where. */
static void complain_not(const IniPlace *place UNUSED, const char *message UNUSED,
			 void *userdata UNUSED)
{
}

/* Files that the configuration names may lie anywhere. */
static void worker_confine(const char *root, const char *program, bool listens)
{
	CLEANUP(config_freep) Config *config = NULL;
	Confine confine = { .root = root, .program = program, .network = true, .listens = listens };

	if (config_load(&config, root, complain_not, NULL) == 0) {
		const char *const named[] = { config->directory.tls_ca_file,
					      config->mail.tls_ca_file, config->mail.template_dir,
					      config->policy.blocklist,
					      config->policy.site_blocklist };
		size_t n = 0;

		for (size_t i = 0; i < ARRAY_SIZE(named); i++)
			if (*named[i] != '\0')
				confine.reads[n++] = named[i];
	}
	child_confine(&confine);
}

pid_t launch_broker(const char *root, const Door doors[static DOORS])
{
	char fds_text[32], pid_text[32], names[128] = "LISTEN_FDNAMES=";
	char *environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, fds_text,
				pid_text, names, NULL };
	char root_arg[PATH_MAX + 8];
	char *arguments[] = { (char[]){ "pwresetd" }, root_arg, NULL };
	int fds[DOORS_BROKER];
	uid_t uid;
	gid_t gid;
	pid_t pid;

	if (identity_user(root, "pwreset", &uid, &gid) < 0)
		return -ENOENT;
	pid = fork();
	if (pid != 0)
		return pid < 0 ? -errno : pid;

	for (int i = 0; i < DOORS_BROKER; i++) {
		fds[i] = doors[i].fd;
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i > 0 ? ":" : "", doors[i].name);
	}
	snprintf(fds_text, sizeof(fds_text), "LISTEN_FDS=%d", DOORS_BROKER);
	snprintf(pid_text, sizeof(pid_text), "LISTEN_PID=%ld", (long)getpid());
	snprintf(root_arg, sizeof(root_arg), "--root=%s", root);
	child_descriptors(fds, DOORS_BROKER, SD_LISTEN_FDS_START);
	child_become(uid, gid);
	child_confine(&(const Confine){
		.root = root, .program = SELF, .writes = PWRESET_STATEDIR, .serves = true });
	execve(SELF, arguments, environment);
	child_die(SELF);
}

pid_t launch_worker(const char *root, const Door *door, int connection)
{
	char credentials[PATH_MAX + 32], program[PATH_MAX];
	char *environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, credentials,
				NULL };
	char root_arg[PATH_MAX + 8];
	char *arguments[] = { program, *root != '\0' ? root_arg : NULL, NULL };
	uid_t uid;
	gid_t gid;
	pid_t pid;

	if (identity_user(root, door->user, &uid, &gid) < 0)
		return -ENOENT;
	pid = fork();
	if (pid != 0)
		return pid < 0 ? -errno : pid;

	snprintf(root_arg, sizeof(root_arg), "--root=%s", root);
	snprintf(program, sizeof(program), "%s%s/%s", root, PWRESET_LIBEXECDIR, door->program);
	snprintf(credentials, sizeof(credentials), "CREDENTIALS_DIRECTORY=%s%s/credentials/%s",
		 root, PWRESET_RUNDIR, door->name);
	child_descriptors(&connection, 1, STDIN_FILENO);
	child_become(uid, gid);
	worker_confine(root, program, door->listens);
	execve(program, arguments, environment);
	child_die(program);
}
