/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The strict ini reader: what it hands on, what it complains of and where, and whose files it
 * trusts (case 42).
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "ini.h"
#include "unit.h"

typedef struct Seen {
	char text[4096];       /* "line:section.key=value|" for each assignment */
	char complaints[4096]; /* "line:message|" */
	unsigned n_complaints;
	int end_at; /* the handler ends the parse at this line */
} Seen;

static int on_assignment(const IniPlace *place, const char *section, const char *key,
			 const char *value, void *userdata)
{
	Seen *seen = userdata;
	size_t len = strlen(seen->text);

	assert_string_equal(place->file, "f");
	snprintf(seen->text + len, sizeof(seen->text) - len, "%u:%s.%s=%s|", place->line, section,
		 key, value);
	return seen->end_at == (int)place->line ? 42 : 0;
}

static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	Seen *seen = userdata;
	size_t len = strlen(seen->complaints);

	seen->n_complaints++;
	snprintf(seen->complaints + len, sizeof(seen->complaints) - len, "%u:%s|", place->line,
		 message);
}

static int parse_n(const char *text, size_t len, Seen *seen)
{
	/* Exactly as long as it is, so that a sanitizer sees each byte beyond. */
	AUTO_FREE char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return ini_parse("f", copy, len, on_assignment, on_complaint, seen);
}

static void test_accepted(void **state UNUSED)
{
	static const char text[] = "# comment\n"
				   "\n"
				   "  ; another\n"
				   "[one]\n"
				   "a=1\n"
				   " b = two words \n"
				   "\tc\t=\tv # not a comment; = [x] \\\n"
				   "  [ two ]  \n"
				   "a =\n"
				   "key-9==\"x\"\n"
				   "u = gr\xc3\xbc\xc3\x9f";
	Seen seen = { 0 };

	assert_int_equal(parse_n(text, sizeof(text) - 1, &seen), 0);
	assert_string_equal(
		seen.text,
		"5:one.a=1|6:one.b=two words|7:one.c=v # not a comment; = [x] \\|9:two.a=|"
		"10:two.key-9==\"x\"|11:two.u=gr\xc3\xbc\xc3\x9f|");
	assert_string_equal(seen.complaints, "");
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(parse_n("", 0, &seen), 0);
	assert_string_equal(seen.text, "");
}

static void test_refused(void **state UNUSED)
{
	static const struct {
		const char *text, *words;
		unsigned line;
	} cases[] = {
		{ "a = 1\n", "before any valid [section]", 1 },
		{ "[s]\n\nno equals\n", "no '='", 3 },
		{ "[s]\n= 1\n", "lower-case letters", 2 },
		{ "[s]\nA = 1\n", "lower-case letters", 2 },
		{ "[s]\nmin_length = 1\n", "lower-case letters", 2 },
		{ "[s]\na b = 1\n", "lower-case letters", 2 },
		{ "[s\na = 1\n", "']'", 1 },
		{ "[s] # x\n", "']'", 1 },
		{ "[]\n", "section's name", 1 },
		{ "[S]\n", "section's name", 1 },
		{ "[s]\r\n", "carriage return", 1 },
		{ "[s]\na = 1\r\n", "carriage return", 2 },
		{ "[s]\na = \x01\n", "control characters", 2 },
		{ "[s]\na = \xff\n", "control characters", 2 },
		{ "[s]\na = x\xe2\x80\xae\n", "control characters", 2 },
		{ "\xef\xbb\xbf[s]\n", "no '='", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Seen seen = { 0 };
		char place[16];

		assert_int_equal(parse_n(cases[i].text, strlen(cases[i].text), &seen), -EBADMSG);
		snprintf(place, sizeof(place), "%u:", cases[i].line);
		if (strncmp(seen.complaints, place, strlen(place)) != 0 ||
		    !strstr(seen.complaints, cases[i].words))
			fail_msg("%s: complaint was %s", cases[i].text, seen.complaints);
	}
}

static void test_nul_and_long(void **state UNUSED)
{
	char line[INI_LINE_MAX + 16];
	Seen seen = { 0 };

	assert_int_equal(parse_n("[s]\na = b\0c\n", 12, &seen), -EBADMSG);
	assert_string_equal(seen.text, "");
	for (size_t len = INI_LINE_MAX; len <= INI_LINE_MAX + 1; len++) {
		memset(&seen, 0, sizeof(seen));
		memset(line, 'x', sizeof(line));
		memcpy(line, "[s]\nk=", 6);
		line[4 + len] = '\n';
		assert_int_equal(parse_n(line, 5 + len, &seen), len > INI_LINE_MAX ? -EBADMSG : 0);
	}
	assert_non_null(strstr(seen.complaints, "2:The line is longer"));
	assert_int_equal(ini_parse("f", NULL, INI_FILE_MAX + 1, on_assignment, on_complaint, &seen),
			 -EBADMSG);
}

/* All mistakes of a file are told, but a file of nothing else does not flood. */
static void test_complaints_are_collected(void **state UNUSED)
{
	static const char mixed[] = "x\n[s]\ny\na=1\n[t\nb=2\n[u]\nc=3\n";
	Seen seen = { 0 };
	char text[200];

	assert_int_equal(parse_n(mixed, sizeof(mixed) - 1, &seen), -EBADMSG);
	/* What stands under a broken header belongs nowhere. */
	assert_string_equal(seen.text, "4:s.a=1|8:u.c=3|");
	assert_int_equal(seen.n_complaints, 4);
	memset(&seen, 0, sizeof(seen));
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "x\n", 2);
	assert_int_equal(parse_n(text, sizeof(text), &seen), -EBADMSG);
	assert_int_equal(seen.n_complaints, 20);
	assert_int_equal(ini_parse("f", text, sizeof(text), on_assignment, NULL, &seen), -EBADMSG);
}

static void test_handler_ends(void **state UNUSED)
{
	Seen seen = { .end_at = 2 };

	assert_int_equal(parse_n("[s]\na=1\nb=2\n", 12, &seen), 42);
	assert_string_equal(seen.text, "2:s.a=1|");
}

static char folder[] = "/tmp/test_ini.XXXXXX";
static char path[64], link_path[64];

static void file_write(const char *text, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int file_read(const char *name, bool secret, Seen *seen)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int r;

	memset(seen, 0, sizeof(*seen));
	r = ini_read_file(name, secret, &text, &len, on_complaint, seen);
	if (r == 0) {
		assert_int_equal(strlen(text), len);
		memcpy(seen->text, text, len + 1);
	} else {
		assert_null(text);
	}
	return r;
}

static void test_modes(void **state UNUSED)
{
	static const struct {
		mode_t mode;
		bool plain, secret;
	} cases[] = {
		{ 0600, true, true },   { 0400, true, true },   { 0644, true, false },
		{ 0640, true, false },  { 0604, true, false },  { 0660, false, false },
		{ 0622, false, false }, { 0602, false, false }, { 0666, false, false },
	};
	Seen seen;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		file_write("[s]\n", cases[i].mode);
		assert_int_equal(file_read(path, false, &seen), cases[i].plain ? 0 : -EPERM);
		assert_int_equal(seen.n_complaints, cases[i].plain ? 0 : 1);
		assert_int_equal(file_read(path, true, &seen), cases[i].secret ? 0 : -EPERM);
		if (!cases[i].secret)
			assert_non_null(strstr(seen.complaints, "chmod 0600"));
	}
}

static void test_what_is_no_file(void **state UNUSED)
{
	Seen seen;

	unlink(path);
	assert_int_equal(file_read(path, false, &seen), -ENOENT);
	assert_int_equal(seen.n_complaints, 0);
	assert_int_equal(file_read(folder, false, &seen), -EPERM);
	assert_non_null(strstr(seen.complaints, "not a regular file"));
	file_write("[s]\n", 0644);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(file_read(link_path, false, &seen), -EPERM);
	assert_non_null(strstr(seen.complaints, "symbolic link"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_read(path, false, &seen), -EPERM);
}

static void test_owner(void **state UNUSED)
{
	Seen seen;

	if (geteuid() != 0) {
		print_message("not root, so no file can be given away: not tried\n");
		return;
	}
	file_write("[s]\n", 0600);
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_int_equal(file_read(path, false, &seen), -EPERM);
	assert_non_null(strstr(seen.complaints, "belongs to uid 12345"));
}

static void test_size(void **state UNUSED)
{
	Seen seen;

	file_write("", 0600);
	assert_int_equal(file_read(path, true, &seen), 0);
	assert_int_equal(truncate(path, INI_FILE_MAX + 1), 0);
	assert_int_equal(file_read(path, false, &seen), -EPERM);
	assert_non_null(strstr(seen.complaints, "too long"));
}

static int setup(void **state UNUSED)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	return 0;
}

static int teardown(void **state UNUSED)
{
	unlink(path);
	unlink(link_path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nul_and_long),
		cmocka_unit_test(test_complaints_are_collected),
		cmocka_unit_test(test_handler_ends),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
