/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --check, --root, --help, --version. */

#include <getopt.h>
#include <stdio.h>

#include "version.h"
#include "worker_options.h"

static int usage(FILE *out, int status, const char *program, const char *what)
{
	fprintf(out,
		"%s [--check] [--root=DIR]\n\n"
		"Started by %s.socket with a connection on standard input.\n"
		"  --check     %s, say what is wrong, and end\n"
		"  --root=DIR  folder that stands for / in all paths (for tests)\n",
		program, program, what);
	return status + 1;
}

int worker_options_parse(WorkerOptions *ret, int argc, char **argv, const char *program,
			 const char *what)
{
	static const struct option known[] = { { "check", no_argument, NULL, 'c' },
					       { "root", required_argument, NULL, 'r' },
					       { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'v' },
					       { 0 } };
	WorkerOptions options = { .root = "" };
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0)
		switch (c) {
		case 'c':
			options.check = true;
			break;
		case 'r':
			options.root = optarg;
			break;
		case 'h':
			return usage(stdout, EXIT_SUCCESS, program, what);
		case 'v':
			printf("%s " PWRESET_VERSION "\n", program);
			return EXIT_SUCCESS + 1;
		default:
			return usage(stderr, EXIT_FAILURE, program, what);
		}
	if (optind != argc)
		return usage(stderr, EXIT_FAILURE, program, what);
	*ret = options;
	return 0;
}
