/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-judge BLOCKLIST WORDS [--timing]: reads lines (password, or password TAB login TAB name)
 * and prints `ok` or the reason codes of each, in order; with --timing also bits and microseconds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy.h"

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void judge(const Policy *policy, char *line, bool timing)
{
	char *login = strchr(line, '\t'), *name = login ? strchr(login + 1, '\t') : NULL;
	const char *words[2] = {};
	PolicyInput input = { .password = (const uint8_t *)line, .person_words = words };
	PolicyVerdict verdict;
	char codes[256];
	double begin;

	if (login)
		*login++ = '\0';
	if (name)
		*name++ = '\0';
	if (login)
		words[input.n_person_words++] = login;
	if (name)
		words[input.n_person_words++] = name;
	input.n_password = strlen(line);

	begin = microseconds();
	policy_check(policy, &input, &verdict);
	begin = microseconds() - begin;
	if (!policy_reasons_format(verdict.reasons, codes, sizeof(codes)))
		abort();
	if (timing)
		printf("%s\t%u\t%.1f\n", verdict.accepted ? "ok" : codes, verdict.bits, begin);
	else
		printf("%s\n", verdict.accepted ? "ok" : codes);
}

int main(int argc, char *argv[])
{
	PolicyConfig config = {};
	Policy *policy = NULL;
	bool timing = argc == 4 && strcmp(argv[3], "--timing") == 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int r;

	if (argc != 3 && !timing) {
		fprintf(stderr, "usage: policy-judge BLOCKLIST WORDS [--timing] < PASSWORDS\n");
		return EXIT_FAILURE;
	}
	config.blocklist_path = argv[1];
	config.words_path = argv[2];
	r = policy_open(&policy, &config);
	if (r) {
		const char *path = policy_open_failed_path(&config);

		fprintf(stderr, "policy-judge: %s: %s\n", path ? path : "configuration",
			r < 0 ? strerror(-r) : "not usable");
		return EXIT_FAILURE;
	}
	while ((n = getline(&line, &size, stdin)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		judge(policy, line, timing);
	}
	free(line);
	policy_free(policy);
	return EXIT_SUCCESS;
}
