/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Case 29: every call that the module makes fails in turn, alone and with all that follow. It never
 * becomes a success, nothing hangs or is left open, and who types a password is let in as ever.
 */

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"
#include "fixture.h"

#define BOUND_S 2.5

typedef struct Faults {
	void (*arm)(FaultMode mode, unsigned n);
	const char *(*name)(void);
} Faults;

static Faults faults;

typedef struct Flow {
	const char *stack;
	const char *answers[12];
	bool auth;
	const char *success; /* the call without which there is none; NULL: there is none at all */
} Flow;

#define PASSWORD_STACK(arguments)                                                                  \
	"password [success=done default=die] %M socket=%S timeout=1 " arguments

static const Flow flows[] = {
	{ STACK_WITH("timeout=1"),
	  { "", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD },
	  true },
	{ STACK_WITH("timeout=1"),
	  { "", "y", "", "y", "Rex", "Elm Street", "Borscht", GOOD_PASSWORD, GOOD_PASSWORD },
	  true },
	{ STACK_WITH("timeout=1"),
	  { "", "y", "", "", GOOD_SAVED, GOOD_PASSWORD, GOOD_PASSWORD },
	  true },
	{ PASSWORD_STACK(""),
	  { "old password", GOOD_PASSWORD, GOOD_PASSWORD },
	  false,
	  "Password.Change" },
	{ PASSWORD_STACK("policy_only"),
	  { GOOD_PASSWORD, GOOD_PASSWORD },
	  false,
	  "Password.Check" },
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* After a failure more may be asked than the flow has answers for: then the person gives up. */
static int flow_run(Fixture *f, const Flow *flow, FaultMode mode, unsigned n, const char **failed,
		    bool *done)
{
	/*
	 * The module below takes no password at all: so pam_authenticate() can only succeed by a
	 * fault.
	 */
	Talk talk = { .password = NULL };
	pam_handle_t *pamh;
	size_t i = 0;
	int r;

	for (; flow->answers[i]; i++)
		talk.answers[i] = flow->answers[i];
	talk.answers[i] = answer_abort;
	peer_reset(f->peer);
	pamh = talk_start(&f->stage, "login", "alice", &talk);
	if (!flow->auth && setresuid(65534, 0, 0) < 0)
		fail();
	faults.arm(mode, n);
	r = flow->auth ? pam_authenticate(pamh, 0) : pam_chauthtok(pamh, 0);
	*failed = faults.name();
	faults.arm(FAULT_NONE, 0);
	if (setresuid(0, 0, 0) < 0)
		fail();
	pam_end(pamh, r);
	*done = strcmp(talk.authtok, GOOD_PASSWORD) == 0;
	return r;
}

/* False when the nth call does not exist any more. */
static bool flow_check(Fixture *f, const Flow *flow, FaultMode mode, unsigned n)
{
	unsigned fds = descriptors();
	double start = now();
	const char *failed;
	bool done;
	int r;

	r = flow_run(f, flow, mode, n, &failed, &done);
	if (r == PAM_SUCCESS && !(flow->success && strstr(peer_log(f->peer), flow->success)))
		fail_msg("call %u (%s) made a success of nothing", n, failed);
	if (now() - start > BOUND_S)
		fail_msg("call %u (%s) hangs", n, failed);
	assert_int_equal(descriptors(), fds);
	return *failed;
}

static void test_each_call(void **state)
{
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		unsigned n = 1;

		stage_service(&f->stage, "login", flows[i].stack);
		while (flow_check(f, &flows[i], FAULT_ONCE, n)) {
			flow_check(f, &flows[i], FAULT_FROM, n);
			n++;
			assert_in_range(n, 1, 2000);
		}
		print_message("flow %zu: %u calls failed in turn\n", i, n - 1);
		assert_in_range(n, 20, 2000);
	}
}

/* Byte by byte and interrupted all the time, everything works. */
static void test_short_and_interrupted(void **state)
{
	Fixture *f = *state;
	const char *failed;

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		bool done;
		int r;

		stage_service(&f->stage, "login", flows[i].stack);
		r = flow_run(f, &flows[i], FAULT_SHORT, 0, &failed, &done);
		assert_true(flows[i].auth ? done : r == PAM_SUCCESS);
	}
}

/* Who types the password is asked once and let in, whatever fails in the module. */
static void test_ordinary_login(void **state)
{
	static const FaultMode modes[] = { FAULT_ONCE, FAULT_FROM };
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		for (unsigned n = 1; n < 20; n++) {
			Talk talk = { .answers = ANSWERS("pw"), .password = "pw" };
			pam_handle_t *pamh = talk_start(&f->stage, "login", "alice", &talk);
			int r;

			faults.arm(modes[i], n);
			r = pam_authenticate(pamh, 0);
			faults.arm(FAULT_NONE, 0);
			pam_end(pamh, r);
			/*
			 * No user: the one failure after which asking for a password is of no use.
			 */
			if (n == 3)
				continue;
			assert_int_equal(r, PAM_SUCCESS);
			assert_int_equal(talk.prompts, 1);
		}
	assert_int_equal(peer_calls(f->peer), 0);
}

/* The build with the wrappers, which PAM then loads by the same path. */
static int module_load(void)
{
	void *module;

	setenv("PAM_MODULE", PAM_MODULE_FAULTY, 1);
	module = dlopen(PAM_MODULE_FAULTY, RTLD_NOW);
	if (!module)
		return -1;
	faults.arm = (void (*)(FaultMode, unsigned))dlsym(module, "fault_arm");
	faults.name = (const char *(*)(void))dlsym(module, "fault_name");
	return faults.arm && faults.name ? 0 : -1;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_each_call),
		FIXTURE_TEST(test_short_and_interrupted),
		FIXTURE_TEST(test_ordinary_login),
	};

	if (module_load() < 0) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	return FIXTURE_MAIN("pam-faults", tests);
}
