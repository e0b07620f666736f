/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remaining entry points, the texts, and the languages. */

#include <dlfcn.h>
#include <locale.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "fixture.h"
#include "text.h"
#include "validate.h"

static size_t characters(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

/* Every text is there in every language, is UTF-8, and no line is longer than greeters show. */
static void test_texts(void **state)
{
	(void)state;
	for (TextId id = 0; id < TEXT_N; id++)
		for (Language language = 0; language < LANGUAGE_N; language++) {
			const char *text = text_get(id, language);

			assert_non_null(text);
			assert_true(utf8_valid(text, strlen(text)));
			/* A prompt is one line and ends ready for the reply. */
			if (id < TEXT_MAILED) {
				assert_null(strchr(text, '\n'));
				assert_string_equal(text + strlen(text) - 2, ": ");
			}
			for (const char *p = text; *p; p += *p == '\n') {
				size_t len = strcspn(p, "\n");

				if (characters(p, len) > TEXT_LINE_MAX)
					print_error("too long: %.*s\n", (int)len, p);
				assert_in_range(characters(p, len), 1, TEXT_LINE_MAX);
				p += len;
			}
			/* Nothing was left in English by mistake. */
			if (language != LANGUAGE_EN && id != TEXT_CODE)
				assert_string_not_equal(text, text_get(id, LANGUAGE_EN));
		}
}

static void test_codes(void **state)
{
	(void)state;
	assert_int_equal(text_of_reason("too-short"), TEXT_TOO_SHORT);
	assert_int_equal(text_of_reason("too-guessable"), TEXT_TOO_GUESSABLE);
	assert_int_equal(text_of_reason("invented-later"), TEXT_TOO_GUESSABLE);
	assert_int_equal(text_of_reason(""), TEXT_TOO_GUESSABLE);
	assert_int_equal(text_of_reason("history"), TEXT_HISTORY);
	assert_int_equal(text_of_hint("longer"), TEXT_HINT_LONGER);
	assert_int_equal(text_of_hint("invented-later"), TEXT_N);
}

/* Questions come from a file of the site's: long ones are broken, since greeters cut. */
static void test_wrap(void **state)
{
#define TEN_UMLAUTS "ääääääääää"
	static const struct {
		const char *text, *wrapped;
	} cases[] = {
		{ "", "" },
		{ "Short?", "Short?" },
		{ "What was the surname of the teacher you liked least at primary school?",
		  "What was the surname of the teacher you liked\nleast at primary school?" },
		/* Characters, not bytes. */
		{ TEN_UMLAUTS " " TEN_UMLAUTS TEN_UMLAUTS "?",
		  TEN_UMLAUTS " " TEN_UMLAUTS TEN_UMLAUTS "?" },
		{ TEN_UMLAUTS TEN_UMLAUTS " " TEN_UMLAUTS TEN_UMLAUTS TEN_UMLAUTS "?",
		  TEN_UMLAUTS TEN_UMLAUTS "\n" TEN_UMLAUTS TEN_UMLAUTS TEN_UMLAUTS "?" },
		{ "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrente heute?",
		  "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrente\nheute?" },
		/* 49, and 50 with the space behind it; then one more. */
		{ "1234567890123456789012345678901234567890123456 89",
		  "1234567890123456789012345678901234567890123456 89" },
		{ "1234567890123456789012345678901234567890123456 890",
		  "1234567890123456789012345678901234567890123456\n890" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		text_wrap(text);
		assert_string_equal(text, cases[i].wrapped);
	}
}

/*
 * The program's own locale decides, made for the test by localedef; the environment alone does not.
 */
static void test_languages(void **state)
{
	static const struct {
		const char *locale, *first;
	} cases[] = {
		{ "es_ES.UTF-8", "¿Olvidada? " }, { "de_DE.UTF-8", "Vergessen? " },
		{ "fr_FR.UTF-8", "Oublié ? " },   { "en_GB.UTF-8", "Forgot it? " },
		{ "pt_PT.UTF-8", "Forgot it? " }, { "de_DE.ISO-8859-1", "Forgot it? " },
		{ "C.UTF-8", "Forgot it? " },     { "C", "Forgot it? " },
	};
	Fixture *f = *state;
	char path[] = "/tmp/pwreset-locale-XXXXXX", command[512];

	assert_non_null(mkdtemp(path));
	setenv("LOCPATH", path, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Talk talk = { .answers = ANSWERS("", "", "pw"), .password = "pw" };
		const char *p;

		if (cases[i].locale[0] != 'C') {
			snprintf(command, sizeof(command),
				 "localedef --no-archive -i %.5s -f %s %s/%s 2>&1", cases[i].locale,
				 cases[i].locale + 6, path, cases[i].locale);
			if (system(command) != 0)
				fail_msg("localedef: install the package locales");
		}
		setenv("LC_ALL", cases[i].locale, 1);
		setenv("LANGUAGE", "fr:de", 1);
		assert_non_null(setlocale(LC_ALL, cases[i].locale));
		assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &talk),
				 PAM_SUCCESS);
		p = strstr(talk.transcript, "shown: ");
		assert_non_null(p);
		p += strlen("shown: ");
		assert_memory_equal(p, cases[i].first, strlen(cases[i].first));
	}
	setlocale(LC_ALL, "C");
	unsetenv("LC_ALL");
	unsetenv("LANGUAGE");
	unsetenv("LOCPATH");
	snprintf(command, sizeof(command), "rm -r %s", path);
	assert_int_equal(system(command), 0);
}

static void test_setcred_account(void **state)
{
	Fixture *f = *state;
	Talk talk = { .answers = ANSWERS("pw"), .password = "pw" };
	pam_handle_t *pamh;

	stage_service(&f->stage, "login",
		      STACK "\naccount required %M socket=%S\naccount required pam_permit.so\n"
			    "session required %M socket=%S\nsession required pam_permit.so");
	pamh = talk_start(&f->stage, "login", "alice", &talk);
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_setcred(pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_setcred(pamh, PAM_DELETE_CRED), PAM_SUCCESS);
	pam_end(pamh, 0);
	assert_int_equal(peer_calls(f->peer), 0);
}

/* Alone in a stack none of them is a success. */
static void test_alone(void **state)
{
	Fixture *f = *state;
	Talk talk = { 0 };
	pam_handle_t *pamh;

	stage_service(&f->stage, "login",
		      "auth sufficient %M socket=%S\naccount sufficient %M socket=%S\n"
		      "session sufficient %M socket=%S\npassword sufficient %M socket=%S");
	pamh = talk_start(&f->stage, "login", "alice", &talk);
	assert_int_not_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_not_equal(pam_setcred(pamh, 0), PAM_SUCCESS);
	assert_int_not_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	assert_int_not_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	assert_int_not_equal(pam_chauthtok(pamh, 0), PAM_SUCCESS);
	pam_end(pamh, 0);
}

/* What the module itself answers, without libpam's arithmetic between. */
static void test_raw(void **state)
{
	static const char *const names[] = { "pam_sm_authenticate",  "pam_sm_setcred",
					     "pam_sm_acct_mgmt",     "pam_sm_open_session",
					     "pam_sm_close_session", "pam_sm_chauthtok" };
	static const int unknown_argument[] = { PAM_IGNORE, PAM_IGNORE, PAM_IGNORE,
						PAM_IGNORE, PAM_IGNORE, PAM_SERVICE_ERR };
	typedef int (*Entry)(pam_handle_t * pamh, int flags, int argc, const char **argv);
	const char *argv[] = { "bogus" };
	Fixture *f = *state;
	Talk talk = { 0 };
	pam_handle_t *pamh = talk_start(&f->stage, "login", "alice", &talk);
	void *module = dlopen(PAM_MODULE, RTLD_NOW);

	assert_non_null(module);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		Entry entry = (Entry)dlsym(module, names[i]);

		assert_non_null(entry);
		assert_int_equal(entry(pamh, 0, 1, argv), unknown_argument[i]);
	}
	/* Neither pass of chauthtok: refused. */
	assert_int_equal(((Entry)dlsym(module, "pam_sm_chauthtok"))(pamh, 0, 0, NULL),
			 PAM_AUTHTOK_ERR);
	dlclose(module);
	pam_end(pamh, 0);
}

static const char *session(Fixture *f, Talk *talk, const char *tty, const char *display, int flags)
{
	pam_handle_t *pamh = talk_start(&f->stage, "login", "alice", talk);

	talk->transcript[0] = '\0';
	pam_set_item(pamh, PAM_TTY, tty);
	pam_set_item(pamh, PAM_XDISPLAY, display);
	assert_int_equal(pam_open_session(pamh, flags), PAM_SUCCESS);
	pam_end(pamh, 0);
	return talk->transcript;
}

static void test_nudge(void **state)
{
	static const char nudge[] = "info: Recovery is not set up: pwresetctl enroll\n";
	static const PeerRule enrolled[] = {
		{ "Account.Status", NULL,
		  "{\"user\":\"alice\",\"addresses\":[{\"address\":\"a***@e***\",\"state\":"
		  "\"valid\","
		  "\"own\":false}],\"questions\":0,\"savedCodes\":0,\"missing\":[]}" },
		{ 0 },
	};
	static const PeerRule hangs[] = { { "Account.Status", NULL, NULL, PEER_HANGS }, { 0 } };
	Fixture *f = *state;
	Talk talk = { 0 };

	stage_service(&f->stage, "login",
		      "session optional %M socket=%S nudge=1\n"
		      "session required pam_permit.so");
	assert_string_equal(session(f, &talk, "/dev/tty1", NULL, 0), nudge);
	assert_string_equal(session(f, &talk, "pts/3", NULL, 0), nudge);
	assert_string_equal(session(f, &talk, "ssh", NULL, 0), nudge);
	peer_reset(f->peer);
	assert_string_equal(session(f, &talk, "cron", NULL, 0), "");
	assert_string_equal(session(f, &talk, ":0", NULL, 0), "");
	assert_string_equal(session(f, &talk, NULL, NULL, 0), "");
	assert_string_equal(session(f, &talk, "/dev/tty2", ":0", 0), "");
	assert_string_equal(session(f, &talk, "/dev/tty2", NULL, PAM_SILENT), "");
	assert_int_equal(peer_calls(f->peer), 0);

	fixture_peer(f, enrolled, 0);
	assert_string_equal(session(f, &talk, "ssh", NULL, 0), "");
	fixture_peer(f, hangs, 0);
	assert_string_equal(session(f, &talk, "ssh", NULL, 0), "");
	fixture_peer(f, NULL, 0);
	assert_string_equal(session(f, &talk, "ssh", NULL, 0), "");
}

/* Throttled: on one day in so many; off unless asked for; and only where recovery is offered. */
static void test_nudge_days(void **state)
{
	static const char *const stacks[] = { "", "nudge=365", "nudge=1 services=sshd" };
	Fixture *f = *state;
	unsigned n = (unsigned)(time(NULL) / 86400);

	for (const char *p = "alice"; *p; p++)
		n += (unsigned char)*p;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		char stack[256];
		Talk talk = { 0 };
		bool today = i == 1 && n % 365 == 0;

		snprintf(stack, sizeof(stack),
			 "session optional %%M socket=%%S %s\nsession required pam_permit.so",
			 stacks[i]);
		stage_service(&f->stage, "login", stack);
		peer_reset(f->peer);
		session(f, &talk, "ssh", NULL, 0);
		assert_int_equal(peer_calls(f->peer), today);
	}
}

/* Where the person is: what is unclear never looks like the console. */
static void test_origin(void **state)
{
	static const struct {
		const char *rhost, *tty, *has, *lacks;
	} cases[] = {
		{ "192.0.2.7", "ssh", "\"address\":\"192.0.2.7\"", "unknown" },
		{ "2001:db8::1%eth0", "ssh", "\"address\":\"2001:db8::1%eth0\"", "unknown" },
		{ "evil\nhost", "/dev/tty1", "\"address\":\"unknown\"", "evil" },
		{ "a b", "/dev/tty1", "\"address\":\"unknown\"", "a b" },
		{ NULL, "ssh", "\"address\":\"unknown\"", "x" },
		{ NULL, NULL, "\"address\":\"unknown\"", "terminal" },
		{ "", "", "\"address\":\"unknown\"", "terminal" },
		{ NULL, "/dev/tty1", "\"terminal\":\"/dev/tty1\"", "address" },
		{ "", ":0", "\"terminal\":\":0\"", "address" },
	};
	Fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Talk talk = { .answers = ANSWERS("", "y", "y", answer_abort) };
		pam_handle_t *pamh = talk_start(&f->stage, "login", "alice", &talk);

		pam_set_item(pamh, PAM_RHOST, cases[i].rhost);
		pam_set_item(pamh, PAM_TTY, cases[i].tty);
		peer_reset(f->peer);
		pam_authenticate(pamh, 0);
		pam_end(pamh, 0);
		assert_int_equal(peer_calls(f->peer), 1);
		assert_non_null(strstr(peer_log(f->peer), cases[i].has));
		assert_null(strstr(strstr(peer_log(f->peer), "origin"), cases[i].lacks));
		assert_non_null(strstr(peer_log(f->peer), "\"service\":\"login\""));
	}
}

/* SSSD's mark, in a mount namespace of the test's own. */
static int sssd_stage(void)
{
	static const char *const folders[] = { "/var/lib/sss", "/var/lib/sss/pubconf" };
	FILE *mark;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/var/lib", "tmpfs", 0, NULL) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdir(folders[i], 0755) < 0)
			return -1;
	mark = fopen("/var/lib/sss/pubconf/pam_preauth_available", "we");
	return mark ? fclose(mark) : -1;
}

/* Where SSSD may ask for second factors first, the module steps aside unless told otherwise. */
static void test_sssd_aside(void **state)
{
	Fixture *f = *state;
	Talk aside = { .answers = ANSWERS(""), .password = "" };
	Talk asks = { .answers = ANSWERS("", "", "pw"), .password = "pw" };

	if (sssd_stage() < 0) {
		print_message("skipped: no mount namespace of one's own here\n");
		skip();
	}
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &aside), PAM_SUCCESS);
	assert_false(aside.authtok_set);
	stage_service(&f->stage, "login", STACK_WITH("sssd=ask"));
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &asks), PAM_SUCCESS);
	assert_int_equal(asks.prompts, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_wrap),
		FIXTURE_TEST(test_languages),
		FIXTURE_TEST(test_setcred_account),
		FIXTURE_TEST(test_alone),
		FIXTURE_TEST(test_raw),
		FIXTURE_TEST(test_nudge),
		FIXTURE_TEST(test_nudge_days),
		FIXTURE_TEST(test_origin),
		FIXTURE_TEST(test_sssd_aside),
	};

	return FIXTURE_MAIN("pam-module", tests);
}
