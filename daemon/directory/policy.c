/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict: text rules, blocklists, estimate, in this order, and what would help. */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unistr.h>

#include "policy_internal.h"

#define MIN_LENGTH_MAX 64U
#define MIN_BITS_MIN 20U
#define MIN_BITS_MAX 100U
#define WINDOWS_MAX 2U
/*
 * libzxcvbn is asked where the own estimate is near the limit; further up it never objected to what
 * was weak, and it takes most of the time. It prices each common word of a row as if it stood
 * alone, by which it refuses four per cent of passphrases of three random words (pwqgen, 47 bits):
 * the slack.
 */
#define ZXCVBN_BELOW COST_BITS(14)
#define ZXCVBN_SLACK COST_BITS(6)
/* For having put something between the letters. */
#define UNFOLD_COST COST_BITS(4)

struct Policy {
	unsigned min_length, min_bits;
	Filter *blocklist, *site_blocklist;
	Words *words;
	Tokens site;
};

/* Everything of one check that is derived from the password; wiped as a whole. */
typedef struct Check {
	const Policy *policy;
	const PolicyInput *input;
	PolicyVerdict verdict;
	uint32_t cps[POLICY_PASSWORD_MAX];
	size_t n_cps;
	uint32_t old[POLICY_PASSWORD_MAX];
	size_t n_old;
	uint8_t lower[POLICY_PASSWORD_MAX + 6];
	Tokens tokens;
	Text text;
	Lattice lattice;
	uint32_t cost;
	uint32_t pieces;
} Check;

static int policy_configure(Policy *policy, const PolicyConfig *config)
{
	policy->min_length = config->min_length ? config->min_length : POLICY_MIN_LENGTH_DEFAULT;
	policy->min_bits = config->min_bits ? config->min_bits : POLICY_MIN_BITS_DEFAULT;
	if (policy->min_length > MIN_LENGTH_MAX || policy->min_bits < MIN_BITS_MIN ||
	    policy->min_bits > MIN_BITS_MAX || !config->blocklist_path || !config->words_path ||
	    config->n_site_words > POLICY_SITE_WORDS_MAX)
		return POLICY_E_CONFIG;
	return 0;
}

int policy_open(Policy **ret, const PolicyConfig *config)
{
	Policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return -ENOMEM;
	layout_prepare();
	r = policy_configure(policy, config);
	if (r == 0)
		r = filter_open(&policy->blocklist, config->blocklist_path);
	if (r == 0)
		r = words_open(&policy->words, config->words_path);
	if (r == 0 && config->site_blocklist_path)
		r = filter_open(&policy->site_blocklist, config->site_blocklist_path);
	if (r) {
		policy_free(policy);
		return r;
	}
	for (size_t i = 0; i < config->n_site_words; i++)
		if (config->site_words[i] && strlen(config->site_words[i]) <= POLICY_WORD_MAX)
			tokens_add(&policy->site, config->site_words[i],
				   strlen(config->site_words[i]), TOKEN_SITE);
	*ret = policy;
	return 0;
}

Policy *policy_free(Policy *policy)
{
	if (!policy)
		return NULL;
	filter_free(policy->blocklist);
	filter_free(policy->site_blocklist);
	words_free(policy->words);
	free(policy);
	return NULL;
}

const char *policy_open_failed_path(const PolicyConfig *config)
{
	const char *filters[] = { config->blocklist_path, config->site_blocklist_path };
	Words *words = NULL;

	for (size_t i = 0; i < 2; i++) {
		Filter *filter = NULL;

		if (filters[i] && filter_open(&filter, filters[i]) != 0)
			return filters[i];
		filter_free(filter);
	}
	if (config->words_path && words_open(&words, config->words_path) != 0)
		return config->words_path;
	words_free(words);
	return NULL;
}

/* Lower case of the whole, as bytes; 0 when it would be too long. */
static size_t check_lower(Check *check)
{
	size_t n = 0;

	for (size_t i = 0; i < check->n_cps; i++) {
		int len = u8_uctomb(check->lower + n, uc_tolower(check->cps[i]),
				    (ptrdiff_t)(sizeof(check->lower) - n));

		if (len <= 0)
			return 0;
		n += (size_t)len;
	}
	return n > POLICY_PASSWORD_MAX ? 0 : n;
}

static bool listed(const Filter *filter, Check *check)
{
	size_t n_lower;

	if (!filter)
		return false;
	if (filter_contains(filter, check->input->password, check->input->n_password))
		return true;
	n_lower = check_lower(check);
	return n_lower && filter_contains(filter, check->lower, n_lower);
}

static void check_tokens(Check *check)
{
	const PolicyInput *input = check->input;

	for (size_t i = 0; i < input->n_person_words && i < POLICY_PERSON_WORDS_MAX; i++) {
		const char *word = input->person_words[i];
		size_t n = word ? strnlen(word, POLICY_WORD_MAX + 1) : 0;

		if (n && n <= POLICY_WORD_MAX)
			tokens_add(&check->tokens, word, n, TOKEN_PERSON);
	}
	for (size_t i = 0; i < check->policy->site.n && check->tokens.n < TOKENS_MAX; i++)
		check->tokens.tokens[check->tokens.n++] = check->policy->site.tokens[i];
}

static void check_old(Check *check)
{
	const PolicyInput *input = check->input;

	if (!input->old_password || input->n_old_password > POLICY_PASSWORD_MAX)
		return;
	check->n_old = fold_word((const char *)input->old_password, input->n_old_password,
				 check->old, POLICY_PASSWORD_MAX);
	for (size_t i = 0; i < check->n_old; i++)
		check->old[i] = fold_skeleton(check->old[i]);
}

/* The own estimate of the text and, where that would let it pass, libzxcvbn's. */
static uint32_t text_cost(Check *check, uint32_t *ret_pieces)
{
	uint32_t cost, second;

	check->lattice.text = &check->text;
	check->lattice.words = check->policy->words;
	check->lattice.tokens = &check->tokens;
	check->lattice.old = check->old;
	check->lattice.n_old = check->n_old;
	check->lattice.limit = COST_BITS(check->policy->min_bits);
	cost = lattice_cost(&check->lattice, ret_pieces);
	if (cost < COST_BITS(check->policy->min_bits))
		return cost;
	if (cost >= COST_BITS(check->policy->min_bits) + ZXCVBN_BELOW)
		return cost;
	second =
		zxcvbn_cost(&check->text, check->input->person_words, check->input->n_person_words);
	/* COST_NONE stays above everything. */
	second = second < COST_NONE - ZXCVBN_SLACK ? second + ZXCVBN_SLACK : COST_NONE;
	return second < cost ? second : cost;
}

/* One window, and what is left of it without dots between the letters. */
static uint32_t window_cost(Check *check, size_t begin, uint32_t *ret_pieces)
{
	uint32_t cost, without, pieces;

	text_fold(&check->text, check->cps + begin, check->n_cps - begin);
	cost = text_cost(check, ret_pieces);
	if (cost < COST_BITS(check->policy->min_bits) || !text_unfold(&check->text))
		return cost;
	without = text_cost(check, &pieces) + UNFOLD_COST;
	if (without >= cost)
		return cost;
	*ret_pieces = pieces;
	return without;
}

/*
 * A part cannot be harder to guess than the whole: the best window speaks for all. Almost always
 * the first does; of what is longer than WINDOWS_MAX windows, the last part is looked at, not the
 * middle.
 */
static void check_estimate(Check *check)
{
	check->cost = 0;
	for (size_t i = 0; i < WINDOWS_MAX && i * TEXT_WINDOW < check->n_cps; i++) {
		size_t begin = i * TEXT_WINDOW;
		uint32_t pieces = 0, cost;

		if (i == WINDOWS_MAX - 1 && check->n_cps - begin > TEXT_WINDOW)
			begin = check->n_cps - TEXT_WINDOW;
		cost = window_cost(check, begin, &pieces);

		check->pieces |= pieces;
		if (cost > check->cost)
			check->cost = cost;
		if (cost >= COST_BITS(check->policy->min_bits))
			break;
	}
	check->verdict.bits = check->cost / COST_BIT;
}

static const struct {
	uint32_t piece;
	uint32_t reason;
	uint32_t hint;
} piece_meanings[] = {
	{ 1U << PIECE_PERSON, POLICY_PERSONAL, POLICY_HINT_NO_PERSONAL },
	{ 1U << PIECE_SITE, POLICY_SITE_WORD, POLICY_HINT_NO_PERSONAL },
	{ 1U << PIECE_OLD, POLICY_OLD_PASSWORD, POLICY_HINT_NOT_DERIVED },
	{ 1U << PIECE_WALK, POLICY_KEYBOARD_WALK, POLICY_HINT_NO_PATTERN },
	{ 1U << PIECE_REPEAT, POLICY_REPEATS, POLICY_HINT_NO_PATTERN },
	{ 1U << PIECE_SEQUENCE, POLICY_SEQUENCE, POLICY_HINT_NO_PATTERN },
	{ 1U << PIECE_DATE, 0, POLICY_HINT_NO_PATTERN },
	{ 1U << PIECE_WORD | 1U << PIECE_SPELLING, POLICY_DICTIONARY,
	  POLICY_HINT_MORE_WORDS | POLICY_HINT_NO_SUBSTITUTION },
};

static void check_explain(Check *check)
{
	PolicyVerdict *verdict = &check->verdict;

	if (check->cost < COST_BITS(check->policy->min_bits)) {
		verdict->reasons |= POLICY_TOO_GUESSABLE;
		verdict->hints |= POLICY_HINT_LONGER;
		for (size_t i = 0; i < sizeof(piece_meanings) / sizeof(*piece_meanings); i++)
			if (check->pieces & piece_meanings[i].piece) {
				verdict->reasons |= piece_meanings[i].reason;
				verdict->hints |= piece_meanings[i].hint;
			}
	}
	if (verdict->reasons & (POLICY_COMMON | POLICY_LEAKED))
		verdict->hints |= POLICY_HINT_MORE_WORDS;
}

static void check_run(Check *check)
{
	const PolicyInput *input = check->input;
	PolicyVerdict *verdict = &check->verdict;

	if (input->n_password > POLICY_PASSWORD_MAX) {
		verdict->reasons = POLICY_TOO_LONG;
		return;
	}
	verdict->reasons = text_validate(input->password, input->n_password, check->cps,
					 POLICY_PASSWORD_MAX, &check->n_cps);
	if (verdict->reasons) {
		verdict->hints = POLICY_HINT_OTHER_CHARACTERS;
		return;
	}
	if (check->n_cps < check->policy->min_length) {
		verdict->reasons |= POLICY_TOO_SHORT;
		verdict->hints |= POLICY_HINT_LONGER;
	}
	if (listed(check->policy->blocklist, check))
		verdict->reasons |= POLICY_COMMON;
	if (listed(check->policy->site_blocklist, check))
		verdict->reasons |= POLICY_LEAKED;
	check_tokens(check);
	check_old(check);
	check_estimate(check);
	check_explain(check);
}

void policy_check(const Policy *policy, const PolicyInput *input, PolicyVerdict *ret)
{
	Check check = { .policy = policy, .input = input };

	check_run(&check);
	check.verdict.accepted = check.verdict.reasons == 0;
	*ret = check.verdict;
	explicit_bzero(&check, sizeof(check));
}
