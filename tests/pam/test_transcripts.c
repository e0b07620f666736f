/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every dialogue in every language that ships, once with a person's replies and once with the junk
 * that sshd puts in the place of an unknown name's: the same prompts and messages. The transcripts
 * are written to the test's output, side by side with the language's tag.
 */

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "text.h"
#include "validate.h"

#define DIALOGUE(title, ...)                                                                       \
	{                                                                                          \
		title, ANSWERS(__VA_ARGS__)                                                        \
	}

/*
 * After an empty first reply; each of them wrong in the end, as everything is for an unknown name.
 */
static const struct {
	const char *title;
	const char *answers[STEPS_MAX + 1];
} dialogues[] = {
	DIALOGUE("no recovery", "", "", "wrong"),
	DIALOGUE("mailed code: too many tries", "", "y", "y", "a", "b", "c"),
	DIALOGUE("mailed code: left, all cancelled", "", "y", "y", "", "", "", "wrong"),
	DIALOGUE("questions: too many tries", "", "y", "", "y", "a", "b", "c", "y", "a", "b", "c",
		 "y", "a", "b", "c"),
	DIALOGUE("questions: left at the second", "", "y", "", "y", "a", "", "", "wrong"),
	DIALOGUE("saved code: too many tries", "", "y", "", "", "a", "b", "c"),
	DIALOGUE("saved code: cancelled", "", "y", "", "", "", "wrong"),
	DIALOGUE("given up at the offer", "", answer_abort),
	DIALOGUE("given up at the code", "", "y", "y", answer_abort),
	DIALOGUE("given up at a question", "", "y", "", "y", "a", answer_abort),
	DIALOGUE("given up at the saved code", "", "y", "", "", answer_abort),
};

static const char *const locales[LANGUAGE_N] = {
	[LANGUAGE_EN] = "en_GB.UTF-8",
	[LANGUAGE_ES] = "es_ES.UTF-8",
	[LANGUAGE_DE] = "de_DE.UTF-8",
	[LANGUAGE_FR] = "fr_FR.UTF-8",
};

/* What each prompt and message says, with nothing of what was typed. */
static void say(Fixture *f, size_t i, bool junk, Talk *talk)
{
	*talk = (Talk){ .password = GOOD_PASSWORD, .junk = junk };
	memcpy(talk->answers, dialogues[i].answers, sizeof(talk->answers));
	assert_int_equal(talk_authenticate(&f->stage, "login", junk ? "nobodyhere" : "alice", talk),
			 PAM_AUTH_ERR);
	assert_false(talk->exhausted);
}

/* Each line as greeters show it: "kind: text", the text within the limit. */
static void lines_check(const char *transcript)
{
	for (const char *p = transcript; *p;) {
		size_t len = strcspn(p, "\n"), n = 0;
		const char *text = memchr(p, ':', len);
		size_t skip = text && (size_t)(text - p) <= 6 ? (size_t)(text - p) + 2 : 0;

		for (size_t i = skip; i < len; i++)
			n += ((unsigned char)p[i] & 0xc0) != 0x80;
		if (n > TEXT_LINE_MAX)
			fail_msg("%zu characters: %.*s", n, (int)len, p);
		p += len + (p[len] == '\n');
	}
}

static void locale_use(const char *folder, Language language)
{
	char command[256];

	snprintf(command, sizeof(command), "localedef --no-archive -i %.5s -f UTF-8 %s/%s 2>&1",
		 locales[language], folder, locales[language]);
	/* 1: written, with a warning. */
	if (system(command) > 1 << 8)
		fail_msg("localedef: install the package locales");
	assert_non_null(setlocale(LC_ALL, locales[language]));
}

static void test_every_dialogue(void **state)
{
	Fixture *f = *state;
	char folder[] = "/tmp/pwreset-locale-XXXXXX", command[64];
	static Talk known, unknown;
	unsigned n = 0;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(setenv("LOCPATH", folder, 1), 0);
	for (Language language = 0; language < LANGUAGE_N; language++) {
		locale_use(folder, language);
		for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++, n++) {
			say(f, i, false, &known);
			say(f, i, true, &unknown);
			print_message("== %s, %s\n%s\n", language_tag(language), dialogues[i].title,
				      known.transcript);
			assert_string_equal(known.transcript, unknown.transcript);
			lines_check(known.transcript);
			/* Of the language, but for what the module below and libpam say. */
			assert_non_null(strstr(known.transcript, text_get(TEXT_OFFER, language)));
		}
	}
	assert_int_equal(n, LANGUAGE_N * ARRAY_SIZE(dialogues));
	setlocale(LC_ALL, "C");
	unsetenv("LOCPATH");
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_every_dialogue),
	};

	return FIXTURE_MAIN("pam-transcripts", tests);
}
