/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * With Debian's own pam_unix and pam_faillock below, on accounts that exist only in this test's
 * mount namespace: what people's real passwords may be, and what a recovery hands on.
 */

#include <crypt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fixture.h"

/* As pam-auth-update makes it with the shipped profile. */
#define UNIX_STACK                                                                                 \
	"auth [conv_err=die default=ignore] %M socket=%S\n"                                        \
	"auth [success=1 default=ignore] pam_unix.so nodelay nullok try_first_pass\n"              \
	"auth requisite pam_deny.so\n"                                                             \
	"auth required pam_permit.so"

static char long_password[512];

static const struct {
	const char *user, *password;
} accounts[] = {
	{ "blank", NULL }, /* no password at all */
	{ "wy", "y" },
	{ "wforgot", "forgot" },
	{ "wlong", long_password },
	{ "wspaces", "  a b  " },
	{ "wutf", "pässwörd \xe2\x98\x83" },
	{ "wlatin", "p\xe4ss" },
	{ "wnew", GOOD_PASSWORD },
};

static FILE *file_open(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f || fchmod(fileno(f), 0600) < 0)
		abort();
	return f;
}

static void accounts_write(void)
{
	struct crypt_data data = { 0 };
	FILE *passwd = file_open("/etc/passwd"), *shadow = file_open("/etc/shadow");

	fputs("root:x:0:0::/root:/bin/sh\n", passwd);
	for (size_t i = 0; i < ARRAY_SIZE(accounts); i++) {
		fprintf(passwd, "%s:x:%zu:100::/:/bin/sh\n", accounts[i].user, 5000 + i);
		fprintf(shadow, "%s:%s:20000:0:99999:7:::\n", accounts[i].user,
			accounts[i].password
				? crypt_r(accounts[i].password, "$6$rounds=1000$salt$", &data)
				: "");
	}
	fclose(passwd);
	fclose(shadow);
}

/* A copy of /etc in a mount namespace of one's own: the host's files are not touched. */
static int namespace_setup(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0 ||
	    system("cp -a /etc/. /mnt") != 0 || mount("/mnt", "/etc", NULL, MS_BIND, NULL) < 0)
		return -1;
	memset(long_password, 'L', sizeof(long_password) - 1);
	return 0;
}

static int unix_setup(void **state)
{
	int r = fixture_setup(state);

	accounts_write();
	if (r == 0)
		stage_service(&((Fixture *)*state)->stage, "login", UNIX_STACK);
	return r;
}
#define UNIX_TEST(f) cmocka_unit_test_setup_teardown(f, unix_setup, fixture_teardown)

static int login(Fixture *f, const char *user, Talk *talk)
{
	int r = talk_authenticate(&f->stage, "login", user, talk);

	assert_false(talk->exhausted);
	return r;
}

static void test_real_passwords(void **state)
{
	Fixture *f = *state;

	for (size_t i = 1; i < ARRAY_SIZE(accounts); i++) {
		Talk right = { .answers = ANSWERS(accounts[i].password) };
		Talk wrong = { .answers = ANSWERS("wrong") };

		assert_int_equal(login(f, accounts[i].user, &right), PAM_SUCCESS);
		assert_int_equal(right.prompts, 1);
		assert_int_equal(login(f, accounts[i].user, &wrong), PAM_AUTH_ERR);
		assert_int_equal(wrong.prompts, 1);
	}
}

static void test_empty_password(void **state)
{
	Fixture *f = *state;
	Talk again = { .answers = ANSWERS("", "", "") };
	Talk kept = { .echo_on_fails = true, .answers = ANSWERS("") };
	Talk not_his = { .answers = ANSWERS("", "", "") };

	assert_int_equal(login(f, "blank", &again), PAM_SUCCESS);
	assert_int_equal(login(f, "blank", &kept), PAM_SUCCESS);
	assert_int_equal(login(f, "wy", &not_his), PAM_AUTH_ERR);
}

/* "Try again" is one: the second prompt is in the same words, and its reply is what counts. */
static void test_try_again(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "", "forgot") };

	assert_int_equal(login(f, "wforgot", &talk), PAM_SUCCESS);
	assert_string_equal(talk.transcript, "hidden: Password: \n"
					     "shown: Forgot it? y = recover, Enter = try again: \n"
					     "hidden: Password: \n");
}

/* Given up at the password: asked once, as without the module. */
static void test_given_up(void **state)
{
	Fixture *f = *state;
	Talk with = { .answers = ANSWERS(answer_abort) }, without = with;

	stage_service(&f->stage, "plain",
		      "auth [success=1 default=ignore] pam_unix.so nodelay nullok\n"
		      "auth requisite pam_deny.so\nauth required pam_permit.so");
	talk_authenticate(&f->stage, "login", "wy", &with);
	talk_authenticate(&f->stage, "plain", "wy", &without);
	assert_string_equal(with.transcript, without.transcript);
}

/* The account whose password the daemon has just set: pam_unix itself says yes, or no. */
static void test_recovery(void **state)
{
	Fixture *f = *state;
	Talk set = { .answers = ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD) };
	Talk not_set = set;

	assert_int_equal(login(f, "wnew", &set), PAM_SUCCESS);
	/* The daemon says that it was set, but it was not: nobody is let in by saying so. */
	assert_int_equal(login(f, "wy", &not_set), PAM_AUTH_ERR);
}

/*
 * The documented order: a locked tally refuses an ordinary login, not a recovery, and is reset by
 * it.
 */
static void test_faillock(void **state)
{
	Fixture *f = *state;
	char stack[2048];
	Talk recovered = { .answers =
				   ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD) };
	Talk locked = { .answers = ANSWERS(GOOD_PASSWORD) }, unlocked = locked;
	pam_handle_t *pamh;

	snprintf(
		stack, sizeof(stack),
		"auth [authtok_recover_err=1 conv_err=die default=ignore] %%M socket=%%S faillock\n"
		"auth requisite pam_faillock.so preauth dir=%s/tally deny=3 silent\n"
		"auth [success=2 default=ignore] pam_unix.so nodelay nullok try_first_pass\n"
		"auth [default=die] pam_faillock.so authfail dir=%s/tally deny=3\n"
		"auth requisite pam_deny.so\n"
		"auth required pam_permit.so\n"
		"account required pam_faillock.so dir=%s/tally\n"
		"account required pam_permit.so",
		f->stage.folder, f->stage.folder, f->stage.folder);
	stage_service(&f->stage, "login", stack);
	snprintf(stack, sizeof(stack), "%s/tally", f->stage.folder);
	assert_int_equal(mkdir(stack, 0755), 0);
	for (unsigned i = 0; i < 3; i++) {
		Talk wrong = { .answers = ANSWERS("wrong") };

		assert_int_not_equal(login(f, "wnew", &wrong), PAM_SUCCESS);
	}
	assert_int_not_equal(login(f, "wnew", &locked), PAM_SUCCESS);

	pamh = talk_start(&f->stage, "login", "wnew", &recovered);
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_setcred(pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	pam_end(pamh, 0);
	assert_int_equal(login(f, "wnew", &unlocked), PAM_SUCCESS);
	snprintf(stack, sizeof(stack), "rm -r %s/tally", f->stage.folder);
	assert_int_equal(system(stack), 0);
}

/* A policy before pam_unix with use_authtok: what is written is what was judged. */
static void test_policy_before_unix(void **state)
{
	Fixture *f = *state;
	Talk refused = { .answers = ANSWERS("y", "weak", "weak", "a", "a", "b", "b") };
	Talk changed = { .answers = ANSWERS("y", "weak", "weak", GOOD_PASSWORD, GOOD_PASSWORD) };
	Talk old = { .answers = ANSWERS("y") }, old_again = old;
	Talk new = { .answers = ANSWERS(GOOD_PASSWORD) };

	stage_service(&f->stage, "passwd",
		      "password requisite %M socket=%S policy_only\n"
		      "password [success=1 default=ignore] pam_unix.so use_authtok try_first_pass "
		      "sha512 rounds=1000\n"
		      "password requisite pam_deny.so\n"
		      "password required pam_permit.so");
	/*
	 * An expired password: the policy binds, and pam_unix asks for the current one, root or
	 * not.
	 */
	assert_int_not_equal(
		talk_chauthtok(&f->stage, "passwd", "wy", &refused, PAM_CHANGE_EXPIRED_AUTHTOK),
		PAM_SUCCESS);
	assert_int_equal(login(f, "wy", &old), PAM_SUCCESS);
	assert_int_equal(
		talk_chauthtok(&f->stage, "passwd", "wy", &changed, PAM_CHANGE_EXPIRED_AUTHTOK),
		PAM_SUCCESS);
	assert_int_equal(login(f, "wy", &new), PAM_SUCCESS);
	assert_int_equal(login(f, "wy", &old_again), PAM_AUTH_ERR);
}

/* Writing the directory first: local accounts never hear of the daemon, dead or alive. */
static void test_local_account_below_directory(void **state)
{
	Fixture *f = *state;
	Talk changed = { .answers = ANSWERS("brand new secret", "brand new secret") };
	Talk new = { .answers = ANSWERS("brand new secret") };

	stage_service(&f->stage, "passwd",
		      "password [success=2 default=ignore] pam_unix.so sha512 rounds=1000\n"
		      "password [success=1 user_unknown=ignore default=die] %M socket=%S\n"
		      "password requisite pam_deny.so\n"
		      "password required pam_permit.so");
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "wy", &changed, 0), PAM_SUCCESS);
	assert_int_equal(login(f, "wy", &new), PAM_SUCCESS);
	assert_int_equal(peer_calls(f->peer), 0);
	/* The other order, which a site may write by hand. */
	stage_service(&f->stage, "passwd",
		      "password [success=2 user_unknown=ignore default=die] %M socket=%S\n"
		      "password [success=1 default=ignore] pam_unix.so sha512 rounds=1000\n"
		      "password requisite pam_deny.so\n"
		      "password required pam_permit.so");
	fixture_peer(f, NULL, 0);
	changed = (Talk){ .answers = ANSWERS("second new secret", "second new secret") };
	new = (Talk){ .answers = ANSWERS("second new secret") };
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "wy", &changed, 0), PAM_SUCCESS);
	assert_int_equal(login(f, "wy", &new), PAM_SUCCESS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIX_TEST(test_real_passwords),     UNIX_TEST(test_empty_password),
		UNIX_TEST(test_try_again),          UNIX_TEST(test_given_up),
		UNIX_TEST(test_recovery),           UNIX_TEST(test_faillock),
		UNIX_TEST(test_policy_before_unix), UNIX_TEST(test_local_account_below_directory),
	};

	if (!fixture_ready("pam-unix"))
		return FIXTURE_SKIPPED;
	return cmocka_run_group_tests_name("pam-unix", tests, namespace_setup, NULL);
}
