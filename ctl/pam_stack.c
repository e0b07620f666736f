/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /etc/pam.d as libpam reads it: comments, lines that go on, "-type", [controls], include, substack
 * and @include.
 */

#include <string.h>

#include "pam_stack.h"

#define LINE_BYTES 2048

typedef struct Reader {
	PamStack *stack;
	const char *root;
	const char *facility;
} Reader;

static int read_service(const Reader *reader, const char *service, unsigned depth);

/* The next word, a [bracketed one] as a whole; NULL at the end. Ends it with a NUL and moves on. */
static char *word_take(char **p)
{
	char *start = *p + strspn(*p, " \t"), *end;

	if (*start == '\0')
		return NULL;
	if (*start == '[') {
		end = start + strcspn(start, "]");
		end += *end == ']';
	} else {
		end = start + strcspn(start, " \t");
	}
	*p = *end != '\0' ? end + 1 : end;
	*end = '\0';
	return start;
}

/* Runs of blanks as one. */
static void squeeze(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	for (const char *p = text + strspn(text, " \t"); *p && n + 1 < size;) {
		if (*p == ' ' || *p == '\t') {
			p += strspn(p, " \t");
			if (*p)
				ret[n++] = ' ';
		} else {
			ret[n++] = *p++;
		}
	}
	ret[n] = '\0';
}

static int line_add(const Reader *reader, const char *file, unsigned number, const char *control,
		    const char *module, const char *arguments)
{
	const char *slash = strrchr(module, '/');
	PamLine *line;

	if (reader->stack->n == PAM_LINES_MAX)
		return -E2BIG;
	line = &reader->stack->lines[reader->stack->n++];
	snprintf(line->file, sizeof(line->file), "%s", file);
	line->line = number;
	squeeze(control, line->control, sizeof(line->control));
	snprintf(line->module, sizeof(line->module), "%s", slash ? slash + 1 : module);
	squeeze(arguments, line->arguments, sizeof(line->arguments));
	return 0;
}

static int read_line(const Reader *reader, const char *file, unsigned number, char *text,
		     unsigned depth)
{
	char *p = text, *type, *control, *module;

	type = word_take(&p);
	if (!type)
		return 0;
	if (strcmp(type, "@include") == 0) {
		module = word_take(&p);
		return module ? read_service(reader, module, depth + 1) : 0;
	}
	/* "-auth": a module that is missing is no mistake. */
	if (*type == '-')
		type++;
	if (strcasecmp(type, reader->facility) != 0)
		return 0;
	control = word_take(&p);
	module = control ? word_take(&p) : NULL;
	if (!module)
		return 0;
	if (strcmp(control, "include") == 0 || strcmp(control, "substack") == 0)
		return read_service(reader, module, depth + 1);
	return line_add(reader, file, number, control, module, p);
}

/*
 * One line of the file that goes on behind each backslash; *number is where it begins. 0 at the
 * end.
 */
static bool line_next(FILE *f, char *text, size_t size, unsigned *number, unsigned *next)
{
	size_t len = 0;

	*number = *next;
	while (len + 1 < size && fgets(text + len, (int)(size - len), f)) {
		char *hash;

		++*next;
		text[len + strcspn(text + len, "\n")] = '\0';
		hash = strchr(text + len, '#');
		if (hash)
			*hash = '\0';
		len += strlen(text + len);
		if (len == 0 || text[len - 1] != '\\')
			return true;
		text[len - 1] = ' ';
	}
	return len > 0;
}

static int read_service(const Reader *reader, const char *service, unsigned depth)
{
	static const char *const folders[] = { "/etc/pam.d", "/usr/lib/pam.d" };
	AUTO_FCLOSE FILE *f = NULL;
	char path[256], text[LINE_BYTES];
	unsigned number, next = 1;

	if (depth > PAM_DEPTH_MAX || strchr(service, '/'))
		return -ELOOP;
	for (size_t i = 0; i < ARRAY_SIZE(folders) && !f; i++) {
		snprintf(path, sizeof(path), "%s%s/%s", reader->root, folders[i], service);
		f = fopen(path, "re");
	}
	if (!f)
		return -ENOENT;
	while (line_next(f, text, sizeof(text), &number, &next)) {
		int r = read_line(reader, path + strlen(reader->root), number, text, depth);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int pam_stack_read(PamStack **ret, const char *root, const char *service, const char *facility)
{
	CLEANUP(pam_stack_freep) PamStack *stack = calloc(1, sizeof(*stack));
	const Reader reader = { .stack = stack, .root = root, .facility = facility };
	int r;

	if (!stack)
		return -ENOMEM;
	snprintf(stack->service, sizeof(stack->service), "%s", service);
	r = read_service(&reader, service, 0);
	if (r < 0)
		return r;
	*ret = STEAL(stack);
	return 0;
}

PamStack *pam_stack_free(PamStack *stack)
{
	free(stack);
	return NULL;
}

size_t pam_stack_find(const PamStack *stack, const char *module)
{
	size_t i = 0;

	while (i < stack->n && strcmp(stack->lines[i].module, module) != 0)
		i++;
	return i;
}

bool pam_line_has(const PamLine *line, const char *argument)
{
	size_t len = strlen(argument);

	for (const char *p = line->arguments; *p;) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, argument, len) == 0)
			return true;
		p += n;
		p += strspn(p, " ");
	}
	return false;
}
