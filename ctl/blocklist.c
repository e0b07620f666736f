/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A site's own list of leaked passwords: the policy engine's program does it, in our place. */

#include <string.h>

#include "verbs.h"
#include "version.h"

#define PROGRAM PWRESET_LIBEXECDIR "/pwreset-blocklist"
#define OPTIONS_MAX 8

int verb_blocklist(Ctl *ctl)
{
	AUTO_FREE char **argv = calloc((size_t)ctl->n_args + OPTIONS_MAX, sizeof(*argv));
	static char program[] = "pwreset-blocklist", hashes[] = "-H", min_count[] = "-m",
		    quiet[] = "-q", end[] = "--";
	char count[16];
	int n = 0;

	if (!argv)
		return EXIT_FAILED;
	if (strcmp(ctl->args[0], "build") != 0)
		return complain_usage(ctl,
				      _("\"%s\" is not known: blocklist build OUTPUT [FILE...]."),
				      ctl->args[0]);
	argv[n++] = program;
	if (ctl->options.hashes) {
		argv[n++] = hashes;
		argv[n++] = (char *)(uintptr_t)ctl->options.hashes;
	}
	if (ctl->options.min_count > 0) {
		snprintf(count, sizeof(count), "%u", ctl->options.min_count);
		argv[n++] = min_count;
		argv[n++] = count;
	}
	if (ctl->options.quiet)
		argv[n++] = quiet;
	argv[n++] = end;
	for (int i = 1; i < ctl->n_args; i++)
		argv[n++] = ctl->args[i];
	execv(PROGRAM, argv);
	complain(_("%s cannot be run: %s"), PROGRAM, strerror(errno));
	return EXIT_FAILED;
}
