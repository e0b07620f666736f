/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of this host: the configuration as the daemon would read it, credentials, sockets, what was
 * installed.
 */

#include <glob.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "doctor_fix.h"
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
static void check_configuration_file(Doctor *doctor, const char *path)
{
	char remedy[2 * PATH_BYTES], seen[PATH_BYTES + 80];
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid == 0 && (st.st_mode & 0022) == 0 && (st.st_mode & 0004)))
		return;
	snprintf(seen, sizeof(seen), "%.*s: uid %lu, mode %04o", PATH_BYTES, path,
		 (unsigned long)st.st_uid, (unsigned)(st.st_mode & 07777));
	snprintf(remedy, sizeof(remedy), "chown root:root %.*s && chmod 0644 %.*s", PATH_BYTES / 2,
		 path, PATH_BYTES / 2, path);
	finding_add(
		doctor, SEVERITY_ERROR, "configuration",
		N_("A file of the configuration is not root's, or can be written by others, or not be read by the service's users."),
		seen, remedy);
	fix_file(doctor, path, &st, 0644);
}

static void check_configuration_files(Doctor *doctor, const char *pattern)
{
	char path[PATH_BYTES];
	glob_t found;
	int n;

	n = snprintf(path, sizeof(path), "%s%s", doctor->root, pattern);
	if (n < 0 || (size_t)n >= sizeof(path) || glob(path, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_configuration_file(doctor, found.gl_pathv[i]);
	globfree(&found);
}

static Config *check_config(Doctor *doctor)
{
	Config *config = NULL;
	int r;

	r = config_load(&config, doctor->root, on_complaint, doctor);
	if (r == 0)
		finding_add(doctor, SEVERITY_OK, "configuration", N_("The configuration is valid."),
			    NULL, NULL);
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

/*
 * A credential that is there has to be a secret; whether it must be there is the caller's to know.
 */
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
			snprintf(
				remedy, sizeof(remedy),
				strcmp(name, "pepper") == 0
					? "(umask 077; pwresetctl pepper > %s), or LoadCredential= in a drop-in"
					: "put it into %s, mode 0600, or LoadCredential= in a drop-in",
				file);
			finding_add(doctor, SEVERITY_WARNING, "credential",
				    N_("A credential is not where it is looked for."), path,
				    remedy);
		}
		return;
	}
	if (S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & 0077) == 0) {
		finding_add(doctor, SEVERITY_OK, "credential", N_("A credential is root's alone."),
			    path, NULL);
		return;
	}
	snprintf(seen, sizeof(seen), "%s: uid %lu, mode %04o", path, (unsigned long)st.st_uid,
		 (unsigned)(st.st_mode & 07777));
	snprintf(remedy, sizeof(remedy), "chown root:root %s && chmod 0600 %s", path, path);
	finding_add(doctor, SEVERITY_ERROR, "credential",
		    N_("A credential can be read by others, or is no file of root's."), seen,
		    remedy);
	fix_file(doctor, path, &st, 0600);
}

static void check_credentials(Doctor *doctor, const Config *config)
{
	check_credential(doctor, "pepper", true);
	check_credential(doctor, "ldap-password",
			 config && config->directory.bind == CONFIG_BIND_SIMPLE);
	check_credential(doctor, "smtp-password", config && config->mail.user[0] != '\0');
}

/* Who may connect is all that keeps the sockets apart. */
/* clang-format off */
static const struct {
	const char *path;
	const char *owner;
	mode_t mode;
	bool needed;
	const char *unit, *service;
} sockets[] = {
	{ PWRESET_RUNDIR "/pam", "root", 0600, true, "pwreset-pam.socket", "pwresetd.service" },
	{ PWRESET_RUNDIR "/ctl", "root", 0666, true, "pwreset-ctl.socket", "pwresetd.service" },
	{ PWRESET_RUNDIR "/web", "pwreset-web", 0600, false, "pwreset-web.socket",
	  "pwresetd.service" },
	{ PWRESET_RUNDIR "/relay", "pwreset-relay", 0600, false, "pwreset-relay.socket",
	  "pwresetd.service" },
	{ PWRESET_RUNDIR "/directory", "pwreset", 0600, true, "pwreset-directory.socket", NULL },
	{ PWRESET_RUNDIR "/mailer", "pwreset", 0600, true, "pwreset-mailer.socket", NULL },
};
/* clang-format on */

static void check_socket(Doctor *doctor, size_t i)
{
	const struct passwd *pw = getpwnam(sockets[i].owner);
	char path[PATH_BYTES], seen[PATH_BYTES + 80], remedy[2 * PATH_BYTES + 80];
	struct stat st;
	int r;

	r = look(doctor, sockets[i].path, path, sizeof(path), &st);
	unit_remedy(sockets[i].unit, sockets[i].service, remedy, sizeof(remedy));
	if (r < 0) {
		if (sockets[i].needed)
			finding_add(doctor, SEVERITY_ERROR, "socket", N_("A socket is not there."),
				    path, remedy);
		return;
	}
	if (S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == sockets[i].mode &&
	    (!pw || st.st_uid == pw->pw_uid)) {
		finding_add(doctor, SEVERITY_OK, "socket", N_("A socket has its owner and mode."),
			    path, NULL);
		return;
	}
	snprintf(seen, sizeof(seen), "%s: uid %lu, mode %04o", path, (unsigned long)st.st_uid,
		 (unsigned)(st.st_mode & 07777));
	snprintf(remedy, sizeof(remedy), "chown %s %s && chmod %04o %s", sockets[i].owner, path,
		 (unsigned)sockets[i].mode, path);
	finding_add(doctor, SEVERITY_ERROR, "socket",
		    N_("A socket has another owner or mode than its unit says."), seen, remedy);
	if (S_ISSOCK(st.st_mode))
		fix_owned(doctor, path, &st, pw ? pw->pw_uid : st.st_uid, st.st_gid,
			  sockets[i].mode);
}

/* As tmpfiles.d makes them. Who can write into one of them can replace what is in it. */
static const struct {
	const char *path, *owner;
	mode_t mode;
} folders[] = {
	{ PWRESET_CONFDIR, "root", 0755 },
	{ PWRESET_CONFDIR "/credentials", "root", 0700 },
	{ PWRESET_RUNDIR, "root", 0755 },
	{ PWRESET_STATEDIR, "pwreset", 0700 },
};

static void check_folder(Doctor *doctor, size_t i)
{
	const struct passwd *pw = getpwnam(folders[i].owner);
	char path[PATH_BYTES], seen[PATH_BYTES + 80];
	struct stat st;
	int r;

	r = look(doctor, folders[i].path, path, sizeof(path), &st);
	if (r == -EACCES)
		return;
	if (r == 0 && pw && S_ISDIR(st.st_mode) && st.st_uid == pw->pw_uid &&
	    (st.st_mode & 07777) == folders[i].mode) {
		finding_add(doctor, SEVERITY_OK, "folder", N_("A folder has its owner and mode."),
			    path, NULL);
		return;
	}
	if (r < 0)
		snprintf(seen, sizeof(seen), "%s: %s", path, strerrordesc_np(-r));
	else
		snprintf(seen, sizeof(seen), "%s: uid %lu, mode %04o", path,
			 (unsigned long)st.st_uid, (unsigned)(st.st_mode & 07777));
	finding_add(doctor, SEVERITY_ERROR, "folder",
		    N_("A folder is missing, or has another owner or mode than it was made with."),
		    seen,
		    pw ? "systemd-tmpfiles --create pwreset.conf"
		       : "systemd-sysusers pwreset.conf && systemd-tmpfiles --create pwreset.conf");
	if (pw && (r == -ENOENT || (r == 0 && S_ISDIR(st.st_mode))))
		fix_owned(doctor, path, r == 0 ? &st : NULL, pw->pw_uid, pw->pw_gid,
			  folders[i].mode);
}

static void check_installed(Doctor *doctor, const Config *config)
{
	const char *const site = config ? config->policy.site_blocklist : "";
	const char *const files[] = {
		config ? config->policy.blocklist : NULL,
		site[0] != '\0' ? site : NULL,
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[PATH_BYTES];
		struct stat st;

		if (files[i] && look(doctor, files[i], path, sizeof(path), &st) < 0)
			finding_add(
				doctor, SEVERITY_ERROR, "blocklist",
				N_("A list of leaked passwords is missing; without it the directory worker does not start."),
				path,
				N_("install it, or correct [policy] blocklist= and site-blocklist="));
	}
}

void doctor_files(Doctor *doctor)
{
	CLEANUP(config_freep) Config *config = check_config(doctor);

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		check_folder(doctor, i);
	check_configuration_files(doctor, PWRESET_CONFDIR "/pwreset.conf");
	check_configuration_files(doctor, PWRESET_CONFDIR "/pwreset.conf.d/*.conf");
	check_credentials(doctor, config);
	check_installed(doctor, config);
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		check_socket(doctor, i);
}
