/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's view of PAM stacks: includes as libpam reads them, and each mistake by its name. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor.h"
#include "pam_stack.h"
#include "root_files.h"
#include "unit.h"

static char root[] = "/tmp/test_ctl_pam.XXXXXX";

static void clean(void)
{
	root_clean(root);
}

static void put(const char *name, const char *text)
{
	root_put(root, name, text);
}

static void test_includes(void **state UNUSED)
{
	AUTO_PAM_STACK PamStack *stack = NULL;

	clean();
	put("/etc/pam.d/svc", "#%PAM-1.0\n"
			      "@include common\n"
			      "auth\trequired   pam_a.so  x   y # comment\n"
			      "-auth optional /lib/security/pam_b.so\n"
			      "account required pam_c.so\n"
			      "AUTH [success=1 \\\n  default=ignore] pam_d.so \\\n z\n"
			      "auth include nested\n"
			      "auth substack missing\n");
	put("/etc/pam.d/common", "auth requisite pam_first.so\n");
	put("/etc/pam.d/nested", "auth sufficient pam_e.so\npassword required pam_f.so\n");
	assert_int_equal(pam_stack_read(&stack, root, "svc", "auth"), 0);
	assert_int_equal(stack->n, 5);
	assert_string_equal(stack->lines[0].module, "pam_first.so");
	assert_string_equal(stack->lines[0].file, "/etc/pam.d/common");
	assert_string_equal(stack->lines[1].arguments, "x y");
	assert_int_equal(stack->lines[1].line, 3);
	assert_string_equal(stack->lines[2].module, "pam_b.so");
	assert_string_equal(stack->lines[3].control, "[success=1 default=ignore]");
	assert_string_equal(stack->lines[3].arguments, "z");
	assert_int_equal(stack->lines[3].line, 6);
	assert_string_equal(stack->lines[4].module, "pam_e.so");
	assert_int_equal(stack->lines[4].line, 1);
	assert_true(pam_line_has(&stack->lines[1], "y"));
	assert_false(pam_line_has(&stack->lines[1], "xy"));
	assert_int_equal(pam_stack_find(stack, "pam_e.so"), 4);
	assert_int_equal(pam_stack_find(stack, "pam_c.so"), 5);
}

static void test_stack_refused(void **state UNUSED)
{
	AUTO_PAM_STACK PamStack *stack = NULL;
	char lines[PAM_LINES_MAX * 32 + 64] = "";

	clean();
	put("/etc/pam.d/loop", "auth include loop\n");
	assert_int_equal(pam_stack_read(&stack, root, "loop", "auth"), -ELOOP);
	assert_int_equal(pam_stack_read(&stack, root, "absent", "auth"), -ENOENT);
	assert_int_equal(pam_stack_read(&stack, root, "../pam.d/loop", "auth"), -ELOOP);
	for (unsigned i = 0; i <= PAM_LINES_MAX; i++)
		strcat(lines, "auth required pam_x.so\n");
	put("/etc/pam.d/long", lines);
	assert_int_equal(pam_stack_read(&stack, root, "long", "auth"), -E2BIG);
	assert_null(stack);
	put("/usr/lib/pam.d/vendor", "auth required pam_v.so\n");
	assert_int_equal(pam_stack_read(&stack, root, "vendor", "auth"), 0);
	assert_int_equal(stack->n, 1);
}

/* " what:severity" of each finding but those about services and files that are not there. */
static const char *findings(void)
{
	static char memory[65536], seen[1024];
	static JsonNode nodes[1024];
	Json json = { .nodes = nodes, .n_nodes_max = ARRAY_SIZE(nodes) };
	Buf buf = BUF(memory);
	JsonWriter w = JSON_WRITER(&buf);
	Doctor doctor = { .root = root, .w = &w };

	memory[0] = seen[0] = '\0';
	json_open(&w, NULL, '[');
	doctor_pam(&doctor);
	json_close(&w, ']');
	assert_false(buf.overflow);
	assert_int_equal(json_parse(&json, memory, buf.len), 0);
	JSON_FOREACH(it, nodes) {
		size_t len = strlen(seen);

		snprintf(seen + len, sizeof(seen) - len, " %s:%s", json_get_string(it, "what"),
			 json_get_string(it, "severity"));
		assert_non_null(json_get_string(it, "text"));
	}
	return seen;
}

static void expect(const char *service, const char *lines, const char *expected)
{
	char path[64];

	clean();
	put("/usr/lib/security/pam_pwreset.so", "");
	snprintf(path, sizeof(path), "/etc/pam.d/%s", service);
	put(path, lines);
	assert_string_equal(findings(), expected);
}

#define OURS "auth [conv_err=die default=ignore] pam_pwreset.so"
#define UNIX "auth [success=2 default=ignore] pam_unix.so nullok try_first_pass\n"
#define LDAP "auth [success=1 default=ignore] pam_ldap.so use_first_pass\n"

static void test_auth(void **state UNUSED)
{
	expect("sshd", OURS "\n" UNIX LDAP, " pam-auth:ok");
	expect("sshd", "auth optional pam_pwreset.so tries=5 services=sshd\n" UNIX LDAP,
	       " pam-auth:ok");
	expect("sshd", UNIX LDAP, " pam-absent:notice");
	expect("sshd", UNIX OURS "\n" LDAP, " pam-order:error");
	expect("sshd", "auth sufficient pam_pwreset.so\n" UNIX LDAP,
	       " pam-auth:ok pam-control:warning");
	expect("sshd", "auth required pam_pwreset.so\n" UNIX LDAP,
	       " pam-auth:ok pam-control:warning");
	expect("sshd", "auth [success=done default=ignore] pam_pwreset.so\n" UNIX LDAP,
	       " pam-auth:ok pam-control:warning");
	expect("sshd", OURS " trys=5\n" UNIX LDAP, " pam-auth:ok pam-argument:error");
	expect("sshd", OURS " faillocks\n" UNIX LDAP, " pam-auth:ok pam-argument:error");
	expect("sshd", OURS "\n" UNIX "auth required pam_ldap.so\n",
	       " pam-auth:ok pam-asks-again:warning");
	expect("sshd", OURS "\n" UNIX "auth required pam_sss.so forward_pass\n",
	       " pam-auth:ok pam-asks-again:warning");
	expect("other", UNIX, "");
}

#define PREAUTH "auth requisite pam_faillock.so preauth silent\n"
#define AUTHFAIL "auth [default=die] pam_faillock.so authfail\n"

static void test_faillock(void **state UNUSED)
{
	expect("login",
	       "auth [authtok_recover_err=1 conv_err=die default=ignore] pam_pwreset.so faillock\n" PREAUTH
		       UNIX AUTHFAIL,
	       " pam-auth:ok");
	expect("login", OURS "\n" PREAUTH UNIX AUTHFAIL, " pam-auth:ok pam-faillock:error");
	expect("login", PREAUTH OURS " faillock\n" UNIX AUTHFAIL,
	       " pam-auth:ok pam-faillock:error");
	/* The jump would be over something else. */
	expect("login",
	       "auth [authtok_recover_err=1 default=ignore] pam_pwreset.so faillock\nauth optional pam_faildelay.so\n" PREAUTH
		       UNIX AUTHFAIL,
	       " pam-auth:ok pam-faillock:error");
}

static void test_password(void **state UNUSED)
{
	static const char through[] =
		"password [success=2 user_unknown=ignore default=die] pam_pwreset.so\n";

	expect("passwd",
	       "password [success=3 default=ignore] pam_unix.so obscure yescrypt\n"
	       "password [success=2 user_unknown=ignore default=die] pam_pwreset.so\n"
	       "password [success=1 default=ignore] pam_ldap.so try_first_pass\n",
	       "");
	expect("passwd", "password sufficient pam_pwreset.so\npassword required pam_unix.so\n", "");
	expect("passwd", "password required pam_unix.so\n", " pam-passwd:notice");
	expect("passwd", "password sufficient pam_ldap.so\npassword sufficient pam_pwreset.so\n",
	       " pam-passwd-order:error");
	expect("passwd", "password required pam_pwreset.so\n", " pam-passwd-control:warning");
	expect("passwd",
	       "password requisite pam_pwreset.so policy_only\npassword required pam_unix.so use_authtok\n",
	       "");
	expect("passwd",
	       "password requisite pam_pwreset.so policy_only\npassword required pam_unix.so\n",
	       " pam-use-authtok:error");
	expect("passwd", "password requisite pam_pwreset.so policy_only\n",
	       " pam-nobody-writes:error");
	expect("passwd",
	       "password optional pam_pwreset.so policy_only\npassword required pam_unix.so use_authtok\n",
	       " pam-policy-control:error");
	clean();
	put("/etc/pam.d/passwd", through);
	assert_string_equal(findings(), " pam-module:error");
}

static void test_elevating(void **state UNUSED)
{
	expect("sudo", OURS " services=login,sudo tries=3\n" UNIX, " pam-services:error");
	expect("su-l", OURS " services=su-l\n" UNIX, " pam-services:error");
	/* The module steps aside by itself. */
	expect("sudo", OURS " services=login,sshd\n" UNIX, "");
	expect("sudo", OURS "\n" UNIX, "");
}

static void test_judged_twice(void **state UNUSED)
{
	expect("passwd",
	       "password requisite pam_pwquality.so retry=3\n"
	       "password [success=3 default=ignore] pam_unix.so use_authtok\n"
	       "password [success=2 user_unknown=ignore default=die] pam_pwreset.so use_authtok\n",
	       " pam-judged-twice:warning");
	expect("passwd", "password requisite pam_cracklib.so\npassword required pam_unix.so\n",
	       " pam-passwd:notice");
}

static void test_nullok(void **state UNUSED)
{
	expect("sshd", OURS "\n" UNIX LDAP, " pam-auth:ok");
	put("/etc/shadow", "root:$y$j9T$x$y:1::::::\nguest::20000:0:99999:7:::\nbin:*:1::::::\n");
	assert_string_equal(findings(), " pam-auth:ok pam-nullok:warning");
	/* Told once for all services, and not where the line has no nullok. */
	put("/etc/pam.d/login", OURS "\n" UNIX LDAP);
	assert_string_equal(findings(), " pam-auth:ok pam-nullok:warning pam-auth:ok");
	expect("sshd", OURS "\nauth sufficient pam_unix.so\n", " pam-auth:ok");
	put("/etc/shadow", "guest::20000:0:99999:7:::\n");
	assert_string_equal(findings(), " pam-auth:ok");
}

static int setup(void **state UNUSED)
{
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	clean();
	return rmdir(root);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_includes), cmocka_unit_test(test_stack_refused),
			cmocka_unit_test(test_auth),
		cmocka_unit_test(test_faillock), cmocka_unit_test(test_password),
			cmocka_unit_test(test_elevating),
		cmocka_unit_test(test_judged_twice), cmocka_unit_test(test_nullok),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, setup, teardown);
}
