/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's loop: who connects, who has died, who wants us to go. */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "confine.h"
#include "launch.h"
#include "launch_private.h"
#include "log.h"
#include "version.h"

#define WORKERS_MAX 128
#define STOP_MS 25000 /* for the broker to finish what is in hand */
#define AGAIN_MS 1000 /* until a broker that failed is started again */
#define USER_WEB "pwreset-web"

typedef struct Launcher {
	const char *root;
	int lock;
	int signals;
	Door doors[DOORS];
	pid_t broker;               /* 0: not running */
	uint64_t broker_again;      /* not before, monotonic_ms() */
	pid_t workers[WORKERS_MAX]; /* 0: free */
	uint64_t stop_at;           /* 0: not stopping */
} Launcher;

static const char *const directory_credentials[] = { "pepper", "ldap-password", NULL };
static const char *const mailer_credentials[] = { "smtp-password", NULL };

static const Door doors_of_hacking_md[DOORS] = {
	{ "pam", "root", 0600, NULL, NULL, NULL, false, -1 },
	{ "web", USER_WEB, 0600, NULL, NULL, NULL, false, -1 },
	{ "ctl", "root", 0666, NULL, NULL, NULL, false, -1 },
	{ "relay", "pwreset-relay", 0600, NULL, NULL, NULL, false, -1 },
	{ "directory", "pwreset", 0600, "pwreset-directory", "pwreset-directory",
	  directory_credentials, false, -1 },
	{ "mailer", "pwreset", 0600, "pwreset-mailer", "pwreset-mailer", mailer_credentials, true,
	  -1 },
};

static bool spool_waits(const Launcher *launcher)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s/spool", launcher->root, PWRESET_STATEDIR);
	return access(path, F_OK) == 0;
}

static void broker_start(Launcher *launcher)
{
	pid_t pid;

	if (launcher->broker != 0 || launcher->stop_at != 0 ||
	    monotonic_ms() < launcher->broker_again)
		return;
	pid = launch_broker(launcher->root, launcher->doors);
	if (pid < 0)
		log_line(LOG_ERR, "The broker cannot be started: %s", strerror(-(int)pid));
	else
		launcher->broker = pid;
	launcher->broker_again = monotonic_ms() + AGAIN_MS;
}

static pid_t *worker_slot(Launcher *launcher, pid_t pid)
{
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (launcher->workers[i] == pid)
			return &launcher->workers[i];
	return NULL;
}

static void worker_start(Launcher *launcher, const Door *door)
{
	AUTO_CLOSE int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
	pid_t *slot = worker_slot(launcher, 0), pid;

	if (fd < 0 || !slot)
		return;
	pid = launch_worker(launcher->root, door, fd);
	if (pid < 0)
		log_line(LOG_ERR, "%s cannot be started: %s", door->program, strerror(-(int)pid));
	else
		*slot = pid;
}

static void children_reap(Launcher *launcher)
{
	int status;
	pid_t pid;

	/* Ends with the last child that has died. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		pid_t *slot = worker_slot(launcher, pid);

		if (slot)
			*slot = 0;
		if (pid != launcher->broker)
			continue;
		launcher->broker = 0;
		/* One that went because it was idle may come back at once. */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			launcher->broker_again = 0;
		else
			log_line(LOG_ERR, "The broker has failed (status %#x).", (unsigned)status);
	}
}

static void credentials_renew(const Launcher *launcher)
{
	for (size_t i = DOORS_BROKER; i < DOORS; i++)
		(void)launch_credentials(launcher->root, &launcher->doors[i]);
}

static void signal_take(Launcher *launcher)
{
	struct signalfd_siginfo info;

	if (read(launcher->signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		children_reap(launcher);
		break;
	case SIGHUP:
		credentials_renew(launcher);
		if (launcher->broker > 0)
			kill(launcher->broker, SIGHUP);
		break;
	default:
		if (launcher->stop_at == 0)
			launcher->stop_at = monotonic_ms() + STOP_MS;
		if (launcher->broker > 0)
			kill(launcher->broker, SIGTERM);
	}
}

static void doors_look(Launcher *launcher, const struct pollfd *polled)
{
	for (size_t i = 0; i < DOORS; i++) {
		if (!(polled[i].revents & POLLIN))
			continue;
		if (launcher->doors[i].program)
			worker_start(launcher, &launcher->doors[i]);
		else
			broker_start(launcher);
	}
	if (spool_waits(launcher))
		broker_start(launcher);
}

/* One turn. False: it is over. */
static bool launcher_turn(Launcher *launcher)
{
	struct pollfd polled[DOORS + 1];
	bool room = worker_slot(launcher, 0) != NULL;

	if (launcher->stop_at != 0 &&
	    (launcher->broker == 0 || monotonic_ms() >= launcher->stop_at))
		return false;
	for (size_t i = 0; i < DOORS; i++) {
		const Door *door = &launcher->doors[i];
		bool wanted = door->program ? room
					    : launcher->broker == 0 &&
						      monotonic_ms() >= launcher->broker_again;

		polled[i] = (struct pollfd){ .fd = wanted ? door->fd : -1, .events = POLLIN };
	}
	polled[DOORS] = (struct pollfd){ .fd = launcher->signals, .events = POLLIN };
	if (poll(polled, ARRAY_SIZE(polled), AGAIN_MS) < 0)
		return errno == EINTR;
	if (polled[DOORS].revents & POLLIN)
		signal_take(launcher);
	doors_look(launcher, polled);
	return true;
}

static int signals_open(Launcher *launcher)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	launcher->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return launcher->signals < 0 ? -errno : 0;
}

static int lock_take(Launcher *launcher)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", launcher->root, PWRESET_RUNDIR);
	launcher->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (launcher->lock < 0 || flock(launcher->lock, LOCK_EX | LOCK_NB) < 0) {
		log_line(LOG_ERR, "%s: another pwresetd --listen is running: %m", path);
		return -EBUSY;
	}
	return 0;
}

static int launcher_open(Launcher *launcher)
{
	int r = launch_folders(launcher->root);

	if (r == 0)
		r = lock_take(launcher);
	if (r == 0)
		r = signals_open(launcher);
	for (size_t i = DOORS_BROKER; i < DOORS && r == 0; i++)
		r = launch_credentials(launcher->root, &launcher->doors[i]);
	for (size_t i = 0; i < DOORS && r == 0; i++)
		r = launch_door_open(launcher->root, &launcher->doors[i]);
	return r;
}

static void launcher_close(Launcher *launcher)
{
	for (size_t i = 0; i < DOORS; i++)
		launch_door_close(launcher->root, &launcher->doors[i]);
	if (launcher->broker > 0)
		kill(launcher->broker, SIGKILL);
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (launcher->workers[i] > 0)
			kill(launcher->workers[i], SIGKILL);
	closep(&launcher->signals);
	closep(&launcher->lock);
}

int launch_run(const char *root)
{
	Launcher launcher = { .root = root, .lock = -1, .signals = -1 };
	int r;

	if (geteuid() != 0) {
		log_line(LOG_ERR, "--listen needs root, to start each process as its own user.");
		return EXIT_FAILURE;
	}
	prctl(PR_SET_DUMPABLE, 0);
	r = confine_files_supported();
	if (r < 0)
		log_line(
			LOG_WARNING,
			"This kernel has no Landlock (%s): of files, all processes may what their users may.",
			strerror(-r));
	memcpy(launcher.doors, doors_of_hacking_md, sizeof(launcher.doors));
	r = launcher_open(&launcher);
	if (r == 0)
		while (launcher_turn(&launcher))
			;
	launcher_close(&launcher);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
