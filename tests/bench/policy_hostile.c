/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-hostile BLOCKLIST WORDS [SECONDS [FILE…]]: searches for passwords (with words and an old
 * password at their limits) that take the policy long: known attacks, the given files, and what
 * grows from the slowest by mutation. Fails when one takes more than a millisecond of processor
 * time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy.h"

#define LIMIT_US 1000.0
/* of another look at what seemed too slow: a neighbour's load is in one measurement, not in all */
#define ROUNDS 40
#define POOL 48U
#define REPEAT 3U

typedef struct Candidate {
	uint8_t bytes[POLICY_PASSWORD_MAX];
	size_t n;
	double us;
} Candidate;

typedef struct Search {
	const Policy *policy;
	Candidate pool[POOL];
	uint64_t random;
	uint64_t n_tried;
} Search;

static const char *const fragments[] = {
	"12",  "1",    "0o",   "a",      "ab",    "4@",  "1!|l", "$5s",    "qwe",  "./*-+", "aA",
	"пр",  "ghb",  "의",   "뷁",     "ﷺ",     "ß",   "é",    "pass",   "word", "love",  " ",
	"20",  "1999", "0101", "zxcvbn", "йцу",   "αβ",  "שלום", "مرحبا",  "😂",    "妒",    "i1l!|",
	"the", "an",   "ein",  "st3ll4", "c(<[{", "7t+", "o0",   "8b9gq6", "xX",   "lIl1|", "¾",
};
#define N_FRAGMENTS (sizeof(fragments) / sizeof(*fragments))

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static uint64_t random_below(Search *search, uint64_t n)
{
	search->random ^= search->random << 13;
	search->random ^= search->random >> 7;
	search->random ^= search->random << 17;
	return search->random % n;
}

/* The least of a few runs: what remains is the input's doing. */
static void measure(const Search *search, Candidate *candidate)
{
	static const char *const words[] = {
		"anna-lena.mueller@mail.example.org",
		"Анна-Елена Кузнецова-Мюллер",
		"a1b2c3d4e5f6g7h8",
		"www.intern.example.org",
		"Ωμέγα Παπαδοπούλου",
		"abcabcabcabc",
		"aaaaaaaaaaaa",
		"12121212",
	};
	PolicyInput input = { .password = candidate->bytes,
			      .n_password = candidate->n,
			      .person_words = words,
			      .n_person_words = sizeof(words) / sizeof(*words),
			      .old_password = candidate->bytes,
			      .n_old_password = candidate->n };

	candidate->us = 1e12;
	for (unsigned i = 0; i < REPEAT * 2; i++) {
		PolicyVerdict verdict;
		double begin = now_us(), took;

		/* The old password is hostile too, and without it the estimate goes on for longer.
		 */
		if (i == REPEAT)
			input.old_password = NULL;
		policy_check(search->policy, &input, &verdict);
		took = now_us() - begin;
		if (i == 0 || i == REPEAT)
			continue;
		if (took < candidate->us)
			candidate->us = took;
	}
}

static void cut_to_text(Candidate *candidate)
{
	/* No half character at the end; elsewhere mutation leaves what is not text, which is
	 * refused. */
	while (candidate->n > 0 && (candidate->bytes[candidate->n - 1] & 0xc0) == 0x80)
		candidate->n--;
	if (candidate->n > 0 && candidate->bytes[candidate->n - 1] >= 0xc0)
		candidate->n--;
}

static void append(Candidate *candidate, const void *bytes, size_t n)
{
	if (n > sizeof(candidate->bytes) - candidate->n)
		n = sizeof(candidate->bytes) - candidate->n;
	memcpy(candidate->bytes + candidate->n, bytes, n);
	candidate->n += n;
}

static void offer(Search *search, Candidate *candidate)
{
	size_t fastest = 0;

	cut_to_text(candidate);
	measure(search, candidate);
	search->n_tried++;
	for (size_t i = 1; i < POOL; i++)
		if (search->pool[i].us < search->pool[fastest].us)
			fastest = i;
	if (candidate->us > search->pool[fastest].us)
		search->pool[fastest] = *candidate;
}

static void seed(Search *search)
{
	for (size_t i = 0; i < N_FRAGMENTS; i++)
		for (size_t k = 0; k <= N_FRAGMENTS; k++) {
			Candidate candidate = {};

			for (size_t n = 0; n < POLICY_PASSWORD_MAX; n++) {
				append(&candidate, fragments[i], strlen(fragments[i]));
				if (k < N_FRAGMENTS)
					append(&candidate, fragments[k], strlen(fragments[k]));
			}
			offer(search, &candidate);
		}
}

static void mutate(Search *search)
{
	const Candidate *parent = &search->pool[random_below(search, POOL)];
	const Candidate *other = &search->pool[random_below(search, POOL)];
	Candidate child = {};
	size_t cut = parent->n ? random_below(search, parent->n) : 0;
	size_t resume = cut, from = other->n ? random_below(search, other->n) : 0;

	append(&child, parent->bytes, cut);
	switch (random_below(search, 4)) {
	case 0:
		for (uint64_t i = random_below(search, 8) + 1; i > 0; i--) {
			const char *fragment = fragments[random_below(search, N_FRAGMENTS)];

			append(&child, fragment, strlen(fragment));
		}
		break;
	case 1:
		append(&child, other->bytes + from, other->n - from);
		break;
	case 2:
		resume += random_below(search, parent->n - cut + 1);
		break;
	default: {
		uint8_t byte = (uint8_t)(' ' + random_below(search, 95));

		append(&child, &byte, 1);
		resume += resume < parent->n;
		break;
	}
	}
	append(&child, parent->bytes + resume, parent->n - resume);
	offer(search, &child);
}

static void read_files(Search *search, char *const *paths, int n)
{
	for (int i = 0; i < n; i++) {
		Candidate candidate = {};
		FILE *f = fopen(paths[i], "re");

		if (!f) {
			perror(paths[i]);
			exit(EXIT_FAILURE);
		}
		candidate.n = fread(candidate.bytes, 1, sizeof(candidate.bytes), f);
		fclose(f);
		offer(search, &candidate);
	}
}

int main(int argc, char *argv[])
{
	PolicyConfig config = {};
	Policy *policy = NULL;
	static Search search = { .random = UINT64_C(0x9e3779b97f4a7c15) };
	double end, seconds = argc > 3 ? strtod(argv[3], NULL) : 10;
	size_t worst = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: policy-hostile BLOCKLIST WORDS [SECONDS [FILE...]]\n");
		return EXIT_FAILURE;
	}
	config.blocklist_path = argv[1];
	config.words_path = argv[2];
	if (policy_open(&policy, &config) != 0) {
		fprintf(stderr, "policy-hostile: cannot open the policy's files\n");
		return EXIT_FAILURE;
	}
	search.policy = policy;
	end = now_us() + seconds * 1e6;
	if (argc > 4)
		read_files(&search, argv + 4, argc - 4);
	seed(&search);
	while (now_us() < end)
		mutate(&search);
	for (unsigned round = 0; round < ROUNDS; round++) {
		double before;

		for (size_t i = 0; i < POOL; i++)
			if (search.pool[i].us > search.pool[worst].us)
				worst = i;
		before = search.pool[worst].us;
		if (round > 0 && before <= LIMIT_US)
			break;
		measure(&search, &search.pool[worst]);
		if (before < search.pool[worst].us)
			search.pool[worst].us = before;
	}
	printf("%llu passwords tried; the slowest takes %.0f us: %.*s\n",
	       (unsigned long long)search.n_tried, search.pool[worst].us, (int)search.pool[worst].n,
	       (const char *)search.pool[worst].bytes);
	policy_free(policy);
	return search.pool[worst].us <= LIMIT_US ? EXIT_SUCCESS : EXIT_FAILURE;
}
