/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of verbs and the command line; and that what the interfaces can ask or answer,
 * pwresetctl can ask and put into words. INTERFACES, POLICY_TEXT and POLICY_MANUAL name what is
 * read for it.
 */

#include <string.h>

#include "unit.h"
#include "verbs.h"

static char text[256 * 1024];

static void load(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		fail_msg("%s cannot be read", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_true(n > 0 && n < sizeof(text) - 1);
	text[n] = '\0';
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list ? list : ""; *p;) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, word, len) == 0)
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

/* Calls for each NAME of "KEYWORD NAME" at the beginning of a line. */
static unsigned each_declared(const char *interface, const char *keyword,
			      void (*each)(const char *name))
{
	char path[512], name[256], line_start[32];
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/%s.varlink", INTERFACES, interface);
	load(path);
	snprintf(line_start, sizeof(line_start), "\n%s ", keyword);
	for (const char *p = text; (p = strstr(p, line_start)); n++) {
		p += strlen(line_start);
		snprintf(name, sizeof(name), "%s.%.*s", interface, (int)strcspn(p, " ("), p);
		each(name);
	}
	return n;
}

static void expect_verb(const char *method)
{
	for (const Verb *v = verbs; v->name; v++)
		if (has_word(v->methods, method))
			return;
	fail_msg("no verb calls %s", method);
}

static void test_every_method_has_its_verb(void **state UNUSED)
{
	assert_int_equal(each_declared("org.pwreset.Account", "method", expect_verb), 6);
	assert_int_equal(each_declared("org.pwreset.Service", "method", expect_verb), 6);
	assert_true(each_declared("org.pwreset.Admin", "method", expect_verb) >= 10);
	expect_verb("org.pwreset.Password.Check");
	expect_verb("org.pwreset.Password.GetPolicy");
	expect_verb("org.pwreset.Relay.Hello");
}

static void expect_declared(const char *method)
{
	char interface[256], path[512], wanted[256];
	const char *dot = strrchr(method, '.');

	snprintf(interface, sizeof(interface), "%.*s", (int)(dot - method), method);
	snprintf(path, sizeof(path), "%s/%s.varlink", INTERFACES, interface);
	load(path);
	snprintf(wanted, sizeof(wanted), "\nmethod %s(", dot + 1);
	if (!strstr(text, wanted))
		fail_msg("%s is in no interface", method);
}

static void test_every_verb_calls_what_there_is(void **state UNUSED)
{
	for (const Verb *v = verbs; v->name; v++) {
		char methods[512];

		assert_non_null(v->run);
		assert_non_null(v->help);
		assert_true(v->min_args <= v->max_args);
		assert_ptr_equal(verb_find(v->name), v);
		snprintf(methods, sizeof(methods), "%s", v->methods ? v->methods : "");
		for (char *save, *m = strtok_r(methods, " ", &save); m;
		     m = strtok_r(NULL, " ", &save))
			expect_declared(m);
	}
	assert_null(verb_find(""));
	assert_null(verb_find("Show"));
}

/* An error without words of its own is reported by its name. */
static void expect_words(const char *error)
{
	VarlinkReply reply = { .error = error };
	char got[1024];
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	fflush(stderr);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	assert_int_equal(failure_report(&reply), failure_exit(error));
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	fclose(f);
	got[n] = '\0';
	assert_true(n > 20);
	if (strstr(got, error))
		fail_msg("no words for %s: %s", error, got);
}

static void test_every_error_has_words(void **state UNUSED)
{
	assert_int_equal(each_declared("org.pwreset.Failure", "error", expect_words), 8);
	assert_int_equal(each_declared("org.pwreset.Account", "error", expect_words), 1);
	assert_true(each_declared("org.varlink.service", "error", expect_words) >= 5);
	assert_int_equal(failure_exit("org.example.New"), EXIT_FAILED);
	assert_int_equal(failure_exit("org.pwreset.Failure.NotAllowed"), EXIT_REFUSED);
	assert_int_equal(failure_exit("org.pwreset.Failure.Unavailable"), EXIT_LATER);
}

/*
 * POLICY_SOMETHING, "code", … of the engine's own table: each has words here and a paragraph in
 * pwreset-policy(7).
 */
static void test_every_policy_code_has_words(void **state UNUSED)
{
	static const char *const added[] = { "history", "too-young", "directory-policy" };
	static char manual[sizeof(text)];
	unsigned reasons = 0, hints = 0;

	load(POLICY_MANUAL);
	memcpy(manual, text, sizeof(manual));
	load(POLICY_TEXT);
	for (const char *p = text; (p = strstr(p, "POLICY_")); p++) {
		bool hint = strncmp(p, "POLICY_HINT_", 12) == 0;
		const char *quote = p + strcspn(p, ",\n\"");
		char code[64], paragraph[80];

		quote += strspn(quote, ", ");
		if (*quote != '"')
			continue;
		snprintf(code, sizeof(code), "%.*s", (int)strcspn(quote + 1, "\""), quote + 1);
		if (strcmp(hint ? policy_hint_text(code) : policy_reason_text(code), code) == 0)
			fail_msg("no words for %s", code);
		snprintf(paragraph, sizeof(paragraph), "\n.B %s\n", code);
		if (!strstr(manual, paragraph))
			fail_msg("%s is not in the manual", code);
		hints += hint;
		reasons += !hint;
	}
	assert_true(reasons >= 15 && hints >= 5);
	/* What the directory worker adds to the engine's. */
	for (size_t i = 0; i < ARRAY_SIZE(added); i++) {
		char paragraph[80];

		snprintf(paragraph, sizeof(paragraph), "\n.B %s\n", added[i]);
		assert_non_null(strstr(manual, paragraph));
		assert_string_not_equal(policy_reason_text(added[i]), added[i]);
	}
	assert_string_equal(reason_text("some-new-code"), "some-new-code");
}

static int parse(Ctl *ctl, const char *line)
{
	static char copy[256];
	static char *argv[16];
	int argc = 0;

	snprintf(copy, sizeof(copy), "pwresetctl %s", line);
	for (char *save, *word = strtok_r(copy, " ", &save); word && argc < 15;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	*ctl = (Ctl){ 0 };
	/* getopt keeps its place between calls. */
	optind = 0;
	return options_parse(ctl, argc, argv);
}

static void test_command_lines(void **state UNUSED)
{
	/* clang-format off */
	static const char *const bad[] = {
		"", "nothing", "show", "show a b", "revoke --once a", "status x",
			"--json=xml status", "--json status", "-n 0 audit", "-n x audit",
		"--lines=99999999 audit", "--unknown status", "-z status", "set-mail a",
			"show --batch a", "doctor --stdin", "relay",
	};
	/* clang-format on */
	Ctl ctl;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse(&ctl, bad[i]) != EXIT_USAGE)
			fail_msg("accepted: %s", bad[i]);

	assert_int_equal(parse(&ctl, "--json=short show carol"), 0);
	assert_string_equal(ctl.verb->name, "show");
	assert_int_equal(ctl.n_args, 1);
	assert_string_equal(ctl.args[0], "carol");
	assert_int_equal(ctl.options.output, OUTPUT_SHORT);
	assert_int_equal(parse(&ctl, "show carol --json=pretty --json=off"), 0);
	assert_int_equal(ctl.options.output, OUTPUT_TABLE);
	assert_int_equal(parse(&ctl, "send-link --file=x --batch=abc -q"), 0);
	assert_string_equal(ctl.options.batch_id, "abc");
	assert_true(ctl.options.quiet && ctl.options.batch);
	assert_int_equal(parse(&ctl, "check-password --batch"), 0);
	assert_null(ctl.options.batch_id);
	assert_int_equal(parse(&ctl, "audit -n 5 -f --since=today"), 0);
	assert_int_equal(ctl.options.lines, 5);
	/* Behind "--" a name may begin with a hyphen. */
	assert_int_equal(parse(&ctl, "show -- -rf"), 0);
	assert_string_equal(ctl.args[0], "-rf");
	assert_int_equal(parse(&ctl, "--version nothing"), 0);
	assert_int_equal(parse(&ctl, "revoke --help"), 0);
	assert_true(ctl.options.help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_method_has_its_verb),
		cmocka_unit_test(test_every_verb_calls_what_there_is),
		cmocka_unit_test(test_every_error_has_words),
		cmocka_unit_test(test_every_policy_code_has_words),
		cmocka_unit_test(test_command_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
