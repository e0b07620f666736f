/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The doctor's view of the host: its clock, the disk under the spool, the sender of its mails, what
 * a proxy writes down.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "doctor.h"
#include "root_files.h"
#include "unit.h"

/* Of a file system on a disk, and of one in memory. */
static char on_disk[] = "/var/tmp/test_ctl_host.XXXXXX",
	    in_memory[] = "/dev/shm/test_ctl_host.XXXXXX";
static const char *root = on_disk;

static void clean(void)
{
	root_clean(root);
}

static void put(const char *name, const char *text)
{
	root_put(root, name, text);
}

/* " what:severity" of each but "clock", which is the kernel's to say. */
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
	doctor_host_state(&doctor);
	json_close(&w, ']');
	assert_false(buf.overflow);
	assert_int_equal(json_parse(&json, memory, buf.len), 0);
	JSON_FOREACH(it, nodes) {
		size_t len = strlen(seen);

		assert_non_null(json_get_string(it, "remedy"));
		assert_non_null(json_get_string(it, "evidence"));
		if (strcmp(json_get_string(it, "what"), "clock") != 0)
			snprintf(seen + len, sizeof(seen) - len, " %s:%s",
				 json_get_string(it, "what"), json_get_string(it, "severity"));
	}
	return seen;
}

static void put_mark(long ahead)
{
	char text[96];

	snprintf(text, sizeof(text), "%020ld %020d %020d %020d\n", (long)time(NULL) + ahead, 1, 2,
		 3);
	put("/var/lib/pwreset/mark", text);
}

static void test_mark(void **state UNUSED)
{
	clean();
	put_mark(0);
	assert_string_equal(findings(), "");
	put_mark(3600);
	assert_string_equal(findings(), " clock-behind:error");
	put_mark(-3600);
	assert_string_equal(findings(), "");
	put("/var/lib/pwreset/mark", "no number\n");
	assert_string_equal(findings(), "");
}

static void test_spool(void **state UNUSED)
{
	root = in_memory;
	put_mark(0);
	assert_string_equal(findings(), " spool-volatile:error");
	clean();
	root = on_disk;
}

static void expect_from(const char *from, const char *expected)
{
	char text[256];

	snprintf(
		text, sizeof(text),
		"[directory]\nbase=dc=a,dc=b\nhash=argon2id\n[mail]\nfrom=%s\n[web]\norigin=https://a.b\n",
		from);
	put("/etc/pwreset/pwreset.conf", text);
	assert_string_equal(findings(), expected);
}

static void test_from(void **state UNUSED)
{
	clean();
	expect_from("IT <it@corp.com>", "");
	expect_from("it@reset.corp.example.com", " mail-from:notice");
	expect_from("IT <it@localhost>", " mail-from:notice");
	expect_from("it@host.local", " mail-from:notice");
	expect_from("it@thelocal.se", "");
}

#define SECRET "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"

static void test_logs(void **state UNUSED)
{
	clean();
	put("/var/log/nginx/pwreset.log",
	    "10.0.0.1 GET /r/ 200\n10.0.0.1 GET /revoke/ 200\n10.0.0.1 GET /rules/of/the/house 200\n");
	assert_string_equal(findings(), "");
	put("/var/log/nginx/access.log", "10.0.0.1 \"GET /r/" SECRET " HTTP/1.1\" 200\n");
	assert_string_equal(findings(), " proxy-log:error");
	put("/var/log/nginx/access.log", "\"GET /revoke/" SECRET "\n");
	assert_string_equal(findings(), " proxy-log:error");
	put("/var/log/nginx/access.log", "GET /x/" SECRET "\n");
	assert_string_equal(findings(), "");
}

static void test_proxies(void **state UNUSED)
{
	clean();
	put("/etc/nginx/sites-enabled/shop", "server { location / { proxy_pass http://shop; } }\n");
	assert_string_equal(findings(), "");
	put("/etc/nginx/sites-enabled/reset",
	    "server { location / { proxy_pass http://unix:/run/pwreset/http; } }\n");
	assert_string_equal(findings(), " proxy-config:warning");
	put("/etc/nginx/sites-enabled/reset",
	    "server { access_log off; location / { proxy_pass http://unix:/run/pwreset/http; } }\n");
	assert_string_equal(findings(), " proxy-config:warning");
	put("/etc/nginx/sites-enabled/reset",
	    "server { access_log off; error_log /dev/null emerg; location / { proxy_pass http://unix:/run/pwreset/http; } }\n");
	assert_string_equal(findings(), "");
	put("/etc/apache2/sites-enabled/reset.conf",
	    "ProxyPass \"/\" \"unix:/run/pwreset/http|http://localhost/\"\n");
	assert_string_equal(findings(), " proxy-config:warning");
}

static int setup(void **state UNUSED)
{
	return mkdtemp(on_disk) && mkdtemp(in_memory) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	clean();
	return rmdir(on_disk) | rmdir(in_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mark),    cmocka_unit_test(test_spool),
		cmocka_unit_test(test_from),    cmocka_unit_test(test_logs),
		cmocka_unit_test(test_proxies),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
