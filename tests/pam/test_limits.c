/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cases 32 and 33: what a transaction leaves behind in the process, and what of the process it
 * heeds.
 */

#include <dirent.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"

#define TRANSACTIONS 10000
#define WARM_UP 200
#define THREADS 4
#define TRANSACTIONS_THREAD 100

extern char **environ;

static const char *const dialogues[][12] = {
	{ "secret" },
	{ "", "y", "y", GOOD_CODE, GOOD_PASSWORD, GOOD_PASSWORD },
	{ "", "y", "y", "AAAA-AAAA", "BBBB-BBBB", "CCCC-CCCC" },
	{ "", "y", "", "y", "Rex", "Elm Street", "Borscht", "weak", "weak", GOOD_PASSWORD,
	  GOOD_PASSWORD },
	{ "", "", "secret" },
	{ "", "y", "y", answer_abort },
	{ "", "y", "y", GOOD_CODE, answer_null },
};

static void transaction(Fixture *f, unsigned i)
{
	Talk talk = { .quiet = true, .password = "secret" };

	if (i % 8 == 7) {
		Talk change = { .answers = ANSWERS("old password", "a", "b", GOOD_PASSWORD,
						   GOOD_PASSWORD) };

		talk_chauthtok(&f->stage, "passwd", "alice", &change, PAM_CHANGE_EXPIRED_AUTHTOK);
		return;
	}
	for (size_t n = 0; n < ARRAY_SIZE(dialogues[0]); n++)
		talk.answers[n] = dialogues[i % 8][n];
	talk_authenticate(&f->stage, "login", "alice", &talk);
}

typedef struct Snapshot {
	unsigned fds;
	size_t heap;
	size_t resident;
	struct sigaction actions[_NSIG];
	sigset_t mask;
	mode_t umask;
	char locale[256];
	char folder[256];
	char environment[16384];
} Snapshot;

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

static size_t resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	size_t size, resident;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu %zu", &size, &resident), 2);
	fclose(f);
	return resident;
}

static void snapshot_take(Snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->fds = descriptors();
	s->heap = mallinfo2().uordblks;
	s->resident = resident_pages();
	for (int i = 1; i < _NSIG; i++)
		sigaction(i, NULL, &s->actions[i]);
	sigprocmask(SIG_BLOCK, NULL, &s->mask);
	s->umask = umask(0);
	umask(s->umask);
	snprintf(s->locale, sizeof(s->locale), "%s", setlocale(LC_ALL, NULL));
	assert_non_null(getcwd(s->folder, sizeof(s->folder)));
	for (char **e = environ; *e; e++)
		strncat(s->environment, *e, sizeof(s->environment) - strlen(s->environment) - 1);
}

static void test_many_transactions(void **state)
{
	static Snapshot before, after;
	Fixture *f = *state;

	stage_service(&f->stage, "passwd", "password sufficient %M socket=%S");
	umask(027);
	for (unsigned i = 0; i < WARM_UP; i++)
		transaction(f, i);
	snapshot_take(&before);
	for (unsigned i = 0; i < TRANSACTIONS; i++) {
		transaction(f, i);
		if (i % 100 == 0)
			peer_reset(f->peer);
	}
	snapshot_take(&after);
	assert_int_equal(after.fds, before.fds);
	/*
	 * Not a byte for each: libc's own caches may move by a page. A sanitizer finds leaks by
	 * itself.
	 */
	if (!SANITIZED) {
		assert_in_range(after.heap, 0, before.heap + 4096);
		assert_in_range(after.resident, 0, before.resident + 64);
	}
	for (int i = 1; i < _NSIG; i++)
		assert_ptr_equal(after.actions[i].sa_handler, before.actions[i].sa_handler);
	assert_memory_equal(&after.mask, &before.mask, sizeof(after.mask));
	assert_int_equal(after.umask, 027);
	assert_string_equal(after.locale, before.locale);
	assert_string_equal(after.folder, before.folder);
	assert_string_equal(after.environment, before.environment);
}

static void *thread_run(void *data)
{
	for (unsigned i = 0; i < TRANSACTIONS_THREAD; i++) {
		Talk talk = { .quiet = true,
			      .answers = ANSWERS("", "y", "y", GOOD_CODE, GOOD_PASSWORD,
						 GOOD_PASSWORD),
			      .password = GOOD_PASSWORD };

		if (talk_authenticate(data, "login", "alice", &talk) != PAM_SUCCESS)
			return data;
	}
	return NULL;
}

/* Greeters and polkit call PAM from several threads: there is nothing that they could share. */
static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	Fixture *f = *state;

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread_run, &f->stage), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = f;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

/* Case 32: what the caller of a setuid program controls changes neither a word nor a byte sent. */
static void test_hostile_environment(void **state)
{
	static const char *const hostile[][2] = {
		{ "LANG", "de_DE.UTF-8" },
		{ "LC_ALL", "fr_FR.UTF-8" },
		{ "LANGUAGE", "es" },
		{ "LC_MESSAGES", "../../../tmp/x" },
		{ "LOCPATH", "/tmp" },
		{ "NLSPATH", "/tmp/%N" },
		{ "HOME", "/tmp" },
		{ "LDAPCONF", "/tmp/ldap.conf" },
		{ "LDAPRC", "/tmp/ldaprc" },
		{ "LDAPTLS_REQCERT", "never" },
		{ "PWRESET_SOCKET", "/tmp/x" },
		{ "PWRESET_CONFIG", "/tmp/x" },
		{ "CREDENTIALS_DIRECTORY", "/tmp" },
		{ "LD_PRELOAD", "/tmp/x.so" },
		{ "LD_LIBRARY_PATH", "/tmp" },
		{ "TEXTDOMAINDIR", "/tmp" },
		{ "TMPDIR", "/nowhere" },
		{ "PATH", "/tmp" },
		{ "TZ", "/tmp/x" },
		{ "HOSTALIASES", "/tmp/x" },
		{ "POSIXLY_CORRECT", "1" },
		{ "USER", "root" },
	};
	Fixture *f = *state;
	Talk plain = { .answers = ANSWERS("", "y", "y", "AAAA-AAAA", GOOD_CODE, "weak", "weak",
					  GOOD_PASSWORD, GOOD_PASSWORD),
		       .password = GOOD_PASSWORD };
	Talk strange = plain;
	char *log;

	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &plain), PAM_SUCCESS);
	log = strdup(peer_log(f->peer));
	peer_reset(f->peer);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++)
		setenv(hostile[i][0], hostile[i][1], 1);
	assert_int_equal(talk_authenticate(&f->stage, "login", "alice", &strange), PAM_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++)
		unsetenv(hostile[i][0]);
	assert_string_equal(strange.transcript, plain.transcript);
	assert_string_equal(peer_log(f->peer), log);
	free(log);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_many_transactions),
		FIXTURE_TEST(test_threads),
		FIXTURE_TEST(test_hostile_environment),
	};

	return FIXTURE_MAIN("pam-limits", tests);
}
