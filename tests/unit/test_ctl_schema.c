/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shipped schema files with a directory's names in them; SHIPPED is the folder that they are
 * in.
 */

#include <string.h>

#include "schema.h"
#include "unit.h"

static char got[128 * 1024];

static const SchemaNames names = {
	.suffix = "dc=site,dc=test",
	.people = "ou=staff,dc=site,dc=test",
	.service = "cn=svc,dc=site,dc=test",
	.groups = "ou=g,dc=site,dc=test",
	.privileged = "wheel sudoers",
	.database = "olcDatabase={2}mdb,cn=config",
	.uid = "123",
	.gid = "456",
	.hash = CONFIG_HASH_ARGON2ID,
};

/* What is printed, in got. */
static int print(const SchemaNames *n, const char *format, const Options *options)
{
	FILE *f = tmpfile();
	int saved = dup(STDOUT_FILENO), r;
	size_t len;

	fflush(stdout);
	assert_true(dup2(fileno(f), STDOUT_FILENO) >= 0);
	r = schema_print(n, SHIPPED, format, options);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	rewind(f);
	len = fread(got, 1, sizeof(got) - 1, f);
	fclose(f);
	got[len] = '\0';
	return r;
}

/* Outside comments, which explain the placeholders. */
static void expect_no_placeholder(const char *format)
{
	for (char *save, *line = strtok_r(got, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (line[0] != '#' && (strchr(line, '@') || strstr(line, "cn=admins")))
			fail_msg("%s: %s", format, line);
}

static unsigned count(const char *needle)
{
	unsigned n = 0;

	for (const char *p = got; (p = strstr(p, needle)); p++)
		n++;
	return n;
}

static void test_all_formats(void **state UNUSED)
{
	static const char *const formats[] = { "conf", "ldif", "389ds" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const Options options = { .ppolicy = true };

		assert_int_equal(print(&names, formats[i], &options), 0);
		assert_true(count("pwresetToken") > 1);
		assert_true(count("ou=staff,dc=site,dc=test") > 0);
		assert_true(count("cn=svc,dc=site,dc=test") > 1);
		assert_true(count("cn=wheel,ou=g,dc=site,dc=test") ==
			    count("cn=sudoers,ou=g,dc=site,dc=test"));
		assert_true(count("cn=wheel,ou=g,dc=site,dc=test") > 0);
		expect_no_placeholder(formats[i]);
	}
	assert_int_equal(print(&names, "xml", &(Options){ 0 }), -ENOENT);
}

static void test_parts(void **state UNUSED)
{
	assert_int_equal(print(&names, "ldif", &(Options){ .schema = true }), 0);
	assert_int_equal(count("olcAccess:"), 0);
	assert_true(count("olcAttributeTypes:") >= 8);
	assert_int_equal(print(&names, "ldif", &(Options){ .acl = true }), 0);
	assert_true(count("olcAccess:") > 5);
	assert_true(count("olcDatabase={2}mdb,cn=config") > 0);
	assert_int_equal(count("olcAttributeTypes:"), 0);
	assert_int_equal(count("pwdPolicySubentry"), 0);
	assert_int_equal(print(&names, "ldif", &(Options){ .acl = true, .ppolicy = true }), 0);
	assert_true(count("pwdPolicySubentry") > 0);
	assert_int_equal(print(&names, "ldif", &(Options){ .index = true }), 0);
	assert_true(count("olcDbIndex:") > 0);
}

static void test_hash_modes(void **state UNUSED)
{
	SchemaNames other = names;

	assert_int_equal(print(&names, "conf", &(Options){ .acl = true }), 0);
	assert_int_equal(count("val.regex=\"^[{]ARGON2[}][$]argon2id[$]\""), 1);
	assert_int_equal(count(" =maz\n"), 1);
	assert_int_equal(count(" =mz\n"), 1);
	other.hash = CONFIG_HASH_YESCRYPT;
	assert_int_equal(print(&other, "conf", &(Options){ .acl = true }), 0);
	assert_int_equal(count("val.regex=\"^[{]CRYPT[}][$]y[$]\""), 1);
	other.hash = CONFIG_HASH_SERVER;
	assert_int_equal(print(&other, "conf", &(Options){ .acl = true }), 0);
	assert_int_equal(count("val.regex=\"^.\""), 1);
	assert_int_equal(count(" =az\n"), 1);
	assert_int_equal(count(" =z\n"), 1);
}

static void test_no_privileged_groups(void **state UNUSED)
{
	SchemaNames other = names;

	other.privileged[0] = '\0';
	assert_int_equal(print(&other, "conf", &(Options){ .acl = true }), 0);
	assert_int_equal(count("/member"), 0);
	assert_int_equal(print(&other, "389ds", &(Options){ .acl = true }), 0);
	assert_int_equal(count("memberOf="), 0);
}

static void test_suffix(void **state UNUSED)
{
	assert_string_equal(schema_suffix("ou=people,dc=example,dc=com"), "dc=example,dc=com");
	assert_string_equal(schema_suffix("ou=people, DC=example, DC=com"), "DC=example, DC=com");
	assert_string_equal(schema_suffix("dc=com"), "dc=com");
	assert_string_equal(schema_suffix("ou=people,o=example"), "o=example");
	assert_string_equal(schema_suffix("dc=a,ou=people,dc=b,dc=c"), "dc=b,dc=c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_formats), cmocka_unit_test(test_parts),
		cmocka_unit_test(test_hash_modes),  cmocka_unit_test(test_no_privileged_groups),
		cmocka_unit_test(test_suffix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
