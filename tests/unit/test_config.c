/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset.conf: defaults, order of files, and that each mistake is told with file, line, key and
 * remedy (case 42).
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "config_table.h"
#include "root_files.h"
#include "unit.h"
#include "version.h"

#define GOOD                                                                                       \
	"[directory]\nbase = ou=people,dc=example,dc=com\nhash = argon2id\n"                       \
	"[mail]\nfrom = Help <help@example.com>\n"                                                 \
	"[web]\norigin = https://reset.example.com\n"

static char root[] = "/tmp/test_config.XXXXXX";
static char complaints[8192]; /* "file:line: message|", the root cut off */
static unsigned n_complaints;

static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	size_t len = strlen(complaints);
	const char *file = place->file;

	assert_ptr_equal(userdata, root);
	if (strncmp(file, root, strlen(root)) == 0)
		file += strlen(root);
	n_complaints++;
	snprintf(complaints + len, sizeof(complaints) - len, "%s:%u: %s|", file, place->line,
		 message);
}

static void clean(void)
{
	root_clean(root);
	complaints[0] = '\0';
	n_complaints = 0;
}

static void put(const char *path, const char *text)
{
	root_put(root, path, text);
}

static Config *load(int expected)
{
	Config *config = NULL;
	int r;

	complaints[0] = '\0';
	n_complaints = 0;
	r = config_load(&config, root, on_complaint, root);
	if (r != expected)
		fail_msg("returned %d, complained: %s", r, complaints);
	assert_true((r == 0) == (config != NULL));
	assert_true((r == 0) == (n_complaints == 0));
	return config;
}

#define CONF PWRESET_CONFDIR "/pwreset.conf"
#define DROPIN(name) PWRESET_CONFDIR "/pwreset.conf.d/" name

static void test_defaults(void **state UNUSED)
{
	CLEANUP(config_freep) Config *config = NULL;

	clean();
	put(CONF, GOOD);
	config = load(0);
	assert_string_equal(config->directory.uri, "ldapi:///");
	assert_string_equal(config->directory.bind_dn, "");
	assert_int_equal(config->directory.hash, CONFIG_HASH_ARGON2ID);
	assert_int_equal(config->directory.argon2_memory, 19456);
	assert_int_equal(config->directory.privileged_below, 1000);
	assert_string_equal(config->mail.relay, "127.0.0.1:25");
	assert_int_equal(config->mail.tls, CONFIG_TLS_NONE);
	assert_string_equal(config->web.origin, "https://reset.example.com");
	assert_false(config->web.behind_proxy);
	assert_int_equal(config->recovery.link_minutes, 30);
	assert_int_equal(config->recovery.questions, CONFIG_QUESTIONS_AUTO);
	assert_int_equal(config->policy.min_length, 8);
	assert_string_equal(config->roles.owner, "");
	assert_int_equal(config->limits.idle_exit, 30);
	config_free(NULL);
}

/*
 * Each default is what its own check accepts, or the fields would differ from what the manual says.
 */
static void test_every_key_can_be_set(void **state UNUSED)
{
	CLEANUP(config_freep) Config *config = calloc(1, sizeof(*config));
	char why[256];
	size_t n = 0;

	assert_non_null(config);
	for (const ConfigKey *k = config_keys; k->section; k++, n++) {
		if (k->fallback)
			assert_int_equal(config_key_set(config, k, k->fallback, why, sizeof(why)),
					 0);
		assert_true(k->type != CONFIG_TEXT || (k->valid && k->wanted));
		assert_true(k->type != CONFIG_WORD || (k->words && k->wanted));
		assert_true(k->type != CONFIG_NUMBER || k->min < k->max);
		for (const ConfigKey *other = config_keys; other < k; other++) {
			assert_true(other->offset != k->offset);
			assert_true(strcmp(other->section, k->section) != 0 ||
				    strcmp(other->key, k->key) != 0);
		}
	}
	assert_true(n > 60);
	for (const ConfigCheck *c = config_checks; c->section; c++) {
		const ConfigKey *k = config_keys;

		while (k->section &&
		       (strcmp(k->section, c->section) != 0 || strcmp(k->key, c->key) != 0))
			k++;
		assert_non_null(k->section);
	}
}

static void test_order_of_files(void **state UNUSED)
{
	CLEANUP(config_freep) Config *config = NULL;

	clean();
	put(CONF, GOOD "[recovery]\nlink-minutes = 31\ncode-minutes = 11\n");
	put(PWRESET_RUNDIR "/pwreset.conf", "[recovery]\nlink-minutes = 99\n");
	put(DROPIN("10-a.conf"), "[recovery]\nlink-minutes = 32\ngrant-minutes = 12\n");
	put(DROPIN("20-b.conf"), "[recovery]\nlink-minutes = 33\n");
	put(DROPIN("30-c.txt"), "nonsense\n");
	put(DROPIN(".hidden.conf"), "nonsense\n");
	put(PWRESET_RUNDIR "/pwreset.conf.d/15-r.conf",
	    "[recovery]\ngrant-minutes = 13\nlive-requests = 7\n");
	put(PWRESET_RUNDIR "/pwreset.conf.d/20-b.conf", "nonsense\n");
	put("/usr/lib/pwreset/pwreset.conf.d/25-u.conf", "[recovery]\nlive-requests = 8\n");
	config = load(0);
	assert_int_equal(config->recovery.link_minutes, 33);
	assert_int_equal(config->recovery.code_minutes, 11);
	assert_int_equal(config->recovery.grant_minutes, 13);
	assert_int_equal(config->recovery.live_requests, 8);
}

static void test_shipped_file_and_mask(void **state UNUSED)
{
	CLEANUP(config_freep) Config *config = NULL;
	char path[256];

	clean();
	put("/usr/lib/pwreset/pwreset.conf", GOOD);
	put(DROPIN("x"), "");
	put(PWRESET_RUNDIR "/pwreset.conf.d/50-x.conf", "nonsense\n");
	snprintf(path, sizeof(path), "%s%s", root, DROPIN("50-x.conf"));
	assert_int_equal(symlink("/dev/null", path), 0);
	config = load(0);
	assert_string_equal(config->directory.base, "ou=people,dc=example,dc=com");
	/* Another link is none of that, and is not followed. */
	unlink(path);
	assert_int_equal(symlink("x", path), 0);
	assert_null(load(-EPERM));
	assert_non_null(strstr(complaints, "symbolic link"));
}

static void test_nothing_there(void **state UNUSED)
{
	clean();
	assert_null(load(-ENOENT));
	assert_non_null(strstr(complaints, "There is no configuration"));
	put(CONF, "");
	assert_null(load(-EBADMSG));
	assert_int_equal(n_complaints, 4);
	assert_non_null(strstr(complaints, "[directory] base= is missing"));
	assert_non_null(strstr(complaints, "[directory] hash= is missing"));
	assert_non_null(strstr(complaints, "[mail] from= is missing"));
	assert_non_null(strstr(complaints, "[web] origin= is missing"));
}

static void test_writable_by_others(void **state UNUSED)
{
	char path[256];

	clean();
	put(CONF, GOOD);
	snprintf(path, sizeof(path), "%s%s", root, CONF);
	assert_int_equal(chmod(path, 0664), 0);
	assert_null(load(-EPERM));
	assert_non_null(
		strstr(complaints, CONF ":0: The mode 0664 lets others write it: chmod 0644 it."));
}

/*
 * One wrong line behind a good file, in line 8 of the whole; the words that the one complaint must
 * have.
 */
/* clang-format off */
static const struct {
	const char *lines, *place, *words;
} wrong[] = {
	{ "[recovery]\nlink-minutes = 1441\n", CONF ":9: ",
	  "link-minutes=1441 is not valid: wanted is a number from 1 to 1440." },
	{ "[recovery]\nlink-minutes = 0\n", CONF ":9: ", "from 1 to 1440" },
	{ "[recovery]\nlink-minutes = -1\n", CONF ":9: ", "from 1 to 1440" },
	{ "[recovery]\nlink-minutes = 30m\n", CONF ":9: ", "from 1 to 1440" },
	{ "[recovery]\nlink-minutes = 4294967326\n", CONF ":9: ", "from 1 to 1440" },
	{ "[recovery]\nlink-minutes = 99999999999999999999999\n", CONF ":9: ", "from 1 to 1440" },
	{ "[recovery]\nlink-minutes =\n", CONF ":9: ", "may not be empty" },
	{ "[recovery]\nlink-minuts = 5\n", CONF ":9: ",
	  "did you mean link-minutes= in [recovery]?" },
	{ "[recovery]\nmin-length = 5\n", CONF ":9: ", "put it into [policy]" },
	{ "[recovery]\nzzzzzzzzzzz = 5\n", CONF ":9: ", "pwreset.conf(5) lists all" },
	{ "[recovry]\nlink-minutes = 5\n", CONF ":9: ",
	  "There is no section [recovry]: did you mean [recovery]?" },
	{ "[recovery]\nlink-minutes = 5\n\n[recovery]\nlink-minutes = 5\n", CONF ":12: ",
	  "was set in line 9 already" },
	{ "[recovery]\nquestions = maybe\n", CONF ":9: ", "auto, alone, with-code or off" },
	{ "[roles]\nroot-sets-passwords = maybe\n", CONF ":9: ", "wanted is yes or no" },
	{ "[web]\ncolour = red\n", CONF ":9: ", "#rrggbb" },
	{ "[web]\nlogo = logo.svg\n", CONF ":9: ", "absolute path" },
	{ "[mail]\nrelay = mail.example.com\n", CONF ":9: ", "host:port" },
	{ "[directory]\nbind = simple\n", CONF ":9: ", "set bind-dn=" },
	{ "[directory]\nuri = ldaps://a.example.com ldap://b.example.com\nbind = simple\nbind-dn = cn=p\n",
	  CONF ":9: ", "set start-tls=yes" },
	{ "[directory]\nuri = ldaps://a.example.com\n", CONF ":0: ",
	  "bind=external works over ldapi:// only" },
	{ "[directory]\nread-uri = ldaps://a.example.com\n", CONF ":0: ",
	  "bind=external works over ldapi:// only" },
	{ "[directory]\nstart-tls = yes\n", CONF ":9: ", "start-tls=yes is for ldap:// addresses" },
	{ "[mail]\nrelay = 192.0.2.1:25\n", CONF ":0: ", "tls=none would send links in clear" },
	{ "[mail]\nuser = u\n", CONF ":9: ", "in clear" },
	{ "[web]\ncertificate = /a.pem\n", CONF ":9: ", "needs certificate-key=" },
	{ "[web]\ncertificate-key = /a.pem\n", CONF ":9: ", "needs certificate=" },
	{ "[web]\ncertificate = /a\ncertificate-key = /b\nbehind-proxy = yes\n", CONF ":11: ",
	  "leaves TLS to the proxy" },
	{ "[limits]\nclients = 32\n", CONF ":0: ", "clients-per-uid= is above clients=" },
};
/* clang-format on */

static void test_mistakes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char text[1024];

		clean();
		snprintf(text, sizeof(text), GOOD "%s", wrong[i].lines);
		put(CONF, text);
		assert_null(load(-EBADMSG));
		if (n_complaints != 1 ||
		    strncmp(complaints, wrong[i].place, strlen(wrong[i].place)) != 0 ||
		    !strstr(complaints, wrong[i].words))
			fail_msg("%s: %u complaints: %s", wrong[i].lines, n_complaints, complaints);
	}
}

static void test_origins(void **state UNUSED)
{
	static const char *const good[] = { "https://a",
					    "https://a.example.com:8443",
					    "https://[2001:db8::1]",
					    "https://[::1]:1",
					    "http://localhost",
					    "http://localhost:8080",
					    "http://127.0.0.1:8080",
					    "http://[::1]:8080" };
	static const char *const bad[] = { "a",
					   "https://",
					   "https://a/",
					   "https://a/b",
					   "https://a:0",
					   "https://a:65536",
					   "https://a:",
					   "https://u@a",
					   "http://a",
					   "http://localhost.example.com",
					   "http://127.example.com",
					   "HTTPS://a",
					   "https://a b",
					   "https://a?b",
					   "https://-a",
					   "https://[::1",
					   "https://[x y]",
					   "https://[]",
					   "http://127.0.0.1@evil.example" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!config_valid_origin(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (config_valid_origin(bad[i]))
			fail_msg("accepted: %s", bad[i]);
}

typedef struct Shape {
	bool (*valid)(const char *value);
	const char *good[6], *bad[8];
} Shape;

/* clang-format off */
static const Shape shapes[] = {
	{ config_valid_uris, { "ldapi:///", "ldapi://%2frun%2fslapd%2fldapi",
	  "ldaps://a:636/ ldap://b", "ldap://[::1]:389" }, { "ldap://", "http://a", "a",
	  "ldap://a?b", "ldap://a/dc=x", "ldaps://a,b", " ", "ldap://a:x" } },
	{ config_valid_dn, { "dc=x", "ou=people,dc=x", "2.5.4.3=a" },
	  { "x", "=x", "dc=", "d c=x", "(x)=a" } },
	{ config_valid_filter, { "(a=b)", "(&(a=b)(!(c=d)))" },
	  { "a=b", "(a=b", "a=b)", "(a=b)(c=d)", "((a=b)", ")(" } },
	{ config_valid_attribute, { "uid", "mail;lang-de", "1.2.3" },
	  { "u id", "-a", "a*", "a=b" } },
	{ config_valid_path, { "/", "/a/b" }, { "a", "./a", "/a/../b", "/.." } },
	{ config_valid_groups, { "staff", "a b" }, { "a,b", "a:b", "a/b", "a(b" } },
	{ config_valid_relay, { "localhost:25", "[::1]:25", "mail.example.com:587" },
	  { "localhost", ":25", "a:b", "::1:25", "a:25:26", "a b:25" } },
	{ config_valid_from, { "a@b", "A B <a@b.c>", "<a@b>" },
	  { "a", "A <a>", "A <a@b", "A a@b>", "<a@b> c", "<x> <a@b>", "A <a@b>\r\nBcc: c" } },
	{ config_valid_domains, { "example.com", "a.org b.org" },
	  { "a@b", "a..b", ".a", "a,b", "*" } },
	{ config_valid_loopback, { "localhost", "127.0.0.1:25", "[::1]:25" },
	  { "localhosts", "127.a", "10.0.0.1", "[::2]", "example.com" } },
};
/* clang-format on */

static void test_shapes(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(shapes[i].good) && shapes[i].good[j]; j++)
			if (!shapes[i].valid(shapes[i].good[j]))
				fail_msg("shape %zu refused: %s", i, shapes[i].good[j]);
		for (size_t j = 0; j < ARRAY_SIZE(shapes[i].bad) && shapes[i].bad[j]; j++)
			if (shapes[i].valid(shapes[i].bad[j]))
				fail_msg("shape %zu accepted: %s", i, shapes[i].bad[j]);
	}
}

static void credential_case(const char *text, mode_t mode, size_t size, int expected,
			    const char *value)
{
	char path[256], got[64];
	size_t len = 0;

	clean();
	put("/secret", text);
	snprintf(path, sizeof(path), "%s/secret", root);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(credential_read("secret", got, size, &len, on_complaint, root), expected);
	if (expected == 0) {
		assert_int_equal(len, strlen(value));
		assert_memory_equal(got, value, len);
	} else {
		assert_int_equal(n_complaints, 1);
	}
}

static void test_credentials(void **state UNUSED)
{
	char got[8];
	size_t len;

	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", root, 1), 0);
	credential_case("abc\n", 0400, 64, 0, "abc");
	/* systemd's ACL for the unit's user shows as a group that may read. */
	credential_case("abc\n\n", 0440, 64, 0, "abc\n");
	credential_case("", 0600, 64, 0, "");
	credential_case("12345678", 0600, 8, 0, "12345678");
	credential_case("123456789", 0600, 8, -E2BIG, NULL);
	credential_case("abc", 0444, 64, -EPERM, NULL);
	credential_case("abc", 0460, 64, -EPERM, NULL);
	assert_int_equal(credential_read("../secret", got, sizeof(got), &len, on_complaint, root),
			 -EINVAL);
	assert_int_equal(credential_read("no-such-credential-here", got, sizeof(got), &len,
					 on_complaint, root),
			 -ENOENT);
	unsetenv("CREDENTIALS_DIRECTORY");
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
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_every_key_can_be_set),
			cmocka_unit_test(test_order_of_files),
		cmocka_unit_test(test_shipped_file_and_mask), cmocka_unit_test(test_nothing_there),
			cmocka_unit_test(test_writable_by_others),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_origins),
			cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_credentials),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, setup, teardown);
}
