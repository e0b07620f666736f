/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What systemd and sshd say of themselves. Programs are run by path, without a shell, for a bounded
 * time.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "doctor_fix.h"

#define PROGRAM_MS 10000
#define OUTPUT_BYTES 65536
#define GRACE_MIN_S 60 /* a mail and a typed code take longer than a password */

/* Reads to the end or the deadline. */
static int read_all(int fd, char *ret, size_t size)
{
	uint64_t deadline = monotonic_ms() + PROGRAM_MS;
	size_t len = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = monotonic_ms();
		char spill[1024];
		ssize_t n;

		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(deadline - now)) <= 0)
			continue;
		n = len < size - 1 ? read(fd, ret + len, size - 1 - len)
				   : read(fd, spill, sizeof(spill));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (len < size - 1)
			len += (size_t)n;
	}
	ret[len] = '\0';
	return 0;
}

int program_read(const char *const *argv, char *ret, size_t size)
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
						   NULL };
	AUTO_CLOSE int from = -1, to = -1;
	posix_spawn_file_actions_t actions;
	int fds[2], r, status;
	pid_t pid;

	ret[0] = '\0';
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	r = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
			(char *const *)(uintptr_t)environment);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -r;
	close(steal_fd(&to));
	r = read_all(from, ret, size);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/*
 * A socket that a running service was not given is not started by itself: the service is, which
 * wants its sockets.
 */
static const struct {
	const char *unit;
	const char *service;
	Severity missing; /* when it is not active */
	const char *text;
} units[] = {
	{ "pwreset-ctl.socket", "pwresetd.service", SEVERITY_ERROR,
	  N_("The socket of this tool is not active.") },
	{ "pwreset-pam.socket", "pwresetd.service", SEVERITY_ERROR,
	  N_("The socket of the PAM module is not active: no recovery at the prompt.") },
	{ "pwreset-directory.socket", NULL, SEVERITY_ERROR,
	  N_("The socket of the directory workers is not active: nothing works.") },
	{ "pwreset-mailer.socket", NULL, SEVERITY_ERROR,
	  N_("The socket of the mailers is not active: no mail goes out.") },
	{ "pwreset-spool.path", NULL, SEVERITY_WARNING,
	  N_("The watch over the spool is not active: requests that wait are not taken up after a boot.") },
	{ "pwreset-web.socket", "pwresetd.service", SEVERITY_NOTICE,
	  N_("The page's socket to the service is not active: no recovery by browser.") },
	{ "pwreset-http.socket", "pwreset-web.service", SEVERITY_NOTICE,
	  N_("The page's own socket is not active: no recovery by browser.") },
};

/* "Key=value" lines of systemctl show. */
static const char *property(const char *output, const char *key, char *ret, size_t size)
{
	size_t len = strlen(key);

	for (const char *p = output; *p;) {
		size_t n = strcspn(p, "\n");

		if (n > len && n - len <= size && strncmp(p, key, len) == 0 && p[len] == '=') {
			memcpy(ret, p + len + 1, n - len - 1);
			ret[n - len - 1] = '\0';
			return ret;
		}
		p += n;
		p += *p == '\n';
	}
	return NULL;
}

void unit_remedy(const char *unit, const char *service, char *ret, size_t size)
{
	if (service)
		snprintf(ret, size, "systemctl enable %s && systemctl restart %s", unit, service);
	else
		snprintf(ret, size, "systemctl enable --now %s", unit);
}

static void check_unit(Doctor *doctor, size_t i)
{
	const char *argv[] = { "/usr/bin/systemctl", "show",
			       "--property=LoadState,ActiveState,UnitFileState", units[i].unit,
			       NULL };
	char output[1024], load[32], active[32], file[32], seen[200], remedy[160];
	bool is_active, enabled;

	if (program_read(argv, output, sizeof(output)) != 0 ||
	    !property(output, "ActiveState", active, sizeof(active)) ||
	    !property(output, "LoadState", load, sizeof(load)))
		return;
	if (!property(output, "UnitFileState", file, sizeof(file)))
		file[0] = '\0';
	snprintf(seen, sizeof(seen), "%s: %s, %s, %s", units[i].unit, load, active,
		 file[0] != '\0' ? file : "-");
	unit_remedy(units[i].unit, units[i].service, remedy, sizeof(remedy));
	is_active = strcmp(active, "active") == 0;
	enabled = strcmp(file, "enabled") == 0 || strcmp(file, "static") == 0 ||
		  strcmp(file, "enabled-runtime") == 0;
	if (!is_active)
		finding_add(doctor, units[i].missing, "unit", units[i].text, seen, remedy);
	else if (!enabled)
		finding_add(doctor,
			    units[i].missing < SEVERITY_WARNING ? units[i].missing
								: SEVERITY_WARNING,
			    "unit", N_("A unit is active now, but not after the next boot."), seen,
			    remedy);
	else
		finding_add(doctor, SEVERITY_OK, "unit", N_("A unit is active."), seen, NULL);
	/* Whoever masks a unit means it, and who runs without the page may do so. */
	if ((!is_active || !enabled) && units[i].missing >= SEVERITY_WARNING &&
	    strcmp(load, "loaded") == 0)
		fix_unit(doctor, units[i].unit, units[i].service, is_active, enabled);
}

void doctor_units(Doctor *doctor)
{
	if (access("/run/systemd/system", F_OK) < 0) {
		finding_add(
			doctor, SEVERITY_NOTICE, "no-systemd",
			N_("This host was not booted by systemd: its units were not looked at."),
			NULL, NULL);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		check_unit(doctor, i);
}

static bool setting_is(const char *output, const char *key, const char *value)
{
	char line[128];
	const char *at;

	snprintf(line, sizeof(line), "\n%s %s\n", key, value);
	at = strstr(output, line + 1);
	return strstr(output, line) || at == output;
}

static void check_grace(Doctor *doctor, const char *output)
{
	const char *at = strstr(output, "\nlogingracetime ");
	char seen[64];
	unsigned long seconds;

	if (!at)
		return;
	seconds = strtoul(at + 16, NULL, 10);
	if (seconds == 0 || seconds >= GRACE_MIN_S)
		return;
	snprintf(seen, sizeof(seen), "LoginGraceTime %lu", seconds);
	finding_add(
		doctor, SEVERITY_WARNING, "sshd-grace",
		N_("sshd ends the login before a mailed code can be read and typed (the code outlives it)."),
		seen, "LoginGraceTime 120");
}

void doctor_sshd(Doctor *doctor)
{
	const char *argv[] = { "/usr/sbin/sshd", "-T", NULL };
	AUTO_FREE char *output = malloc(OUTPUT_BYTES);
	int r;

	if (!output || access(argv[0], X_OK) < 0)
		return;
	r = program_read(argv, output, OUTPUT_BYTES);
	if (r != 0) {
		finding_add(doctor, SEVERITY_NOTICE, "sshd-unseen",
			    N_("sshd does not show its settings (it does so to root)."), NULL,
			    "sudo pwresetctl doctor");
		return;
	}
	if (!setting_is(output, "usepam", "yes"))
		finding_add(doctor, SEVERITY_ERROR, "sshd-pam",
			    N_("sshd does not ask PAM: no recovery by ssh."), "UsePAM no",
			    "UsePAM yes");
	else if (!setting_is(output, "kbdinteractiveauthentication", "yes"))
		finding_add(doctor, SEVERITY_ERROR, "sshd-interactive",
			    N_("sshd lets PAM ask nothing but the password: no recovery by ssh."),
			    "KbdInteractiveAuthentication no", "KbdInteractiveAuthentication yes");
	else
		finding_add(doctor, SEVERITY_OK, "sshd", N_("sshd lets PAM ask."), NULL, NULL);
	check_grace(doctor, output);
}
