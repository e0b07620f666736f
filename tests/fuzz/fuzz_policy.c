/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The password policy on any password, words and old password: no finding of a sanitizer, a verdict
 * that agrees with itself, and never much time. $PWRESET_BLOCKLIST and $PWRESET_WORDS name the
 * files; without them they lie beside the program.
 */
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "policy.h"

/*
 * Processor time of a check without instrumentation is at most 1 ms (tests/bench/policy_hostile.c
 * holds it to that); sanitizers and coverage cost a factor of about ten, a slow machine another.
 */
#define SECONDS_MAX 0.1
#define INPUT_MAX 1200

static Policy *policy;

static const char *file_of(const char *variable, const char *name, char ret[static PATH_MAX])
{
	const char *path = getenv(variable);
	ssize_t n;

	if (path)
		return path;
	n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	assert(n > 0);
	ret[n] = '\0';
	n = strrchr(ret, '/') + 1 - ret;
	snprintf(ret + n, PATH_MAX - (size_t)n, "%s", name);
	return ret;
}

static void prepare(void)
{
	char blocklist[PATH_MAX], words[PATH_MAX];
	const PolicyConfig config = {
		.blocklist_path = file_of("PWRESET_BLOCKLIST", "blocklist.filter", blocklist),
		.words_path = file_of("PWRESET_WORDS", "blocklist.words", words)
	};

	if (policy_open(&policy, &config) != 0) {
		fprintf(stderr,
			"fuzz_policy: $PWRESET_BLOCKLIST and $PWRESET_WORDS must name the files\n");
		exit(EXIT_FAILURE);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Password, old password and words are separated by bytes that UTF-8 does not have. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	PolicyInput input = {};
	PolicyVerdict verdict, again;
	const uint8_t *old;
	char *password, *old_copy = NULL, *word = NULL;
	const char *words[1];
	double begin, took;

	if (!policy)
		prepare();
	if (size > INPUT_MAX)
		return 0;
	old = size > 0 ? memchr(data, 0xfe, size) : NULL;
	input.n_password = old ? (size_t)(old - data) : size;
	password = fuzz_copy(data, input.n_password);
	input.password = (const uint8_t *)password;
	if (old) {
		size_t rest = size - input.n_password - 1;
		const uint8_t *names = rest > 0 ? memchr(old + 1, 0xff, rest) : NULL;

		input.n_old_password = names ? (size_t)(names - old - 1) : rest;
		old_copy = fuzz_copy(old + 1, input.n_old_password);
		input.old_password = (const uint8_t *)old_copy;
		if (names) {
			word = fuzz_text(names + 1, rest - input.n_old_password - 1);
			words[0] = word;
			input.person_words = words;
			input.n_person_words = 1;
		}
	}

	begin = seconds();
	policy_check(policy, &input, &verdict);
	took = seconds() - begin;
	assert(took < SECONDS_MAX);
	assert(verdict.accepted == (verdict.reasons == 0));
	assert(verdict.reasons < _POLICY_REASON_MAX << 1);
	assert(verdict.hints < _POLICY_HINT_MAX << 1);
	policy_check(policy, &input, &again);
	assert(memcmp(&verdict, &again, sizeof(verdict)) == 0);

	free(word);
	free(old_copy);
	free(password);
	return 0;
}
