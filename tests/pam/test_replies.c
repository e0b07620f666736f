/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Case 30 and its like: replies of people, of sshd and greeters, and of a daemon that misbehaves.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "fixture.h"

/* Whole dialogues, each a way to the end. */
static const char *const dialogues[][STEPS_MAX] = {
	{ "", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD, NULL },
	{ "", "y", "", "y", "Rex", "Elm Street", "Borscht", GOOD_PASSWORD, GOOD_PASSWORD, NULL },
	{ "", "y", "", "", GOOD_SAVED, GOOD_PASSWORD, GOOD_PASSWORD, NULL },
	{ "", "y", "y", "AAAA-AAAA", "", "y", "a", "b", "c", "", "SAVE-DCOD-WRON-GWRO", GOOD_SAVED,
	  "weak", "weak", "one", "two", GOOD_PASSWORD, GOOD_PASSWORD, NULL },
};

static size_t dialogue_copy(Talk *talk, const char *const *dialogue)
{
	size_t n = 0;

	for (; dialogue[n]; n++)
		talk->answers[n] = dialogue[n];
	talk->answers[n] = NULL;
	return n;
}

static void test_dialogues(void **state)
{
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++) {
		Talk talk = { .password = GOOD_PASSWORD };

		dialogue_copy(&talk, dialogues[i]);
		assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk),
				 PAM_SUCCESS);
		assert_string_equal(talk.authtok, GOOD_PASSWORD);
	}
}

/* Given up at a step: nothing more is asked, the typed password is kept, nothing was set. */
static void abort_at(Fixture *f, const char *const *dialogue, size_t step, const char *how)
{
	Talk talk = { .password = GOOD_PASSWORD };
	int r;

	dialogue_copy(&talk, dialogue);
	talk.answers[step] = how;
	talk.answers[step + 1] = NULL;
	peer_reset(f->peer);
	r = talk_authenticate(&f->stage, "login", "alice", &talk);
	assert_int_equal(talk.prompts, step + 1);
	assert_false(talk.exhausted);
	if (step == 0) {
		/* conv_err=die: the module below does not ask once more. */
		assert_int_equal(r, PAM_CONV_ERR);
		assert_false(talk.probed);
		return;
	}
	assert_int_equal(r, PAM_AUTH_ERR);
	assert_true(talk.probed && talk.authtok_set);
	assert_string_equal(talk.authtok, "");
	assert_null(strstr(peer_log(f->peer), "SetPassword"));
}

static void test_abort_anywhere(void **state)
{
	/*
	 * Before the new password was confirmed, that is; afterwards there is nothing to give up.
	 */
	static const size_t ends[] = { 6, 9, 7, 18 };
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++)
		for (size_t step = 0; step < ends[i]; step++) {
			/* A refused password was sent before these. */
			if (i == 3 && step > 13)
				continue;
			abort_at(f, dialogues[i], step, answer_abort);
			abort_at(f, dialogues[i], step, answer_null);
		}
}

/* Odd replies at each step: clean, bounded, and nothing is let in. */
static void test_odd_replies(void **state)
{
	static char long511[512], long512[513], long4000[4001];
	const char *const odd[] = {
		long511,  long512,       long4000,       "\xff\xfe\xfd",
		"\x80",   "\xc3",        "\xed\xa0\x80", "\x01\x02\x1f",
		"%s%n%s", "\"},\"x\":{", "\\u0000",      "\b\n\r\177INCORRECT"
	};
	Fixture *f = *state;

	memset(long511, 'x', 511);
	memset(long512, 'x', 512);
	memset(long4000, 'x', 4000);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		for (size_t step = 1; step < 9; step++) {
			Talk talk = { .password = "never right" };

			dialogue_copy(&talk, dialogues[step % 2]);
			for (size_t n = step; n < STEPS_MAX - 1; n++)
				talk.answers[n] = odd[i];
			assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk),
					 PAM_AUTH_ERR);
			assert_false(talk.exhausted);
		}
	/* None of them was sent as it is not text, and the calls were well-formed all the same. */
	assert_null(strstr(peer_log(f->peer), "\xff"));
	assert_non_null(strstr(peer_log(f->peer), "\"code\":\"?\""));
}

/* A real password of any kind passes, and the daemon hears nothing. */
static void test_long_passwords(void **state)
{
	char text[1025];
	Fixture *f = *state;

	for (size_t len = 1; len <= 1024; len += len < 500 ? 83 : 1 + (len > 520) * 100) {
		Talk talk = { .answers = ANSWERS(text), .password = text };

		memset(text, 'p', len);
		text[len] = '\0';
		assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk),
				 PAM_SUCCESS);
	}
	assert_int_equal(peer_calls(f->peer), 0);
}

/* sshd's "password" method: the visible prompt fails, what was typed stays. */
static void test_sshd_password_method(void **state)
{
	static const char *const passwords[] = { "", "pw", "y" };
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(passwords); i++) {
		Talk talk = { .replay = passwords[i],
			      .password = passwords[i],
			      .echo_on_fails = true };

		assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk),
				 PAM_SUCCESS);
		assert_string_equal(talk.authtok, passwords[i]);
		assert_int_equal(talk.prompts, 1);
	}
	assert_int_equal(peer_calls(f->peer), 0);
}

/* Greeters that answer every prompt with the same: never in, and soon over. */
static void test_replaying_greeter(void **state)
{
	Fixture *f = *state;
	Talk empty = { .replay = "", .password = "secret" };
	Talk blank = { .replay = "", .password = "" };

	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &empty), PAM_AUTH_ERR);
	assert_int_equal(empty.prompts, 3);
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &blank), PAM_SUCCESS);
	assert_int_equal(peer_calls(f->peer), 0);
}

/* Case 4: what sshd makes of the replies of an unknown name leads through the same dialogue. */
static void test_junk(void **state)
{
	static const char *const typed[][STEPS_MAX] = {
		{ "", "yes", "y", "7KQ4-M2XE", "7kq4m2xd", "x", NULL },
		{ "", "n", "", "j", "a cat", "Any Street 5", "soup", "", "AAAA-BBBB", "x", "y",
		  NULL },
		{ "", "", "secret", NULL },
		{ "", "y", "", "", "", "secret", NULL },
		{ "secret", NULL },
	};
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
		Talk known = { 0 }, unknown = { .junk = true };

		dialogue_copy(&known, typed[i]);
		dialogue_copy(&unknown, typed[i]);
		assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &known),
				 talk_authenticate(&f->stage, "login", "mallory", &unknown));
		assert_string_equal(known.transcript, unknown.transcript);
		assert_false(known.exhausted || unknown.exhausted);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const PeerRule bad_answers[] = {
	{ NULL, NULL, "={}" },
	{ NULL, NULL, "=[]" },
	{ NULL, NULL, "=null" },
	{ NULL, NULL, "=" },
	{ NULL, NULL, "=\x01" },
	{ NULL, NULL, "={\"error\":\"org.pwreset.Failure.Unavailable\"}" },
	{ NULL, NULL, "={\"error\":7}" },
	{ NULL, NULL, "={\"error\":\"x\",\"error\":\"y\"}" },
	{ NULL, NULL, "={\"parameters\":{\"grant\":7,\"seconds\":\"x\",\"questions\":{}}}" },
	{ NULL, NULL, "={\"parameters\":{\"grant\":\"\",\"seconds\":1,\"questions\":[]}}" },
	{ NULL, NULL, "={\"parameters\":{\"questions\":[{\"id\":\"a\",\"text\":\"\"}]}}" },
	{ NULL, NULL, "={\"parameters\":{\"questions\":[{\"text\":\"a\\nb\"}]}}" },
	{ NULL, NULL, "={\"parameters\":{\"questions\":[1,2,3]}}" },
	{ NULL, NULL,
	  "={\"parameters\":{\"questions\":[{\"text\":\"1\"},{\"text\":\"2\"},"
	  "{\"text\":\"3\"},{\"text\":\"4\"},{\"text\":\"5\"},{\"text\":\"6\"},"
	  "{\"text\":\"7\"},{\"text\":\"8\"},{\"text\":\"9\"}]}}" },
	{ NULL, NULL, "!org.pwreset.Failure.PasswordRefused {\"reasons\":[]}" },
	{ NULL, NULL, "!org.pwreset.Failure.PasswordRefused {\"reasons\":7,\"hints\":[{}]}" },
	{ NULL, NULL, "!org.pwreset.Failure.PasswordRefused" },
	{ NULL, NULL, "!org.varlink.service.InvalidParameter {\"parameter\":\"code\"}" },
	{ NULL, NULL, "!com.example.Strange" },
	{ NULL, NULL, "{}", PEER_CLOSES },
	{ NULL, NULL, "{}", PEER_HALF },
	{ NULL, NULL, "{}", PEER_HANGS },
	{ NULL, NULL, "{}", PEER_STALLS },
	{ NULL, NULL, "{}", PEER_ENDLESS },
	{ NULL, NULL, "{}", PEER_DRIPS },
};

/* Each call of each way, answered in each wrong manner: no success, no hang, the login goes on. */
static void test_bad_daemon(void **state)
{
	static const char *const methods[] = {
		"Recovery.RequestCode",     "Recovery.VerifyCode",      "Recovery.GetQuestions",
		"Recovery.AnswerQuestions", "Recovery.VerifySavedCode", "Recovery.SetPassword"
	};
	static const int ways[] = { 0, 0, 1, 1, 2, 0 };
	Fixture *f = *state;

	stage_service(&f->stage, "login", STACK_WITH("timeout=1 tries=2"));
	for (size_t m = 0; m < ARRAY_SIZE(methods); m++)
		for (size_t b = 0; b < ARRAY_SIZE(bad_answers); b++) {
			Talk talk = { .password = "never right" };
			PeerRule rules[PEER_RULES_MAX] = { bad_answers[b] };
			double start = now();
			size_t n;

			n = dialogue_copy(&talk, dialogues[ways[m]]);
			/* Whatever is asked afterwards is answered, with something wrong. */
			for (; n < STEPS_MAX; n++)
				talk.answers[n] = "wrong";
			rules[0].method = methods[m];
			for (n = 0; peer_good[n].reply; n++)
				rules[n + 1] = peer_good[n];
			fixture_peer(f, rules, 0);
			assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk),
					 PAM_AUTH_ERR);
			assert_false(talk.exhausted);
			assert_true(now() - start < 2.5);
		}
}

/* Nobody accepts, and the queue of the socket is full: connect() itself has to be bounded. */
static void test_full_backlog(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", "pw"), .password = "pw" };
	int fds[8], fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	double start;

	stage_service(&f->stage, "login", STACK_WITH("timeout=1"));
	fixture_peer(f, NULL, 0);
	strcpy(sa.sun_path, f->stage.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (; n < ARRAY_SIZE(fds); n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(fds[n], (struct sockaddr *)&sa, sizeof(sa)) < 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	start = now();
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk), PAM_SUCCESS);
	assert_in_range((unsigned)((now() - start) * 10), 9, 20);
	assert_non_null(strstr(talk.transcript, "error: Recovery is not available right now.\n"));
	for (size_t i = 0; i <= n && i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_dialogues),
		FIXTURE_TEST(test_abort_anywhere),
		FIXTURE_TEST(test_odd_replies),
		FIXTURE_TEST(test_long_passwords),
		FIXTURE_TEST(test_sshd_password_method),
		FIXTURE_TEST(test_replaying_greeter),
		FIXTURE_TEST(test_junk),
		FIXTURE_TEST(test_bad_daemon),
		FIXTURE_TEST(test_full_backlog),
	};

	return FIXTURE_MAIN("pam-replies", tests);
}
