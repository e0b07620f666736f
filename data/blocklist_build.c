/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset-blocklist-build OUTPUT: passwords on standard input, a line each, to a filter. A tool of
 * the build; sites have `pwresetctl blocklist build`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy_blocklist_build.h"

int main(int argc, char *argv[])
{
	BlocklistBuild *build = NULL;
	uint64_t n = 0;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: pwreset-blocklist-build OUTPUT < PASSWORDS\n");
		return EXIT_FAILURE;
	}
	r = blocklist_build_new(&build, argv[1], FILTER_KEY_SHA1, NULL, NULL);
	if (r == 0)
		r = blocklist_build_read(build, STDIN_FILENO, BLOCKLIST_PASSWORDS);
	if (r == 0)
		r = blocklist_build_finish(build, &n);
	blocklist_build_free(build);
	if (r) {
		fprintf(stderr, "pwreset-blocklist-build: failed (%d)\n", r);
		return EXIT_FAILURE;
	}
	printf("%" PRIu64 " passwords\n", n);
	return EXIT_SUCCESS;
}
