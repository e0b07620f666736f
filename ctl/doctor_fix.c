/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mends what can be mended without a decision, after the way back has been written down. */

#include "doctor_fix.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "output.h"

#define FOLDER "/var/backups"
#define SUFFIX ".sh"
#define PATH_BYTES 512
#define TEXT_BYTES (4 * PATH_BYTES)

typedef enum FixKind { FIX_MODE, FIX_FOLDER, FIX_UNIT } FixKind;

typedef struct Fix {
	FixKind kind;
	char name[PATH_BYTES]; /* a path, or a unit */
	const char *service;   /* to be started anew for the unit, or NULL; static */
	uid_t uid;
	gid_t gid;
	mode_t mode, type;
	char command[TEXT_BYTES], undo[TEXT_BYTES];
	bool done;
	int error;
} Fix;

struct Fixes {
	bool dry_run;
	bool overflow;
	char script[128];
	size_t n;
	Fix list[FIXES_MAX];
};

Fixes *fixes_new(bool dry_run)
{
	Fixes *fixes = calloc(1, sizeof(*fixes));

	if (fixes)
		fixes->dry_run = dry_run;
	return fixes;
}

Fixes *fixes_free(Fixes *fixes)
{
	free(fixes);
	return NULL;
}

/* The next free one; NULL while nothing is collected, or when there are too many. */
static Fix *fix_new(Doctor *doctor, FixKind kind, const char *name)
{
	Fixes *fixes = doctor->fixes;
	Fix *fix;

	if (!fixes || !doctor->collecting)
		return NULL;
	if (fixes->n == FIXES_MAX || strlen(name) >= PATH_BYTES) {
		fixes->overflow = true;
		return NULL;
	}
	fix = &fixes->list[fixes->n++];
	*fix = (Fix){ .kind = kind };
	snprintf(fix->name, sizeof(fix->name), "%s", name);
	return fix;
}

/* As one word of a shell. */
static void put_quoted(Buf *buf, const char *text)
{
	buf_putc(buf, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(buf, "'\\''");
		else
			buf_putc(buf, *text);
	}
	buf_putc(buf, '\'');
}

static void put_mode(Buf *buf, const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	char text[80];

	snprintf(text, sizeof(text), "chown %lu:%lu ", (unsigned long)uid, (unsigned long)gid);
	buf_puts(buf, text);
	put_quoted(buf, path);
	snprintf(text, sizeof(text), " && chmod %04o ", (unsigned)mode);
	buf_puts(buf, text);
	put_quoted(buf, path);
}

void fix_owned(Doctor *doctor, const char *path, const struct stat *st, uid_t uid, gid_t gid,
	       mode_t mode)
{
	Fix *fix = fix_new(doctor, st ? FIX_MODE : FIX_FOLDER, path);
	Buf command, undo;

	if (!fix)
		return;
	fix->uid = uid;
	fix->gid = gid;
	fix->mode = mode;
	fix->type = st ? st->st_mode & S_IFMT : S_IFDIR;
	buf_init(&command, fix->command, sizeof(fix->command));
	buf_init(&undo, fix->undo, sizeof(fix->undo));
	if (!st) {
		buf_puts(&command, "mkdir ");
		put_quoted(&command, path);
		buf_puts(&command, " && ");
		buf_puts(&undo, "rmdir ");
		put_quoted(&undo, path);
	} else {
		put_mode(&undo, path, st->st_uid, st->st_gid, st->st_mode & 07777);
	}
	put_mode(&command, path, uid, gid, mode);
	doctor->fixes->overflow = doctor->fixes->overflow || command.overflow || undo.overflow;
}

void fix_file(Doctor *doctor, const char *path, const struct stat *st, mode_t mode)
{
	if (st->st_uid == 0 && S_ISREG(st->st_mode))
		fix_owned(doctor, path, st, st->st_uid, st->st_gid, mode);
}

void fix_unit(Doctor *doctor, const char *unit, const char *service, bool active, bool enabled)
{
	Fix *fix = fix_new(doctor, FIX_UNIT, unit);

	if (!fix)
		return;
	fix->service = active ? NULL : service;
	unit_remedy(unit, fix->service, fix->command, sizeof(fix->command));
	snprintf(fix->undo, sizeof(fix->undo), "systemctl %s %.100s",
		 enabled  ? "stop"
		 : active ? "disable"
			  : "disable --now",
		 unit);
}

/*
 * On the descriptor of what was looked at: no link, and no second name of a file that is somewhere
 * else.
 */
static int mode_apply(const Fix *fix)
{
	AUTO_CLOSE int fd = open(fix->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[40];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != fix->type)
		return -ESTALE;
	if (S_ISREG(st.st_mode) && (st.st_nlink != 1 || st.st_uid != fix->uid))
		return -EMLINK;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* The mode first: in between it is too strict and not too open. */
	if (chmod(path, fix->mode) < 0 || fchownat(fd, "", fix->uid, fix->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int systemctl(const char *verb, const char *option, const char *unit)
{
	const char *argv[] = { "/usr/bin/systemctl", "--quiet", verb, option, unit, NULL };
	char output[256];
	int r;

	r = program_read(argv, output, sizeof(output));
	return r > 0 ? -EIO : r;
}

static int unit_apply(const Fix *fix)
{
	int r;

	if (!fix->service)
		return systemctl("enable", "--now", fix->name);
	r = systemctl("enable", "--no-reload", fix->name);
	return r < 0 ? r : systemctl("restart", "--", fix->service);
}

static int fix_apply(const Fix *fix)
{
	switch (fix->kind) {
	case FIX_MODE:
		return mode_apply(fix);
	case FIX_FOLDER:
		if (mkdir(fix->name, 0700) < 0)
			return -errno;
		return mode_apply(fix);
	case FIX_UNIT:
		return unit_apply(fix);
	}
	return -EINVAL;
}

/* The last first, as it has to be. */
static int script_write(Fixes *fixes)
{
	AUTO_FCLOSE FILE *f = NULL;
	time_t now = time(NULL);
	char stamp[24];
	struct tm tm;
	int fd;

	if (!gmtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return -EINVAL;
	snprintf(fixes->script, sizeof(fixes->script), FOLDER "/pwreset-doctor-%s-XXXXXX" SUFFIX,
		 stamp);
	if (mkdir(FOLDER, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = mkostemps(fixes->script, (int)strlen(SUFFIX), O_CLOEXEC);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	fprintf(f, "#!/bin/sh\n# Undoes what pwresetctl doctor --fix did on %s.\n", stamp);
	for (size_t i = fixes->n; i-- > 0;)
		fprintf(f, "%s\n", fixes->list[i].undo);
	if (fflush(f) != 0 || ferror(f) || fsync(fd) < 0)
		return -EIO;
	return 0;
}

int fixes_apply(Fixes *fixes)
{
	int result = 0, r;

	if (fixes->overflow) {
		complain(_(
			"There is more to mend than can be held; what is left over is mended by the same command again."));
		result = EXIT_FAILED;
	}
	if (fixes->dry_run || fixes->n == 0)
		return result;
	r = script_write(fixes);
	if (r < 0) {
		complain(_("Nothing was mended, as %s could not be written: %s"), fixes->script,
			 strerror(-r));
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < fixes->n; i++) {
		Fix *fix = &fixes->list[i];

		r = fix_apply(fix);
		fix->done = r == 0;
		fix->error = -r;
		if (r < 0)
			result = EXIT_FAILED;
	}
	return result;
}

void fixes_print(const Fixes *fixes)
{
	for (size_t i = 0; i < fixes->n; i++) {
		const Fix *fix = &fixes->list[i];

		fputs(fixes->dry_run ? _("would mend: ")
		      : fix->done    ? _("mended: ")
				     : _("NOT mended: "),
		      stdout);
		text_print(stdout, fix->command);
		if (fix->error != 0)
			printf(": %s", strerror(fix->error));
		putchar('\n');
	}
	if (fixes->n == 0)
		puts(_("There is nothing that could be mended here."));
	else if (!fixes->dry_run)
		printf(_("To undo it: sh %s\n"), fixes->script);
	putchar('\n');
}

void fixes_put(const Fixes *fixes, JsonWriter *w)
{
	json_open(w, "fixes", '[');
	for (size_t i = 0; i < fixes->n; i++) {
		const Fix *fix = &fixes->list[i];
		AUTO_FREE char *command = text_clean(fix->command), *undo = text_clean(fix->undo);

		json_open(w, NULL, '{');
		json_put_string(w, "command", command ? command : "?");
		json_put_string(w, "undo", undo ? undo : "?");
		json_put_bool(w, "done", fix->done);
		json_close(w, '}');
	}
	json_close(w, ']');
}
