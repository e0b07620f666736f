/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands in the fleet's file of keys: only what joins a host to the service gets there, and
 * only that is read out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fleet.h"

#define BODY "AAAAC3NzaC1lZDI1NTE5AAAAIGq1hQYc3m0p0m5N0c9dC0i8bJj0lXoZ8u0hVb0rJw5X"

static void test_a_public_key_is_type_and_base64_alone(void **state UNUSED)
{
	static const char *const good[] = {
		"ssh-ed25519 " BODY,
		"ssh-ed25519 " BODY "\n",
		"ssh-ed25519 " BODY " root@web1 \"; command=x\n",
		"ssh-rsa " BODY BODY " c",
		"ecdsa-sha2-nistp256 " BODY " c",
		"sk-ssh-ed25519@openssh.com " BODY " c",
	};
	char key[FLEET_KEY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *end;

		if (!fleet_key_parse(good[i], key))
			fail_msg("refused: %s", good[i]);
		end = strstr(good[i], BODY) + strspn(strstr(good[i], BODY), BODY);
		assert_int_equal(strlen(key), end - good[i]);
		assert_memory_equal(key, good[i], strlen(key));
	}
}

static void test_what_is_no_key_is_refused(void **state UNUSED)
{
	static const char *const bad[] = {
		"",
		"\n",
		"ssh-ed25519",
		"ssh-ed25519 ",
		"ssh-ed25519 AAAA",
		"ssh-ed25519  " BODY,
		" ssh-ed25519 " BODY,
		"pty ssh-ed25519 " BODY,
		"command=\"id\" ssh-ed25519 " BODY,
		"ssh-ed25519 " BODY "\"",
		"ssh-ed25519 " BODY "'x",
		"ssh-ed25519 " BODY "\vx",
		"ssh-dss " BODY,
		"ecdsa-sha2-nistp256\"x " BODY "$(id)",
		"-----BEGIN OPENSSH PRIVATE KEY-----",
	};
	char key[FLEET_KEY_MAX], line[2 * FLEET_KEY_MAX] = "ssh-rsa ";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (fleet_key_parse(bad[i], key))
			fail_msg("accepted: %s", bad[i]);
	memset(line + strlen(line), 'A', FLEET_KEY_MAX);
	assert_false(fleet_key_parse(line, key));
}

static void test_the_host_of_a_line(void **state UNUSED)
{
	static const char *const none[] = {
		"",
		"# restrict,command=\"/usr/bin/pwresetctl relay web1\" ssh-ed25519 " BODY,
		"restrict ssh-ed25519 " BODY,
		"restrict,command=\"/usr/bin/pwresetctl relay \" ssh-ed25519 " BODY,
		"restrict,command=\"/usr/bin/pwresetctl relay a b\" ssh-ed25519 " BODY,
		"restrict,command=\"/usr/bin/pwresetctl relay web1",
		"restrict,command=\"/usr/bin/pwresetctl relay -oProxyCommand=x\" ssh-ed25519 " BODY,
		"restrict,command=\"/usr/bin/id\" ssh-ed25519 " BODY,
	};
	char host[HOST_NAME_MAX_LEN + 1];

	assert_true(fleet_line_host(
		"restrict,command=\"/usr/bin/pwresetctl relay web1.example.com\" ssh-rsa " BODY,
		host));
	assert_string_equal(host, "web1.example.com");
	assert_true(fleet_line_host(
		"restrict,from=\"192.0.2.0/24\",command=\"pwresetctl relay 2001:db8::1\" ssh-rsa x",
		host));
	assert_string_equal(host, "2001:db8::1");
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (fleet_line_host(none[i], host))
			fail_msg("read out: %s", none[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_public_key_is_type_and_base64_alone),
		cmocka_unit_test(test_what_is_no_key_is_refused),
		cmocka_unit_test(test_the_host_of_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
