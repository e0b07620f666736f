/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names a line each. The whole file is looked at before anything is sent: what is wrong in it may
 * be the file itself.
 */

#include <string.h>

#include "names.h"
#include "output.h"
#include "validate.h"

#define SHOWN_MAX 20 /* bad lines that are quoted; the others are counted */
#define BLANKS " \t\r"

typedef struct Reader {
	FILE *f;
	const char *path;
	unsigned number; /* of the line */
	unsigned bad;
	char line[USER_NAME_MAX + 16];
	size_t len;
	bool damaged; /* too long, or a NUL in it: line has its beginning */
} Reader;

/* False at the end of the file. */
static bool line_read(Reader *reader)
{
	int c;

	reader->len = 0;
	reader->damaged = false;
	while ((c = getc(reader->f)) != EOF && c != '\n') {
		if (c == '\0' || reader->len == sizeof(reader->line) - 1)
			reader->damaged = true;
		else if (!reader->damaged)
			reader->line[reader->len++] = (char)c;
	}
	reader->line[reader->len] = '\0';
	reader->number++;
	return c != EOF || reader->len > 0 || reader->damaged;
}

static char *line_name(Reader *reader)
{
	char *name = reader->line;

	/* What Windows' editors put before the first line. */
	if (reader->number == 1 && strncmp(name, "\xef\xbb\xbf", 3) == 0)
		name += 3;
	name += strspn(name, BLANKS);
	for (size_t n = strlen(name); n > 0 && strchr(BLANKS, name[n - 1]); n--)
		name[n - 1] = '\0';
	return name;
}

static void line_refuse(Reader *reader, const char *name)
{
	AUTO_FREE char *text = text_clean(name);

	if (reader->bad++ < SHOWN_MAX)
		complain(
			_("%s:%u: \"%s\" is no user name: one a line, UTF-8 text of at most %d bytes without control characters."),
			reader->path, reader->number, text ? text : "?", USER_NAME_MAX);
}

static int lines_read(Reader *reader, Names *names)
{
	int r = 0;

	while (r == 0 && line_read(reader)) {
		const char *name = line_name(reader);

		if (reader->damaged || (name[0] != '\0' && !user_name_valid(name)))
			line_refuse(reader, name);
		else if (name[0] != '\0' && reader->bad == 0)
			r = names_add(names, name);
	}
	return r;
}

int names_read_file(Names *names, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	AUTO_FCLOSE FILE *opened = is_stdin ? NULL : fopen(path, "re");
	Reader reader = { .f = is_stdin ? stdin : opened, .path = path };
	int r;

	if (!reader.f) {
		complain(_("%s cannot be read: %s"), path, strerror(errno));
		return EXIT_USAGE;
	}
	r = lines_read(&reader, names);
	if (r == 0 && ferror(reader.f)) {
		complain(_("%s cannot be read: %s"), path, strerror(errno));
		return EXIT_USAGE;
	}
	if (reader.bad > 0) {
		complain(_("Lines to be mended or taken out of %s: %u. Nothing was sent."), path,
			 reader.bad);
		return EXIT_USAGE;
	}
	return r;
}

static int by_name(const void *a, const void *b, void *userdata)
{
	const Names *names = userdata;
	const size_t *x = a, *y = b;
	int r = strcmp(names->list[*x], names->list[*y]);

	return r != 0 ? r : (*x > *y) - (*x < *y);
}

int names_unique(Names *names, size_t *ret)
{
	AUTO_FREE size_t *order = reallocarray(NULL, names->n + 1, sizeof(*order));
	size_t kept = 0, n = names->n;

	if (!order) {
		complain(_("There is no memory for so many names."));
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), by_name, names);
	/*
	 * Of equal ones the first in the file comes first here, and stays. From behind, so that
	 * neighbours can be compared.
	 */
	for (size_t i = n; i-- > 1;)
		if (strcmp(names->list[order[i]], names->list[order[i - 1]]) == 0) {
			free(names->list[order[i]]);
			names->list[order[i]] = NULL;
		}
	for (size_t i = 0; i < n; i++)
		if (names->list[i])
			names->list[kept++] = names->list[i];
	names->n = kept;
	*ret = n - kept;
	return 0;
}
