/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of this host: the configuration as the daemon would read it, credentials, sockets, what was installed. */

#include <glob.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "doctor.h"
#include "version.h"

#define CREDENTIALS PWRESET_CONFDIR "/credentials/"
#define TEXT_BYTES 1200
#define PATH_BYTES 512

static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	Doctor *doctor = userdata;
	char where[TEXT_BYTES];

	if (place->line > 0)
		snprintf(where, sizeof(where), "%s:%u", place->file, place->line);
	else
		snprintf(where, sizeof(where), "%s", place->file);
	finding_add(doctor, SEVERITY_ERROR, "configuration", message, where, NULL);
}

/* It holds no secret, and the daemon, its workers and the page read it as users of their own. */
static void check_readable(Doctor *doctor, const char *pattern)
{
	char path[PATH_BYTES];
	glob_t found;
	int n;

	n = snprintf(path, sizeof(path), "%s%s", doctor->root, pattern);
	if (n < 0 || (size_t)n >= sizeof(path) || glob(path, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char remedy[2 * PATH_BYTES];
		struct stat st;

		if (stat(found.gl_pathv[i], &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0004))
			continue;
		snprintf(remedy, sizeof(remedy), "chmod 0644 %s", found.gl_pathv[i]);
		finding_add(doctor, SEVERITY_ERROR, "configuration", _("The service's users cannot read the configuration."),
			    found.gl_pathv[i], remedy);
	}
	globfree(&found);
}

static Config *check_config(Doctor *doctor)
{
	Config *config = NULL;
	int r;

	r = config_load(&config, doctor->root, on_complaint, doctor);
	if (r == 0)
		finding_add(doctor, SEVERITY_OK, "configuration", _("The configuration is valid."), NULL, NULL);
	return config;
}

/* 0 and what it is, or a negative errno; links are not followed. */
static int look(const Doctor *doctor, const char *name, char *path, size_t size, struct stat *st)
{
	int n = snprintf(path, size, "%s%s", doctor->root, name);

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return lstat(path, st) < 0 ? -errno : 0;
}

/* A credential that is there has to be a secret; whether it must be there is the caller's to know. */
static void check_credential(Doctor *doctor, const char *name, bool needed)
{
	char file[128], path[PATH_BYTES], seen[PATH_BYTES + 80], remedy[2 * PATH_BYTES + 80];
	struct stat st;
	int r;

	snprintf(file, sizeof(file), CREDENTIALS "%s", name);
	r = look(doctor, file, path, sizeof(path), &st);
	if (r == -EACCES)
		return;
	if (r < 0) {
		/* It may come by LoadCredentialEncrypted= of a drop-in, which the daemon knows. */
		if (needed) {
			snprintf(remedy, sizeof(remedy), strcmp(name, "pepper") == 0 ?
					 "(umask 077; pwresetctl pepper > %s), or LoadCredential= in a drop-in" :
					 "put it into %s, mode 0600, or LoadCredential= in a drop-in",
				 file);
			finding_add(doctor, SEVERITY_WARNING, "credential", _("A credential is not where it is looked for."), path,
				    remedy);
		}
		return;
	}
	if (S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & 0077) == 0) {
		finding_add(doctor, SEVERITY_OK, "credential", _("A credential is root's alone."), path, NULL);
		return;
	}
	snprintf(seen, sizeof(seen), "%s: uid %lu, mode %04o", path, (unsigned long)st.st_uid, (unsigned)(st.st_mode & 07777));
	snprintf(remedy, sizeof(remedy), "chown root:root %s && chmod 0600 %s", path, path);
	finding_add(doctor, SEVERITY_ERROR, "credential", _("A credential can be read by others, or is no file of root's."), seen,
		    remedy);
}

static void check_credentials(Doctor *doctor, const Config *config)
{
	check_credential(doctor, "pepper", true);
	check_credential(doctor, "ldap-password", config && config->directory.bind == CONFIG_BIND_SIMPLE);
	check_credential(doctor, "smtp-password", config && config->mail.user[0] != '\0');
}

/* Who may connect is all that keeps the sockets apart. */
static const struct {
	const char *path;
	const char *owner;
	mode_t mode;
	bool needed;
	const char *unit;
} sockets[] = {
	{ PWRESET_RUNDIR "/pam", "root", 0600, true, "pwreset-pam.socket" },
	{ PWRESET_RUNDIR "/ctl", NULL, 0666, true, "pwreset-ctl.socket" },
	{ PWRESET_RUNDIR "/web", "pwreset-web", 0600, false, "pwreset-web.socket" },
	{ PWRESET_RUNDIR "/relay", "pwreset-relay", 0600, false, "pwreset-relay.socket" },
	{ PWRESET_RUNDIR "/directory", "pwreset", 0600, true, "pwreset-directory.socket" },
	{ PWRESET_RUNDIR "/mailer", "pwreset", 0600, true, "pwreset-mailer.socket" },
};

static void check_socket(Doctor *doctor, size_t i)
{
	const struct passwd *pw = sockets[i].owner ? getpwnam(sockets[i].owner) : NULL;
	char path[PATH_BYTES], seen[PATH_BYTES + 80], remedy[128];
	struct stat st;
	int r;

	r = look(doctor, sockets[i].path, path, sizeof(path), &st);
	snprintf(remedy, sizeof(remedy), "systemctl enable --now %s", sockets[i].unit);
	if (r < 0) {
		if (sockets[i].needed)
			finding_add(doctor, SEVERITY_ERROR, "socket", _("A socket is not there."), path, remedy);
		return;
	}
	if (S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == sockets[i].mode && (!pw || st.st_uid == pw->pw_uid)) {
		finding_add(doctor, SEVERITY_OK, "socket", _("A socket has its owner and mode."), path, NULL);
		return;
	}
	snprintf(seen, sizeof(seen), "%s: uid %lu, mode %04o", path, (unsigned long)st.st_uid, (unsigned)(st.st_mode & 07777));
	snprintf(remedy, sizeof(remedy), "systemctl restart %s", sockets[i].unit);
	finding_add(doctor, SEVERITY_ERROR, "socket", _("A socket has another owner or mode than its unit says."), seen, remedy);
}

static void check_installed(Doctor *doctor, const Config *config)
{
	const char *const files[] = {
		config ? config->policy.blocklist : NULL,
		config && config->policy.site_blocklist[0] != '\0' ? config->policy.site_blocklist : NULL,
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[PATH_BYTES];
		struct stat st;

		if (files[i] && look(doctor, files[i], path, sizeof(path), &st) < 0)
			finding_add(doctor, SEVERITY_ERROR, "blocklist",
				    _("A list of leaked passwords is missing; without it the directory worker does not start."), path,
				    _("install it, or correct [policy] blocklist= and site-blocklist="));
	}
}

void doctor_files(Doctor *doctor)
{
	CLEANUP(config_freep) Config *config = check_config(doctor);

	check_readable(doctor, PWRESET_CONFDIR "/pwreset.conf");
	check_readable(doctor, PWRESET_CONFDIR "/pwreset.conf.d/*.conf");
	check_credentials(doctor, config);
	check_installed(doctor, config);
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		check_socket(doctor, i);
}
