/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of user names, and one out of the directory. */

#include <string.h>

#include "names.h"
#include "output.h"
#include "validate.h"
#include "verbs.h"

void names_deinit(Names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
	*names = (Names){ 0 };
}

int names_add(Names *names, const char *name)
{
	if (names->n == NAMES_MAX) {
		complain(_("There are more than %d names."), NAMES_MAX);
		return EXIT_USAGE;
	}
	if (names->n == names->n_max) {
		size_t n = names->n_max > 0 ? 2 * names->n_max : 256;
		char **list = reallocarray(names->list, n, sizeof(*list));

		if (!list) {
			complain(_("There is no memory for so many names."));
			return EXIT_FAILED;
		}
		names->list = list;
		names->n_max = n;
	}
	names->list[names->n] = strdup(name);
	if (!names->list[names->n]) {
		complain(_("There is no memory for so many names."));
		return EXIT_FAILED;
	}
	names->n++;
	return 0;
}

/* One part of the answer; *after is replaced by where to go on, "" at the end. */
static int find_part(Names *names, const JsonNode *reply, char *after, size_t size)
{
	const JsonNode *users = json_get(reply, "users");
	const char *next = json_get_string(reply, "next");
	int r = 0;

	if (users && users->type == JSON_ARRAY)
		JSON_FOREACH(it, users) {
			r = it->type == JSON_STRING ? names_add(names, it->string) : 0;
			if (r != 0)
				return r;
		}
	/* A service that does not move on would keep us here. */
	if (next && strcmp(next, after) <= 0)
		next = NULL;
	snprintf(after, size, "%s", next ? next : "");
	return 0;
}

/* All parts that one call gives. */
static int find_call(Ctl *ctl, Names *names, const char *filter, char *after, size_t size)
{
	VarlinkReply reply;
	JsonWriter *w;
	int r;

	r = ctl_open_more(ctl, "org.pwreset.Admin.Find", &w);
	if (r != 0)
		return r;
	json_put_string(w, "filter", filter);
	if (after[0] != '\0')
		json_put_string(w, "after", after);
	r = ctl_exchange(ctl, &reply);
	while (r == 0) {
		r = reply.error ? failure_report(&reply)
				: find_part(names, reply.parameters, after, size);
		if (r != 0 || !reply.continues)
			break;
		r = ctl_next(ctl, &reply);
	}
	return r;
}

int names_find(Ctl *ctl, Names *names, const char *filter)
{
	char after[USER_NAME_MAX + 1] = "";
	int r;

	do
		r = find_call(ctl, names, filter, after, sizeof(after));
	while (r == 0 && after[0] != '\0');
	return r;
}

/* One object, however many parts the answer had. */
static void print_json(const Names *names, OutputMode mode)
{
	const char *indent = mode == OUTPUT_PRETTY ? "\n    " : "";

	fputs(mode == OUTPUT_PRETTY ? "{\n  \"users\": [" : "{\"users\":[", stdout);
	for (size_t i = 0; i < names->n; i++) {
		char text[6 * USER_NAME_MAX + 3];
		Buf buf = BUF(text);
		JsonWriter w = JSON_WRITER(&buf);

		json_put_string(&w, NULL, names->list[i]);
		printf("%s%s%s", i > 0 ? "," : "", indent, text);
	}
	puts(mode == OUTPUT_PRETTY ? "\n  ]\n}" : "]}");
}

int verb_find_people(Ctl *ctl)
{
	AUTO_NAMES Names names = { 0 };
	int r;

	r = names_find(ctl, &names, ctl->args[0]);
	if (r != 0)
		return r;
	if (ctl->options.output != OUTPUT_TABLE) {
		print_json(&names, ctl->options.output);
		return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		text_print(stdout, names.list[i]);
		putchar('\n');
	}
	return 0;
}
