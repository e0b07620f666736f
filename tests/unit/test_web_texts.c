/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts: complete in every shipped language, and a hole or a slip refuses to start with file
 * and line. */
#include <string.h>
#include <sys/stat.h>

#include "texts.h"
#include "unit.h"

typedef struct Said {
	unsigned n;
	unsigned line;
	char file[256];
	char message[256];
} Said;

static char folder[] = "/tmp/pwreset-texts-XXXXXX";

static void listen_to(const IniPlace *place, const char *message, void *userdata)
{
	Said *said = userdata;

	if (said->n++ > 0)
		return;
	said->line = place->line;
	snprintf(said->file, sizeof(said->file), "%s", place->file);
	snprintf(said->message, sizeof(said->message), "%s", message);
}

static int load(Texts **texts, Said *said)
{
	*said = (Said){};
	return texts_load(texts, SHIPPED, folder, listen_to, said);
}

static void write_site(const char *language, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, language);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", folder, language, TEXTS_FILE);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static void remove_site(const char *language)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", folder, language, TEXTS_FILE);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/%s", folder, language);
	(void)rmdir(path);
}

static void test_shipped(void **state UNUSED)
{
	static const char *const tags[] = { "de", "en", "es", "fr" };
	Texts *texts;
	Said said;

	assert_int_equal(load(&texts, &said), 0);
	assert_int_equal(texts->n, ARRAY_SIZE(tags));
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		assert_string_equal(texts->tags[i], tags[i]);
	assert_string_equal(texts->tags[texts->fallback], "en");
	assert_string_equal(texts_negotiate(texts, "fr-CA, en;q=0.2")->tag, "fr");
	assert_null(texts_negotiate(texts, "ja"));
	assert_string_equal(texts_find(texts, "de-AT")->tag, "de");
	assert_null(texts_find(texts, "../etc"));
	texts_free(texts);
}

/* Two languages with the same long text: one of them was not translated. */
static void test_nothing_was_forgotten_in_translation(void **state UNUSED)
{
	Texts *texts;
	Said said;

	assert_int_equal(load(&texts, &said), 0);
	for (int id = 0; id < _TEXT_MAX; id++)
		for (size_t i = 0; i < texts->n; i++)
			for (size_t j = 0; j < i; j++) {
				const char *text = texts->languages[i].texts[id];

				if (strlen(text) > 20)
					assert_string_not_equal(text,
								texts->languages[j].texts[id]);
			}
	texts_free(texts);
}

static void test_site_replaces_one_text(void **state UNUSED)
{
	Texts *texts;
	Said said;

	write_site("en", "# ours\n[ask]\ntitle = Lost your key?\n");
	assert_int_equal(load(&texts, &said), 0);
	assert_string_equal(text_of(texts_find(texts, "en"), TEXT_ASK_TITLE), "Lost your key?");
	assert_string_equal(text_of(texts_find(texts, "en"), TEXT_ASK_BUTTON), "E-mail me a link");
	texts_free(texts);
	remove_site("en");
}

static void test_refused_with_file_and_line(void **state UNUSED)
{
	static const struct {
		const char *text, *words;
		unsigned line;
	} cases[] = {
		{ "[ask]\nno-such-text = x\n", "no-such-text", 2 },
		{ "[ask]\n\ntitle = a\ntitle = b\n", "twice", 4 },
		{ "[ask]\ntitle =\n", "empty", 2 },
		{ "[ask]\ntitle = Hello {user}\n", "braces", 2 },
		{ "[reset]\nleft = soon over\n", "minutes", 2 },
		{ "[reset]\nleft = {minutes} of {minutes}\n", "minutes", 2 },
		{ "[reset]\nleft = {minutes\n", "minutes", 2 },
		{ "[reset]\nleft = }{minutes}\n", "minutes", 2 },
		{ "[ask]\ntitle = \xff\n", "UTF-8", 2 },
	};
	Texts *texts = NULL;
	Said said;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_site("en", cases[i].text);
		assert_true(load(&texts, &said) < 0);
		assert_null(texts);
		assert_int_equal(said.line, cases[i].line);
		assert_non_null(strstr(said.message, cases[i].words));
		assert_non_null(strstr(said.file, "en/" TEXTS_FILE));
	}
	remove_site("en");
}

static void test_new_language_has_to_be_complete(void **state UNUSED)
{
	Texts *texts = NULL;
	Said said;

	write_site("it", "[ask]\ntitle = Password dimenticata?\n");
	assert_int_equal(load(&texts, &said), -EBADMSG);
	assert_int_equal(said.n, _TEXT_MAX - 1);
	assert_non_null(strstr(said.message, "missing"));
	remove_site("it");
}

static void test_writable_by_others(void **state UNUSED)
{
	char path[256];
	Texts *texts = NULL;
	Said said;

	write_site("en", "[ask]\ntitle = x\n");
	snprintf(path, sizeof(path), "%s/en/%s", folder, TEXTS_FILE);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(load(&texts, &said), -EPERM);
	remove_site("en");
}

static void test_no_folder(void **state UNUSED)
{
	Texts *texts = NULL;
	Said said = {};

	assert_true(texts_load(&texts, "/nonexistent/web", folder, listen_to, &said) < 0);
	assert_int_equal(said.n, 1);
	said = (Said){};
	/* Without English there is nothing to fall back to. */
	assert_true(texts_load(&texts, folder, "/nonexistent/web", listen_to, &said) < 0);
	assert_non_null(strstr(said.message, "en"));
}

static int make_folder(void **state UNUSED)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state UNUSED)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_nothing_was_forgotten_in_translation),
		cmocka_unit_test(test_site_replaces_one_text),
		cmocka_unit_test(test_refused_with_file_and_line),
		cmocka_unit_test(test_new_language_has_to_be_complete),
		cmocka_unit_test(test_writable_by_others),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
