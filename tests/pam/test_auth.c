/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pam_sm_authenticate: every dialogue, what it sends, what it leaves to the modules below. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* What each of the ways says when all goes well; the words themselves are held by test_text. */
#define ASKED "hidden: Password: \n"
#define OFFER "shown: Forgot it? y = recover, Enter = try again: \n"
#define OFFER_MAIL "shown: E-mail me a code? y = yes, Enter = other ways: \n"
#define MAILED                                                                                     \
	"info: If this account has an e-mail address on file,\n"                                   \
	"a code was sent to it. Please type it here.\n"
#define CODE "shown: Code: \n"
#define CODE_AGAIN "shown: Wrong code. Again, or Enter = other ways: \n"
#define OFFER_QUESTIONS "shown: Secret questions? y = yes, Enter = other way: \n"
#define QUESTIONS                                                                                  \
	"hidden: What was your first pet called? \n"                                               \
	"hidden: On which street did you grow up? \n"                                              \
	"hidden: Which dish did your grandmother cook? \n"
#define NOT_RIGHT "shown: Not right. Again? y = yes, Enter = other way: \n"
#define SAVED "shown: Saved code? Type it, Enter = cancel: \n"
#define CHOOSE                                                                                     \
	"hidden: New password: \n"                                                                 \
	"hidden: Retype new password: \n"
#define CHANGED "info: Your password has been changed.\n"
#define UNAVAILABLE "error: Recovery is not available right now.\n"
#define NOTHING "info: Nothing was changed.\n"
#define ANOTHER "Please choose another one.\n"
#define TRIES "error: Too many tries. Nothing was changed.\n"

static void expect(Fixture *f, Talk *talk, int result, const char *authtok, const char *transcript)
{
	int r = talk_authenticate(&f->stage, "login", "alice", talk);

	if (strcmp(talk->transcript, transcript) != 0)
		print_error("---- said:\n%s---- expected:\n%s", talk->transcript, transcript);
	assert_string_equal(talk->transcript, transcript);
	assert_int_equal(r, result);
	if (authtok) {
		assert_true(talk->probed && talk->authtok_set);
		assert_string_equal(talk->authtok, authtok);
	}
	assert_false(talk->exhausted);
}

static void test_typed(void **state)
{
	static const char *const passwords[] = { "y",      "forgot",   "secret",       " ",
						 "   a b", "pässwörd", "\xff\xfe\x80", "0" };
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(passwords); i++) {
		Talk talk = { .answers = ANSWERS(passwords[i]), .password = passwords[i] };

		expect(f, &talk, PAM_SUCCESS, passwords[i], ASKED);
	}
	assert_int_equal(peer_calls(f->peer), 0);
}

static void test_other_service(void **state)
{
	static const char *const services[] = { "sudo", "su",     "sshd-sss",
						"log",  "loginx", "polkit-1" };
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		Talk talk = { .answers = ANSWERS(""), .password = "" };
		int r;

		stage_service(&f->stage, services[i], STACK);
		r = talk_authenticate(&f->stage, services[i], "alice", &talk);
		assert_int_equal(r, PAM_SUCCESS);
		/* The probe asked, not the module. */
		assert_false(talk.authtok_set);
		assert_string_equal(talk.transcript, ASKED);
	}
	assert_int_equal(peer_calls(f->peer), 0);
}

static void test_services_argument(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "", "pw"), .password = "pw" };

	stage_service(&f->stage, "sshd-sss", STACK_WITH("services=login,sshd-sss"));
	assert_int_equal(talk_authenticate(&f->stage, "sshd-sss", "alice", &talk), PAM_SUCCESS);
	assert_string_equal(talk.transcript, ASKED OFFER ASKED);
}

static void test_mailed_code(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD),
		      .password = GOOD_PASSWORD };
	const char *log;

	expect(f, &talk, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL MAILED CODE CHOOSE CHANGED);
	log = peer_log(f->peer);
	assert_int_equal(peer_calls(f->peer), 3);
	assert_non_null(strstr(log, "Recovery.RequestCode {\"user\":\"alice\",\"origin\":"));
	assert_non_null(strstr(log, "\"service\":\"login\""));
	assert_non_null(
		strstr(log, "Recovery.VerifyCode {\"user\":\"alice\",\"code\":\"7KQ4-M2XD\""));
	assert_non_null(strstr(log, "Recovery.SetPassword {\"user\":\"alice\","
				    "\"ticket\":\"GRANTGRANTGRANT\",\"password\":\"Y29y"));
}

/* What sudo and su may drop is not needed: what is wrong stands in the next prompt. */
static void test_without_messages(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", "WRNG-WRNG", GOOD_CODE, "a", "b", "short",
					 "short", GOOD_PASSWORD, GOOD_PASSWORD),
		      .password = GOOD_PASSWORD,
		      .drop_messages = true };

	expect(f, &talk, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL CODE CODE_AGAIN CHOOSE
	       "hidden: Not the same. New password: \nhidden: Retype new password: \n"
	       "hidden: Not accepted. New password: \nhidden: Retype new password: \n");
}

static void test_refused_password(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", GOOD_CODE, "short", "short", GOOD_PASSWORD,
					 GOOD_PASSWORD),
		      .password = GOOD_PASSWORD };

	expect(f, &talk, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL MAILED CODE CHOOSE
	       "error: Many people use it.\nIt is too short.\nA longer one helps.\n" ANOTHER
	       "hidden: Not accepted. New password: \nhidden: Retype new password: \n" CHANGED);
	/* The code was not asked for again. */
	assert_int_equal(peer_calls(f->peer), 4);
}

static void test_too_many_passwords(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", GOOD_CODE, "x", "x", "x", "x", "x", "x") };

	talk_authenticate(&f->stage, "login", "alice", &talk);
	assert_int_equal(talk.prompts, 10);
	assert_non_null(strstr(talk.transcript, TRIES));
	assert_string_equal(talk.authtok, "");
}

static void test_wrong_codes(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", "AAAA-AAAA", "BBBB-BBBB", "CCCC-CCCC") };

	expect(f, &talk, PAM_AUTH_ERR, "",
	       ASKED OFFER OFFER_MAIL MAILED CODE CODE_AGAIN CODE_AGAIN TRIES);
	assert_int_equal(peer_calls(f->peer), 4);
}

static void test_tries_argument(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", "AAAA-AAAA") };

	stage_service(&f->stage, "login", STACK_WITH("tries=1"));
	expect(f, &talk, PAM_AUTH_ERR, "", ASKED OFFER OFFER_MAIL MAILED CODE TRIES);
}

static void test_questions(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "", "y", "Rex", "Elm Street", "Pizza", "y", "Rex",
					 "Elm Street", "Borscht", GOOD_PASSWORD, GOOD_PASSWORD),
		      .password = GOOD_PASSWORD };

	expect(f, &talk, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL OFFER_QUESTIONS QUESTIONS NOT_RIGHT QUESTIONS CHOOSE CHANGED);
	assert_non_null(
		strstr(peer_log(f->peer), "\"answers\":[\"Rex\",\"Elm Street\",\"Pizza\"]"));
	assert_null(strstr(peer_log(f->peer), "RequestCode"));
}

/* One answer left empty leads on, and nothing is sent. */
static void test_questions_left(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "", "y", "Rex", "", GOOD_SAVED, GOOD_PASSWORD,
					 GOOD_PASSWORD),
		      .password = GOOD_PASSWORD };

	talk_authenticate(&f->stage, "login", "alice", &talk);
	assert_string_equal(talk.authtok, GOOD_PASSWORD);
	assert_null(strstr(peer_log(f->peer), "AnswerQuestions"));
}

static void test_questions_with_code(void **state)
{
	static const PeerRule rules[] = {
		{ "Recovery.GetQuestions", NULL,
		  "{\"questions\":[{\"id\":\"a\",\"text\":\"Which "
		  "colour?\"}],\"needsCode\":true}" },
		{ "Recovery.AnswerQuestions", "\"answers\":[\"blue\"],\"code\":\"" GOOD_CODE "\"",
		  "{\"grant\":\"GRANTGRANTGRANT\",\"seconds\":300}" },
		{ "Recovery.RequestCode", NULL, "{}" },
		{ "Recovery.SetPassword", NULL, "{\"user\":\"alice\"}" },
		{ 0 },
	};
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "", "y", "blue", GOOD_CODE, GOOD_PASSWORD,
					 GOOD_PASSWORD),
		      .password = GOOD_PASSWORD };
	Talk mailed = { .answers = ANSWERS("", "y", "y", "", "y", "blue", GOOD_CODE, GOOD_PASSWORD,
					   GOOD_PASSWORD),
			.password = GOOD_PASSWORD };

	fixture_peer(f, rules, 0);
	expect(f, &talk, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL OFFER_QUESTIONS
	       "hidden: Which colour? \n" MAILED CODE CHOOSE CHANGED);
	/* A code that was asked for already is not asked for again. */
	peer_reset(f->peer);
	expect(f, &mailed, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL MAILED CODE OFFER_QUESTIONS
	       "hidden: Which colour? \n" CODE CHOOSE CHANGED);
	assert_int_equal(peer_calls(f->peer), 4);
}

static void test_questions_off(void **state)
{
	static const PeerRule rules[] = {
		{ "Recovery.GetQuestions", NULL, "!org.pwreset.Failure.Refused" },
		{ "Recovery.VerifySavedCode", NULL, "!org.pwreset.Failure.Refused" },
		{ 0 },
	};
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "", "y", "", "pw"), .password = "pw" };

	fixture_peer(f, rules, 0);
	expect(f, &talk, PAM_SUCCESS, NULL,
	       ASKED OFFER OFFER_MAIL OFFER_QUESTIONS SAVED NOTHING ASKED);
}

static void test_saved_code(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "", "", "WRONG", GOOD_SAVED, GOOD_PASSWORD,
					 GOOD_PASSWORD),
		      .password = GOOD_PASSWORD };

	expect(f, &talk, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL OFFER_QUESTIONS SAVED
	       "shown: Wrong. Saved code again, Enter = cancel: \n" CHOOSE CHANGED);
}

/*
 * "Try again" asks in the application's own words, and what comes then is the password, be it
 * empty.
 */
static void test_again(void **state)
{
	Fixture *f = *state;
	Talk typed = { .answers = ANSWERS("", "", "pw"), .password = "pw" };
	Talk empty = { .answers = ANSWERS("", "", ""), .password = "" };
	Talk cancelled = { .answers = ANSWERS("", "y", "", "", "", "pw"), .password = "pw" };
	Talk left = { .answers = ANSWERS("", "y", "y", GOOD_CODE, "", "pw"), .password = "pw" };

	expect(f, &typed, PAM_SUCCESS, "pw", ASKED OFFER ASKED);
	expect(f, &empty, PAM_SUCCESS, "", ASKED OFFER ASKED);
	assert_int_equal(peer_calls(f->peer), 0);
	expect(f, &cancelled, PAM_SUCCESS, "pw",
	       ASKED OFFER OFFER_MAIL OFFER_QUESTIONS SAVED NOTHING ASKED);
	assert_int_equal(peer_calls(f->peer), 0);
	expect(f, &left, PAM_SUCCESS, "pw",
	       ASKED OFFER OFFER_MAIL MAILED CODE "hidden: New password: \n" NOTHING ASKED);
	assert_null(strstr(peer_log(f->peer), "SetPassword"));
}

static void test_unavailable(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", "pw"), .password = "pw" };

	fixture_peer(f, NULL, 0);
	expect(f, &talk, PAM_SUCCESS, "pw", ASKED OFFER OFFER_MAIL UNAVAILABLE ASKED);
}

/* Case 34: a socket whose listener is not root's is not spoken to. */
static void test_peer_not_root(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", "pw"), .password = "pw" };

	fixture_peer(f, peer_good, 65534);
	expect(f, &talk, PAM_SUCCESS, "pw", ASKED OFFER OFFER_MAIL UNAVAILABLE ASKED);
	assert_int_equal(peer_calls(f->peer), 0);
}

static void test_try_later(void **state)
{
	static const PeerRule rules[] = {
		{ "Recovery.RequestCode", NULL, "!org.pwreset.Failure.TryLater {\"seconds\":60}" },
		{ "Recovery.VerifyCode", GOOD_CODE, "{\"grant\":\"G\",\"seconds\":300}" },
		{ "Recovery.VerifyCode", NULL, "!org.pwreset.Failure.TryLater {\"seconds\":60}" },
		{ "Recovery.SetPassword", NULL, "{\"user\":\"alice\"}" },
		{ 0 },
	};
	Fixture *f = *state;
	Talk right = { .answers = ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD),
		       .password = GOOD_PASSWORD };
	Talk wrong = { .answers = ANSWERS("", "y", "y", "AAAA-AAAA") };

	fixture_peer(f, rules, 0);
	/* The code of an earlier connection still works. */
	expect(f, &right, PAM_SUCCESS, GOOD_PASSWORD,
	       ASKED OFFER OFFER_MAIL
	       "error: Too many requests. Please wait a little.\n" CODE CHOOSE CHANGED);
	expect(f, &wrong, PAM_AUTH_ERR, "",
	       ASKED OFFER OFFER_MAIL "error: Too many requests. Please wait a little.\n" CODE
				      "error: Too many requests. Please wait a little.\n");
}

static void test_too_late(void **state)
{
	static const PeerRule rules[] = {
		{ "Recovery.SetPassword", NULL, "!org.pwreset.Failure.Refused" },
		{ "Recovery.VerifyCode", NULL, "{\"grant\":\"G\",\"seconds\":1}" },
		{ NULL, NULL, "{}" },
		{ 0 },
	};
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD) };

	fixture_peer(f, rules, 0);
	expect(f, &talk, PAM_AUTH_ERR, "",
	       ASKED OFFER OFFER_MAIL MAILED CODE CHOOSE
	       "error: That took too long. Nothing was changed.\n");
}

/* When it is not known whether the password was written, the modules below find out. */
static void test_uncertain(void **state)
{
	static const PeerRule rules[][4] = {
		{ { "Recovery.SetPassword", NULL, "!org.pwreset.Failure.OutcomeUnknown" },
		  { "Recovery.VerifyCode", NULL, "{\"grant\":\"G\",\"seconds\":9}" },
		  { NULL, NULL, "{}" } },
		{ { "Recovery.SetPassword", NULL, NULL, PEER_CLOSES },
		  { "Recovery.VerifyCode", NULL, "{\"grant\":\"G\",\"seconds\":9}" },
		  { NULL, NULL, "{}" } },
		{ { "Recovery.SetPassword", NULL, NULL, PEER_HANGS },
		  { "Recovery.VerifyCode", NULL, "{\"grant\":\"G\",\"seconds\":9}" },
		  { NULL, NULL, "{}" } },
	};
	Fixture *f = *state;

	stage_service(&f->stage, "login", STACK_WITH("timeout=1"));
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		Talk talk = { .answers = ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD,
						 GOOD_PASSWORD),
			      .password = GOOD_PASSWORD };

		fixture_peer(f, rules[i], 0);
		expect(f, &talk, PAM_SUCCESS, GOOD_PASSWORD,
		       ASKED OFFER OFFER_MAIL MAILED CODE CHOOSE
		       "error: It is not certain that it was changed.\n"
		       "Try the new password first, then the old one.\n");
	}
}

/* With faillock the answer is one to jump by, and no other. */
static void test_faillock(void **state)
{
	static const char stack[] =
		"auth [authtok_recover_err=1 conv_err=die default=ignore] %M socket=%S faillock\n"
		"auth requisite pam_deny.so\n"
		"auth required %P";
	Fixture *f = *state;
	Talk recovered = { .answers =
				   ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD),
			   .password = GOOD_PASSWORD };
	Talk typed = { .answers = ANSWERS("pw"), .password = "pw" };
	Talk refused = { .answers = ANSWERS("", "y", "y", "A", "A", "A"), .password = "" };

	stage_service(&f->stage, "login", stack);
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &recovered), PAM_SUCCESS);
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &typed), PAM_AUTH_ERR);
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &refused), PAM_AUTH_ERR);
	assert_false(typed.probed || refused.probed);
}

static void test_authtok_set_before(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS(""), .password = "" };

	stage_service(&f->stage, "login",
		      "auth optional %P\nauth optional %M socket=%S\nauth required %P");
	expect(f, &talk, PAM_SUCCESS, "", ASKED);
	assert_int_equal(peer_calls(f->peer), 0);
}

/* A line that cannot be understood neither asks, nor denies, nor lets in. */
static void test_bad_arguments(void **state)
{
	static const char *const arguments[] = {
		"sevices=login",   "services=",  "services", "timeout=0",       "timeout=61",
		"timeout=1x",      "timeout=-1", "timeout=", "tries=0",         "tries=11",
		"tries=1 tries=1", "socket=run", "socket=",  "policy_only=yes", "nudge=0",
		"nudge=366",       "sssd=maybe", "Faillock", "debug",           "timeout=00001",
		"nullok",          "[x=a b]",
	};
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		Talk talk = { .answers = ANSWERS(""), .password = "" };
		Talk wrong = { .answers = ANSWERS("") };
		char stack[512];

		snprintf(stack, sizeof(stack), "auth optional %%M socket=%%S %s\nauth required %%P",
			 arguments[i]);
		stage_service(&f->stage, "login", stack);
		assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk),
				 PAM_SUCCESS);
		assert_false(talk.authtok_set);
		assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &wrong),
				 PAM_AUTH_ERR);
		/* Alone it lets nobody in. */
		snprintf(stack, sizeof(stack), "auth sufficient %%M socket=%%S %s", arguments[i]);
		stage_service(&f->stage, "login", stack);
		assert_int_not_equal(talk_authenticate(&f->stage, "login", "alice", &wrong),
				     PAM_SUCCESS);
	}
	assert_int_equal(peer_calls(f->peer), 0);
}

/* However it is stacked, it is never what lets somebody in. */
static void test_never_success(void **state)
{
	static const char *const controls[] = { "required", "requisite", "sufficient", "optional" };
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(controls); i++)
		for (int faillock = 0; faillock < 2; faillock++) {
			Talk recovered = { .answers = ANSWERS("", "y", "y", GOOD_CODE,
							      GOOD_PASSWORD, GOOD_PASSWORD) };
			Talk typed = { .answers = ANSWERS("pw") };
			char stack[512];

			snprintf(stack, sizeof(stack), "auth %s %%M socket=%%S%s", controls[i],
				 faillock ? " faillock" : "");
			stage_service(&f->stage, "login", stack);
			assert_int_not_equal(
				talk_authenticate(&f->stage, "login", "alice", &recovered),
				PAM_SUCCESS);
			assert_int_not_equal(talk_authenticate(&f->stage, "login", "alice", &typed),
					     PAM_SUCCESS);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_typed),
		FIXTURE_TEST(test_other_service),
		FIXTURE_TEST(test_services_argument),
		FIXTURE_TEST(test_mailed_code),
		FIXTURE_TEST(test_without_messages),
		FIXTURE_TEST(test_refused_password),
		FIXTURE_TEST(test_too_many_passwords),
		FIXTURE_TEST(test_wrong_codes),
		FIXTURE_TEST(test_tries_argument),
		FIXTURE_TEST(test_questions),
		FIXTURE_TEST(test_questions_left),
		FIXTURE_TEST(test_questions_with_code),
		FIXTURE_TEST(test_questions_off),
		FIXTURE_TEST(test_saved_code),
		FIXTURE_TEST(test_again),
		FIXTURE_TEST(test_unavailable),
		FIXTURE_TEST(test_peer_not_root),
		FIXTURE_TEST(test_try_later),
		FIXTURE_TEST(test_too_late),
		FIXTURE_TEST(test_uncertain),
		FIXTURE_TEST(test_faillock),
		FIXTURE_TEST(test_authtok_set_before),
		FIXTURE_TEST(test_bad_arguments),
		FIXTURE_TEST(test_never_success),
	};

	return FIXTURE_MAIN("pam-auth", tests);
}
