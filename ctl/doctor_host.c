/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this host is to the service: its clock, the disk under the spool, the name in its mails,
 * what its proxy writes down.
 */

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <strings.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>

#include <linux/magic.h>

#include "config.h"
#include "doctor.h"
#include "version.h"

#define PATH_BYTES 512
#define LOG_TAIL (4U << 20) /* of each log, from its end */
#define LINK_MIN 60         /* characters of a link's secret; no page of ours has so long a name */
#define CONF_BYTES (256U << 10)
#define BEHIND_S 60
#define MARK_TEXT 20 /* digits of the first number of the file */

/*
 * The service's time never runs back: it goes on from the highest that it has seen, and ends are
 * reckoned by it.
 */
static void check_mark(Doctor *doctor)
{
	char path[PATH_BYTES], text[MARK_TEXT + 1] = "", seen[PATH_BYTES + 80];
	AUTO_FCLOSE FILE *f = NULL;
	int64_t behind;

	snprintf(path, sizeof(path), "%s" PWRESET_STATEDIR "/mark", doctor->root);
	f = fopen(path, "re");
	if (!f || fread(text, 1, MARK_TEXT, f) != MARK_TEXT ||
	    strspn(text, "0123456789") != MARK_TEXT)
		return;
	behind = strtoll(text, NULL, 10) - (int64_t)time(NULL);
	if (behind <= BEHIND_S)
		return;
	snprintf(seen, sizeof(seen), "%s: %lld s", path, (long long)behind);
	finding_add(
		doctor, SEVERITY_ERROR, "clock-behind",
		N_("The service's time, which never runs back, is ahead of this host's clock: what it makes is good longer than it says."),
		seen,
		"timedatectl set-ntp true; systemctl stop pwresetd.service && rm " PWRESET_STATEDIR
		"/mark");
}

static void check_clock(Doctor *doctor)
{
	struct timex now = { 0 };

	check_mark(doctor);
	if (adjtimex(&now) >= 0 && (now.status & STA_UNSYNC))
		finding_add(doctor, SEVERITY_NOTICE, "clock",
			    N_("This host's clock is not kept right by a time service."),
			    "adjtimex: unsynchronised", "timedatectl set-ntp true");
}

static void check_spool(Doctor *doctor)
{
	char path[PATH_BYTES];
	struct statfs fs;

	snprintf(path, sizeof(path), "%s" PWRESET_STATEDIR, doctor->root);
	if (statfs(path, &fs) < 0 || (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC))
		return;
	finding_add(
		doctor, SEVERITY_ERROR, "spool-volatile",
		N_("What waits to be mailed, and the limits on guessing, are kept in memory and lost with a reboot."),
		path, N_("a file system on a disk at /var/lib/pwreset"));
}

/* Relays and mailboxes drop mail from a domain that cannot exist. */
static void check_from(Doctor *doctor, const Config *config)
{
	static const char *const ends[] = {
		".local",   ".localdomain", ".invalid",    ".test",
		".example", "example.com",  "example.org", "example.net"
	};
	char domain[256];
	const char *at = strrchr(config->mail.from, '@');
	bool odd;

	if (!at)
		return;
	snprintf(domain, sizeof(domain), "%s", at + 1);
	domain[strcspn(domain, ">")] = '\0';
	odd = !strchr(domain, '.');
	for (size_t i = 0; i < ARRAY_SIZE(ends) && !odd; i++) {
		size_t n = strlen(ends[i]), len = strlen(domain);

		odd = len >= n && strcasecmp(domain + len - n, ends[i]) == 0;
	}
	if (odd)
		finding_add(
			doctor, SEVERITY_NOTICE, "mail-from",
			N_("The sender's domain is none that receives mail, and many relays refuse it."),
			config->mail.from,
			N_("[mail] from= with an address of yours that takes replies"));
}

/* "/r/" or "/revoke/" with a link's secret behind it. */
static bool has_link(const char *text, size_t len)
{
	static const char *const pages[] = { "/r/", "/revoke/" };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		const char *end = text + len, *p = text;
		size_t n = strlen(pages[i]), secret;

		while ((p = memmem(p, (size_t)(end - p), pages[i], n))) {
			p += n;
			for (secret = 0; p + secret < end && (isalnum((unsigned char)p[secret]) ||
							      p[secret] == '-' || p[secret] == '_');
			     secret++)
				;
			if (secret >= LINK_MIN)
				return true;
		}
	}
	return false;
}

/* The last size - 1 bytes of a file, with a NUL behind. */
static ssize_t tail_read(const char *path, char *ret, size_t size)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t n;

	if (end < 0)
		return -1;
	n = pread(fd, ret, size - 1, end > (off_t)(size - 1) ? end - (off_t)(size - 1) : 0);
	if (n >= 0)
		ret[n] = '\0';
	return n;
}

typedef void (*EachFile)(Doctor *doctor, const char *path, const char *text, size_t len);

static void each_file(Doctor *doctor, const char *pattern, size_t size, EachFile each)
{
	AUTO_FREE char *text = malloc(size);
	char path[PATH_BYTES];
	glob_t found;

	snprintf(path, sizeof(path), "%s%s", doctor->root, pattern);
	if (!text || glob(path, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		ssize_t n = tail_read(found.gl_pathv[i], text, size);

		if (n > 0)
			each(doctor, found.gl_pathv[i] + strlen(doctor->root), text, (size_t)n);
	}
	globfree(&found);
}

static void check_log(Doctor *doctor, const char *path, const char *text, size_t len)
{
	if (has_link(text, len))
		finding_add(
			doctor, SEVERITY_ERROR, "proxy-log",
			N_("A log of the web server holds links: whoever reads it can set these people's passwords while they are good."),
			path,
			N_("the configuration in docs/proxy/, which logs no link; then remove the log"));
}

/*
 * A server of nginx or Apache that hands on to the page and does not say what it logs, logs every
 * path; its log of errors too.
 */
static void check_proxy(Doctor *doctor, const char *path, const char *text, size_t len UNUSED)
{
	bool nginx = strstr(path, "nginx");

	if (!strstr(text, "pwreset/http") || (strstr(text, nginx ? "access_log" : "CustomLog") &&
					      strstr(text, nginx ? "error_log" : "ErrorLog")))
		return;
	finding_add(
		doctor, SEVERITY_WARNING, "proxy-config",
		N_("This web server hands requests to the page and says nothing of its log, which then holds every link."),
		path,
		nginx ? "access_log off; error_log /dev/null emerg;"
		      : "CustomLog /dev/null common\nErrorLog /dev/null");
}

static void be_silent(const IniPlace *place UNUSED, const char *message UNUSED,
		      void *userdata UNUSED)
{
}

void doctor_host_state(Doctor *doctor)
{
	static const char *const logs[] = { "/var/log/nginx/*log", "/var/log/apache2/*log",
					    "/var/log/httpd/*log", "/var/log/caddy/*log" };
	static const char *const proxies[] = { "/etc/nginx/sites-enabled/*",
					       "/etc/nginx/conf.d/*.conf", "/etc/nginx/nginx.conf",
					       "/etc/apache2/sites-enabled/*",
					       "/etc/httpd/conf.d/*.conf" };
	CLEANUP(config_freep) Config *config = NULL;

	check_clock(doctor);
	check_spool(doctor);
	/* What is wrong with it has been told. */
	if (config_load(&config, doctor->root, be_silent, NULL) == 0)
		check_from(doctor, config);
	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
		each_file(doctor, proxies[i], CONF_BYTES, check_proxy);
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
		each_file(doctor, logs[i], LOG_TAIL, check_log);
}
