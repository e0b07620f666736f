/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pam_sm_chauthtok: both stacks, both passes, root and people, and every answer of the daemon. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define NOBODY 65534

#define OLD "old password"
#define CURRENT "hidden: Current password: \n"
#define CHOOSE                                                                                     \
	"hidden: New password: \n"                                                                 \
	"hidden: Retype new password: \n"
#define CHANGED "info: Your password has been changed.\n"
#define NOT_NOW "error: Passwords cannot be changed right now.\n"

/* As the shipped profiles have them. */
#define DIRECTORY                                                                                  \
	"password [success=1 user_unknown=ignore default=die] %M socket=%S timeout=1\n"            \
	"password requisite pam_deny.so\n"                                                         \
	"password required %P prelim=success"
#define POLICY                                                                                     \
	"password requisite %M socket=%S timeout=1 policy_only\n"                                  \
	"password required %P prelim=ask"

/* passwd is setuid: the real user is the person, the effective one root. */
static int as_person(Fixture *f, const char *user, Talk *talk, int flags)
{
	int r;

	if (setresuid(NOBODY, 0, 0) < 0)
		fail();
	r = talk_chauthtok(&f->stage, "passwd", user, talk, flags);
	if (setresuid(0, 0, 0) < 0)
		fail();
	return r;
}

static void said(const Talk *talk, const char *transcript)
{
	if (strcmp(talk->transcript, transcript) != 0)
		print_error("---- said:\n%s---- expected:\n%s", talk->transcript, transcript);
	assert_string_equal(talk->transcript, transcript);
	assert_false(talk->exhausted);
}

static void test_change(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS(OLD, GOOD_PASSWORD, GOOD_PASSWORD) };

	stage_service(&f->stage, "passwd", DIRECTORY);
	assert_int_equal(as_person(f, "alice", &talk, 0), PAM_SUCCESS);
	said(&talk, CURRENT CHOOSE);
	assert_non_null(
		strstr(peer_log(f->peer),
		       "Password.Change {\"user\":\"alice\",\"current\":\"b2xkIHBhc3N3b3Jk\","
		       "\"password\":\"Y29ycmVjdC"));
	/* Both say where the person is. */
	assert_non_null(
		strstr(peer_log(f->peer),
		       "Password.Verify {\"user\":\"alice\",\"password\":\"b2xkIHBhc3N3b3Jk\","
		       "\"origin\":{\"service\":\"passwd\","));
	assert_int_equal(peer_calls(f->peer), 3);
	/* For the modules below (keyrings). */
	assert_string_equal(talk.authtok, GOOD_PASSWORD);
}

static void test_wrong_current(void **state)
{
	static const char *const wrong[] = { "nope", "", "\xff\xfe", " " };
	Fixture *f = *state;

	stage_service(&f->stage, "passwd", DIRECTORY);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		Talk talk = { .answers = ANSWERS(wrong[i]) };

		assert_int_equal(as_person(f, "alice", &talk, 0), PAM_AUTH_ERR);
		said(&talk,
		     CURRENT "error: That is not your current password.\nNothing was changed.\n");
	}
	assert_null(strstr(peer_log(f->peer), "Change"));
}

static void test_mismatch_and_refused(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS(OLD, "one", "two", "weak", "weak", GOOD_PASSWORD,
					 GOOD_PASSWORD) };
	Talk three = { .answers = ANSWERS(OLD, "one", "two", "weak", "weak", "x", "y") };
	Talk empty = { .answers = ANSWERS(OLD, "") };

	stage_service(&f->stage, "passwd", DIRECTORY);
	assert_int_equal(as_person(f, "alice", &talk, 0), PAM_SUCCESS);
	said(&talk, CURRENT CHOOSE
	     "error: The two new passwords are not the same.\n"
	     "hidden: Not the same. New password: \nhidden: Retype new password: \n"
	     "error: It is on a list of leaked passwords.\nPlease choose another one.\n"
	     "hidden: Not accepted. New password: \nhidden: Retype new password: \n");
	assert_int_equal(as_person(f, "alice", &three, 0), PAM_AUTHTOK_ERR);
	assert_non_null(strstr(three.transcript, "error: Too many tries. Nothing was changed.\n"));
	assert_false(three.probed);
	assert_int_equal(as_person(f, "alice", &empty, 0), PAM_AUTHTOK_ERR);
	said(&empty, CURRENT "hidden: New password: \nerror: Nothing was changed.\n");
}

/* A local account is not asked about, and goes on to the modules below; so does an unknown one. */
static void test_other_people(void **state)
{
	Fixture *f = *state;
	Talk local = { .answers = ANSWERS(NULL) }, unknown = { .answers = ANSWERS(NULL) };

	stage_service(&f->stage, "passwd",
		      "password [success=1 user_unknown=1 default=die] %M socket=%S\n"
		      "password requisite pam_deny.so\n"
		      "password required %P prelim=success");
	assert_int_equal(as_person(f, "root", &local, 0), PAM_SUCCESS);
	assert_int_equal(peer_calls(f->peer), 0);
	assert_int_equal(as_person(f, "nobody-here", &unknown, 0), PAM_SUCCESS);
	said(&local, "");
	said(&unknown, "");
	assert_false(local.authtok_set);
	/* And the other way round: alone, the module is a refusal. */
	stage_service(&f->stage, "passwd", "password sufficient %M socket=%S");
	assert_int_not_equal(as_person(f, "root", &local, 0), PAM_SUCCESS);
}

static void test_root(void **state)
{
	static const PeerRule allowed[] = {
		{ "Password.Exists", NULL, "{\"exists\":true}" },
		{ "Password.SetByRoot", NULL, "{}" },
		{ 0 },
	};
	Fixture *f = *state;
	Talk refused = { .answers = ANSWERS(GOOD_PASSWORD, GOOD_PASSWORD) };
	Talk done = { .answers = ANSWERS(GOOD_PASSWORD, GOOD_PASSWORD) };

	stage_service(&f->stage, "passwd", DIRECTORY);
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "alice", &refused, 0),
			 PAM_PERM_DENIED);
	said(&refused, CHOOSE "error: Not allowed here: try pwresetctl set-password.\n");
	fixture_peer(f, allowed, 0);
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "alice", &done, 0), PAM_SUCCESS);
	said(&done, CHOOSE);
	assert_non_null(strstr(peer_log(f->peer), "Password.SetByRoot {\"user\":\"alice\""));
}

/* A login that forces a change runs as root: the current password is asked for all the same. */
static void test_expired_as_root(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS(OLD, GOOD_PASSWORD, GOOD_PASSWORD) };
	Talk wrong = { .answers = ANSWERS("wrong") };

	stage_service(&f->stage, "passwd", DIRECTORY);
	assert_int_equal(
		talk_chauthtok(&f->stage, "passwd", "alice", &talk, PAM_CHANGE_EXPIRED_AUTHTOK),
		PAM_SUCCESS);
	said(&talk, CURRENT CHOOSE CHANGED);
	assert_null(strstr(peer_log(f->peer), "SetByRoot"));
	assert_int_equal(
		talk_chauthtok(&f->stage, "passwd", "alice", &wrong, PAM_CHANGE_EXPIRED_AUTHTOK),
		PAM_AUTH_ERR);
}

/* In this stack the first pass jumps over the module and the second does not (case 31). */
static void test_update_without_prelim(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS(GOOD_PASSWORD, GOOD_PASSWORD),
		      .probe_chauthtok = PAM_AUTHTOK_ERR };

	stage_service(&f->stage, "passwd",
		      "password [success=1 default=ignore] %P prelim=success\n"
		      "password sufficient %M socket=%S\n"
		      "password required pam_permit.so");
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "alice", &talk, 0), PAM_SUCCESS);
	/* pam_permit said so; the module neither asked nor wrote. */
	said(&talk, "");
	assert_int_equal(peer_calls(f->peer), 0);
	stage_service(&f->stage, "passwd",
		      "password [success=1 default=ignore] %P prelim=success\n"
		      "password required %M socket=%S\n"
		      "password required pam_permit.so");
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "alice", &talk, 0), PAM_AUTHTOK_ERR);
	assert_int_equal(peer_calls(f->peer), 0);
}

static void test_policy_only(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS(OLD, "weak", "weak", GOOD_PASSWORD, GOOD_PASSWORD) };
	Talk weak = { .answers = ANSWERS(OLD, "a", "a", "b", "b", "c", "c") };

	stage_service(&f->stage, "passwd", POLICY);
	assert_int_equal(as_person(f, "alice", &talk, 0), PAM_SUCCESS);
	said(&talk, "hidden: Probe current: \n" CHOOSE
		    "error: It is on a list of leaked passwords.\nA longer one helps.\n"
		    "Please choose another one.\n"
		    "hidden: Not accepted. New password: \nhidden: Retype new password: \n");
	assert_string_equal(talk.authtok, GOOD_PASSWORD);
	assert_string_equal(talk.oldauthtok, OLD);
	assert_non_null(strstr(peer_log(f->peer), "\"old\":\"b2xkIHBhc3N3b3Jk\""));
	assert_null(strstr(peer_log(f->peer), "Change"));
	assert_int_equal(as_person(f, "alice", &weak, 0), PAM_AUTHTOK_ERR);
	assert_false(weak.probed);
}

/* Root is told and obeyed; the daemon away does not stop him, but it stops everybody else. */
static void test_policy_root(void **state)
{
	Fixture *f = *state;
	Talk weak = { .answers = ANSWERS("weak", "weak") };
	Talk bound = { .answers = ANSWERS("weak", "weak", "b", "b", "c", "c") };
	Talk alone = { .answers = ANSWERS("weak", "weak") };
	Talk person = { .answers = ANSWERS(OLD, GOOD_PASSWORD, GOOD_PASSWORD) };

	stage_service(&f->stage, "passwd",
		      "password requisite %M socket=%S policy_only\n"
		      "password required %P prelim=success");
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "alice", &weak, 0), PAM_SUCCESS);
	said(&weak, CHOOSE "error: It is on a list of leaked passwords.\nA longer one helps.\n");
	assert_string_equal(weak.authtok, "weak");
	stage_service(&f->stage, "passwd",
		      "password requisite %M socket=%S policy_only enforce_for_root\n"
		      "password required %P prelim=success");
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "alice", &bound, 0), PAM_AUTHTOK_ERR);

	fixture_peer(f, NULL, 0);
	stage_service(&f->stage, "passwd", POLICY);
	assert_int_equal(as_person(f, "alice", &person, 0), PAM_AUTHINFO_UNAVAIL);
	assert_non_null(strstr(person.transcript, NOT_NOW));
	assert_false(person.probed);
	stage_service(&f->stage, "passwd",
		      "password requisite %M socket=%S policy_only\n"
		      "password required %P prelim=success");
	assert_int_equal(talk_chauthtok(&f->stage, "passwd", "alice", &alone, 0), PAM_SUCCESS);
	said(&alone, CHOOSE "error: The new password could not be checked.\n");
}

/* What a module above has asked for is taken, and refused without asking again. */
static void test_use_authtok(void **state)
{
	Fixture *f = *state;
	Talk good = { .answers = ANSWERS(OLD, GOOD_PASSWORD, GOOD_PASSWORD) };
	Talk none = { .answers = ANSWERS(OLD) };

	stage_service(&f->stage, "passwd",
		      "password requisite %M socket=%S policy_only\n"
		      "password [success=1 default=die] %M socket=%S use_authtok\n"
		      "password requisite pam_deny.so\n"
		      "password required %P prelim=success");
	assert_int_equal(as_person(f, "alice", &good, 0), PAM_SUCCESS);
	said(&good, CURRENT CHOOSE);
	assert_non_null(strstr(peer_log(f->peer), "Password.Check"));
	assert_non_null(strstr(peer_log(f->peer), "Password.Change"));
	stage_service(&f->stage, "passwd", "password required %M socket=%S use_authtok");
	assert_int_not_equal(as_person(f, "alice", &none, 0), PAM_SUCCESS);
	said(&none, CURRENT NOT_NOW);
}

static const struct {
	const char *reply;
	PeerFault fault;
	int prelim, update;
	const char *says;
} every_answer[] = {
	{ "!org.pwreset.Failure.WrongPassword", 0, PAM_AUTH_ERR, PAM_AUTH_ERR, "current" },
	{ "!org.pwreset.Failure.NotAllowed {\"reason\":\"privileged\"}", 0, PAM_PERM_DENIED,
	  PAM_PERM_DENIED, "may not" },
	{ "!org.pwreset.Failure.NotAllowed {\"reason\":\"no-such-user\"}", 0, PAM_USER_UNKNOWN,
	  PAM_USER_UNKNOWN, "" },
	{ "!org.varlink.service.PermissionDenied", 0, PAM_PERM_DENIED, PAM_PERM_DENIED, "may not" },
	{ "!org.pwreset.Failure.TryLater {\"seconds\":9}", 0, PAM_AUTHTOK_ERR, PAM_AUTHTOK_ERR,
	  "Too many" },
	{ "!org.pwreset.Failure.Unavailable", 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL,
	  "right now" },
	{ "!org.pwreset.Failure.OutcomeUnknown", 0, PAM_AUTHTOK_ERR, PAM_AUTHTOK_ERR,
	  "not certain" },
	{ "!org.pwreset.Failure.NeverHeardOf", 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "!org.pwreset.Failure.Refused", 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL,
	  "right now" },
	{ "!org.varlink.service.MethodNotFound", 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "=[]", 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "=", 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "={\"parameters\":{},\"continues\":true}", 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "{}", PEER_CLOSES, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "{}", PEER_HALF, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "{}", PEER_HANGS, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "{}", PEER_STALLS, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "{}", PEER_DRIPS, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
	{ "{}", PEER_ENDLESS, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, "" },
};

/* Whatever the daemon says, or does not say: nothing but its "yes" is a success. */
static void test_every_answer(void **state)
{
	Fixture *f = *state;

	stage_service(&f->stage, "passwd", DIRECTORY);
	for (size_t i = 0; i < ARRAY_SIZE(every_answer); i++) {
		Talk verify = { .answers = ANSWERS(OLD) };
		Talk change = { .answers = ANSWERS(OLD, GOOD_PASSWORD, GOOD_PASSWORD) };
		PeerRule rules[] = {
			{ "Password.Exists", NULL, "{\"exists\":true}" },
			{ "Password.Verify", NULL, every_answer[i].reply, every_answer[i].fault,
			  .times = 1 },
			{ "Password.Verify", NULL, "{}" },
			{ "Password.Change", NULL, every_answer[i].reply, every_answer[i].fault },
			{ 0 },
		};

		fixture_peer(f, rules, 0);
		/* user_unknown goes on to pam_deny in this stack. */
		assert_int_equal(as_person(f, "alice", &verify, 0),
				 every_answer[i].prelim == PAM_USER_UNKNOWN
					 ? PAM_AUTHTOK_ERR
					 : every_answer[i].prelim);
		assert_int_equal(as_person(f, "alice", &change, 0),
				 every_answer[i].update == PAM_USER_UNKNOWN
					 ? PAM_AUTHTOK_ERR
					 : every_answer[i].update);
		assert_non_null(strstr(change.transcript, every_answer[i].says));
		assert_false(verify.probed || change.probed);
	}
}

static void test_bad_arguments(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS(OLD, GOOD_PASSWORD, GOOD_PASSWORD) };

	stage_service(&f->stage, "passwd",
		      "password requisite %M socket=%S policyonly\n"
		      "password required %P prelim=success");
	assert_int_equal(as_person(f, "alice", &talk, 0), PAM_SERVICE_ERR);
	said(&talk, "");
	assert_int_equal(peer_calls(f->peer), 0);
}

/* After a recovery in the same transaction nobody is sent round again; anybody else is. */
static void test_no_second_change(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD, OLD,
					 GOOD_PASSWORD, GOOD_PASSWORD, GOOD_PASSWORD, OLD,
					 GOOD_PASSWORD, GOOD_PASSWORD),
		      .password = GOOD_PASSWORD };
	pam_handle_t *pamh;

	stage_service(&f->stage, "login", STACK "\n" DIRECTORY);
	pamh = talk_start(&f->stage, "login", "alice", &talk);
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_chauthtok(pamh, PAM_CHANGE_EXPIRED_AUTHTOK), PAM_SUCCESS);
	assert_int_equal(talk.prompts, 6);
	/* Wanted rather than forced: asked as usual. */
	if (setresuid(NOBODY, 0, 0) < 0)
		fail();
	assert_int_equal(pam_chauthtok(pamh, 0), PAM_SUCCESS);
	if (setresuid(0, 0, 0) < 0)
		fail();
	assert_int_equal(talk.prompts, 9);
	/* Somebody else in the same transaction. */
	pam_set_item(pamh, PAM_USER, "bob");
	assert_int_not_equal(pam_chauthtok(pamh, PAM_CHANGE_EXPIRED_AUTHTOK), PAM_SUCCESS);
	/* The same person after an ordinary login. */
	pam_set_item(pamh, PAM_USER, "alice");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_chauthtok(pamh, PAM_CHANGE_EXPIRED_AUTHTOK), PAM_SUCCESS);
	assert_int_equal(talk.prompts, 13);
	pam_end(pamh, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_change),
		FIXTURE_TEST(test_wrong_current),
		FIXTURE_TEST(test_mismatch_and_refused),
		FIXTURE_TEST(test_other_people),
		FIXTURE_TEST(test_root),
		FIXTURE_TEST(test_expired_as_root),
		FIXTURE_TEST(test_update_without_prelim),
		FIXTURE_TEST(test_policy_only),
		FIXTURE_TEST(test_policy_root),
		FIXTURE_TEST(test_use_authtok),
		FIXTURE_TEST(test_every_answer),
		FIXTURE_TEST(test_bad_arguments),
		FIXTURE_TEST(test_no_second_change),
	};

	return FIXTURE_MAIN("pam-password", tests);
}
