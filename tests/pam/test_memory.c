/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Case 29 once more: every allocation of the process fails in turn, libpam's own included, from the
 * first prompt on. Not for sanitizer builds, which have allocators of their own.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool armed;
static bool from; /* all that follow fail as well */
static unsigned nth, calls;

static bool fails(void)
{
	if (!armed)
		return false;
	calls++;
	if (from ? calls < nth : calls != nth)
		return false;
	errno = ENOMEM;
	return true;
}

/* These take the place of libc's in the whole process; free() goes with them. */
PUBLIC void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

PUBLIC void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

PUBLIC void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

/* The script starts the failures with its first prompt: before it, libpam loads the modules. */
static int arming_conv(int n, const struct pam_message **messages, struct pam_response **ret,
		       void *talk)
{
	bool was = armed;
	int r;

	armed = false;
	r = talk_conv(n, messages, ret, talk);
	armed = was || nth > 0;
	return r;
}

/* False when there were not that many allocations. */
static bool run(Fixture *f, const char *const *answers, bool all)
{
	Talk talk = { .password = "never right" };
	struct pam_conv conv = { arming_conv, &talk };
	pam_handle_t *pamh = NULL;
	unsigned n;
	int r;

	for (size_t i = 0; answers[i]; i++)
		talk.answers[i] = answers[i];
	assert_int_equal(pam_start_confdir("login", "alice", &conv, f->stage.folder, &pamh),
			 PAM_SUCCESS);
	calls = 0;
	from = all;
	r = pam_authenticate(pamh, 0);
	armed = false;
	n = calls;
	pam_end(pamh, r);
	assert_int_not_equal(r, PAM_SUCCESS);
	return n >= nth;
}

static void test_each_allocation(void **state)
{
	static const char *const dialogues[][10] = {
		{ "", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD },
		{ "", "y", "", "y", "Rex", "Elm Street", "Borscht", GOOD_PASSWORD, GOOD_PASSWORD },
		{ "pw" },
	};
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++) {
		nth = 1;
		while (run(f, dialogues[i], false)) {
			run(f, dialogues[i], true);
			nth++;
			assert_in_range(nth, 1, 5000);
		}
		print_message("dialogue %zu: %u allocations failed in turn\n", i, nth - 1);
		assert_in_range(nth, 2, 5000);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_each_allocation),
	};

	return FIXTURE_MAIN("pam-memory", tests);
}
