/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the workers take on their command line; the exit status that it asks for. */

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "worker_options.h"

#define ARGUMENTS_MAX 4

/* Ends with NULL. What is printed is not looked at here. */
static int parse(WorkerOptions *ret, const char *const *arguments)
{
	char copies[ARGUMENTS_MAX][32], *argv[ARGUMENTS_MAX + 2] = { (char[]){ "worker" } };
	int argc = 1, r, out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);

	for (; *arguments; arguments++, argc++) {
		snprintf(copies[argc - 1], sizeof(copies[0]), "%s", *arguments);
		argv[argc] = copies[argc - 1];
	}
	assert_non_null(freopen("/dev/null", "w", stdout));
	assert_non_null(freopen("/dev/null", "w", stderr));
	optind = 0;
	r = worker_options_parse(ret, argc, argv, "worker", "look");
	fflush(stdout);
	fflush(stderr);
	assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
	close(out);
	close(err);
	return r;
}

#define PARSE(options, ...) parse(options, (const char *const[]){ __VA_ARGS__, NULL })

static void test_taken(void **state UNUSED)
{
	WorkerOptions options;

	assert_int_equal(parse(&options, (const char *const[]){ NULL }), 0);
	assert_string_equal(options.root, "");
	assert_false(options.check);
	assert_int_equal(PARSE(&options, "--check", "--root=/x"), 0);
	assert_true(options.check);
}

static void test_ended(void **state UNUSED)
{
	WorkerOptions options = { .root = "as it was" };

	assert_int_equal(PARSE(&options, "--help"), EXIT_SUCCESS + 1);
	assert_int_equal(PARSE(&options, "--version"), EXIT_SUCCESS + 1);
	assert_int_equal(PARSE(&options, "--root"), EXIT_FAILURE + 1);
	assert_int_equal(PARSE(&options, "--check", "more"), EXIT_FAILURE + 1);
	assert_int_equal(PARSE(&options, "--nothing"), EXIT_FAILURE + 1);
	assert_string_equal(options.root, "as it was");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
