/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Building filters from lists of each form, and what the policy says to files that are not right.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"
#include "policy_blocklist_build.h"
#include "policy_hash.h"
#include "unit.h"

static const char *words_path;
static char folder[] = "/tmp/test_policy_files.XXXXXX";
static char filter_path[sizeof(folder) + 32], input_path[sizeof(folder) + 32];

/* Passwords that nothing else refuses. */
static const char *const leaked[] = { "vT9#kQ2$mXw7Lp", "blauer.Elch\"kocht=Regen",
				      "яркий велосипед читает" };
static const char stranger[] = "aH3!zRb8@nYc5Ud";

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(filter_path, sizeof(filter_path), "%s/filter", folder);
	snprintf(input_path, sizeof(input_path), "%s/input", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(filter_path);
	unlink(input_path);
	/* Fails when a build has left something behind. */
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static int input_open(const void *bytes, size_t n)
{
	int fd = open(input_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int build(FilterKey key, BlocklistInput input, const char *text, uint64_t min_count,
		 uint64_t *ret_entries, uint64_t *ret_line)
{
	BlocklistBuild *build = NULL;
	int fd = input_open(text, strlen(text)), r;

	assert_int_equal(blocklist_build_new(&build, filter_path, key, NULL, NULL), 0);
	blocklist_build_set_min_count(build, min_count);
	r = blocklist_build_read(build, fd, input);
	if (r == 0)
		r = blocklist_build_finish(build, ret_entries);
	*ret_line = blocklist_build_line(build);
	blocklist_build_free(build);
	close(fd);
	return r;
}

static void hex(const uint8_t *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, i % 2 ? "%02x" : "%02X", bytes[i]);
}

static uint32_t reasons_of(const char *password)
{
	PolicyConfig config = { .blocklist_path = filter_path, .words_path = words_path };
	PolicyInput input = { .password = (const uint8_t *)password,
			      .n_password = strlen(password) };
	PolicyVerdict verdict;
	Policy *policy = NULL;

	assert_int_equal(policy_open(&policy, &config), 0);
	policy_check(policy, &input, &verdict);
	policy_free(policy);
	return verdict.reasons;
}

static void digests_are_those_of_the_standards(void **state)
{
	char out[2 * SHA1_SIZE + 1];
	uint8_t digest[SHA1_SIZE];
	char million[1000];

	(void)state;
	sha1_digest((const uint8_t *)"abc", 3, digest);
	hex(digest, SHA1_SIZE, out);
	assert_int_equal(strcasecmp(out, "a9993e364706816aba3e25717850c26c9cd0d89d"), 0);
	sha1_digest((const uint8_t *)"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		    digest);
	hex(digest, SHA1_SIZE, out);
	assert_int_equal(strcasecmp(out, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"), 0);
	memset(million, 'a', sizeof(million));
	md4_digest((const uint8_t *)"message digest", 14, digest);
	hex(digest, MD4_SIZE, out);
	assert_int_equal(strcasecmp(out, "d9130a8164549fe818874806e1c7014b"), 0);
	md4_digest((const uint8_t *)"", 0, digest);
	hex(digest, MD4_SIZE, out);
	assert_int_equal(strcasecmp(out, "31d6cfe0d16ae931b73c59d7e0c089c0"), 0);
	/* Each length around a block's end, against itself in pieces of the padding rule. */
	sha1_digest((const uint8_t *)million, 64, digest);
	hex(digest, SHA1_SIZE, out);
	assert_int_equal(strcasecmp(out, "0098ba824b5c16427bd7a1122a5a442a25ec644d"), 0);
}

static void builds_from_passwords(void **state)
{
	char text[1024] = "";
	uint64_t n = 0, line;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		strncat(text, leaked[i], 100);
		strncat(text, i == 1 ? "\r\n" : "\n", 3);
	}
	strncat(text, "\n\n", 3);
	strncat(text, leaked[0], 100);
	assert_int_equal(build(FILTER_KEY_SHA1, BLOCKLIST_PASSWORDS, text, 0, &n, &line), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(reasons_of(leaked[i]) & POLICY_COMMON);
	assert_int_equal(reasons_of(stranger), 0);
}

static void builds_from_pwned_passwords(void **state)
{
	char sha1[64] = {}, text[256];
	uint8_t digest[SHA1_SIZE];
	uint64_t n = 0, line;

	(void)state;
	sha1_digest((const uint8_t *)leaked[0], strlen(leaked[0]), digest);
	hex(digest, SHA1_SIZE, sha1);
	snprintf(text, sizeof(text), "0000000000000000000000000000000000000000:1\n%s:17\r\n", sha1);
	assert_int_equal(build(FILTER_KEY_SHA1, BLOCKLIST_HASHES, text, 0, &n, &line), 0);
	assert_int_equal(n, 2);
	assert_int_equal(reasons_of(leaked[0]), POLICY_COMMON);
	assert_int_equal(reasons_of(leaked[1]), 0);
	assert_int_equal(build(FILTER_KEY_SHA1, BLOCKLIST_HASHES, text, 17, &n, &line), 0);
	assert_int_equal(n, 1);
	/* Another than SHA-1 of a shorter kind of list is refused, and nothing replaces the output.
	 */
	assert_int_equal(build(FILTER_KEY_NTLM, BLOCKLIST_HASHES, text, 0, &n, &line),
			 BLOCKLIST_E_SYNTAX);
	assert_int_equal(line, 1);
	assert_int_equal(reasons_of(leaked[0]), POLICY_COMMON);
}

static void builds_from_ntlm(void **state)
{
	/* The digest of "password" in UTF-16, known to everybody. */
	static const char text[] = "8846F7EAEE8FB117AD06BDD830B7586C:9659365\n";
	uint64_t n = 0, line;

	(void)state;
	assert_int_equal(build(FILTER_KEY_NTLM, BLOCKLIST_HASHES, text, 0, &n, &line), 0);
	assert_true(reasons_of("password") & POLICY_COMMON);
	assert_int_equal(build(FILTER_KEY_NTLM, BLOCKLIST_PASSWORDS, "яркий 😂 читает велосипед\n",
			       0, &n, &line),
			 0);
	assert_int_equal(reasons_of("яркий 😂 читает велосипед"), POLICY_COMMON);
	assert_int_equal(reasons_of(stranger), 0);
}

static void says_where_a_list_is_wrong(void **state)
{
	static const char *const wrong[] = {
		"da39a3ee5e6b4b0d3255bfef95601890afd80709:1\nda39\n",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709:1\nga39a3ee5e6b4b0d3255bfef95601890afd80709:"
		"1\n",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709:1\nda39a3ee5e6b4b0d3255bfef95601890afd80709:"
		"\n",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709:1\nda39a3ee5e6b4b0d3255bfef95601890afd80709:"
		"1x\n",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709:"
		"1\nda39a3ee5e6b4b0d3255bfef95601890afd807099\n",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709:1\n"
		"da39a3ee5e6b4b0d3255bfef95601890afd80709:99999999999999999999999\n",
	};
	uint64_t n = 0, line = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(build(FILTER_KEY_SHA1, BLOCKLIST_HASHES, wrong[i], 0, &n, &line),
				 BLOCKLIST_E_SYNTAX);
		assert_int_equal(line, 2);
	}
	assert_int_equal(build(FILTER_KEY_SHA1, BLOCKLIST_HASHES, "", 0, &n, &line),
			 BLOCKLIST_E_EMPTY);
}

static int count_progress(uint64_t n_bytes, uint64_t n_lines, void *userdata)
{
	unsigned *calls = userdata;

	assert_true(n_bytes > n_lines || n_lines == 0);
	return ++*calls == 3 ? 1 : 0;
}

static void builds_many_in_any_order_and_can_be_cancelled(void **state)
{
	enum { N = 300000 };
	BlocklistBuild *many = NULL;
	unsigned calls = 10;
	uint64_t n = 0;
	int fd;
	FILE *f = fopen(input_path, "we");

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < N; i++)
		fprintf(f, "entry-%u!%u\n", i, i * 2654435761U);
	assert_int_equal(fclose(f), 0);
	fd = open(input_path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(
		blocklist_build_new(&many, filter_path, FILTER_KEY_SHA1, count_progress, &calls),
		0);
	/* Twice the same: no entry counts twice. */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(blocklist_build_read(many, fd, BLOCKLIST_PASSWORDS), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	}
	assert_int_equal(blocklist_build_finish(many, &n), 0);
	assert_int_equal(n, N);
	assert_true(calls > 10);
	many = blocklist_build_free(many);
	for (unsigned i = 0; i < N; i += 9973) {
		char password[64];

		snprintf(password, sizeof(password), "entry-%u!%u", i, i * 2654435761U);
		assert_true(reasons_of(password) & POLICY_COMMON);
		snprintf(password, sizeof(password), "entry-%u!%u", i, i * 2654435761U + 1);
		assert_false(reasons_of(password) & POLICY_COMMON);
	}

	calls = 0;
	assert_int_equal(
		blocklist_build_new(&many, filter_path, FILTER_KEY_SHA1, count_progress, &calls),
		0);
	assert_int_equal(blocklist_build_read(many, fd, BLOCKLIST_PASSWORDS),
			 BLOCKLIST_E_CANCELLED);
	blocklist_build_free(many);
	close(fd);
}

static void damage_at(off_t at)
{
	int fd = open(filter_path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void refuses_files_that_are_wrong(void **state)
{
	PolicyConfig config = { .blocklist_path = filter_path, .words_path = words_path };
	Policy *policy = NULL;
	struct stat st;
	uint64_t n, line;

	(void)state;
	assert_int_equal(
		build(FILTER_KEY_SHA1, BLOCKLIST_PASSWORDS, "one\ntwo\nthree\n", 0, &n, &line), 0);
	assert_int_equal(stat(filter_path, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		damage_at(at);
		assert_in_range(policy_open(&policy, &config), POLICY_E_FORMAT, POLICY_E_CORRUPT);
		assert_string_equal(policy_open_failed_path(&config), filter_path);
		assert_null(policy);
		damage_at(at);
	}
	assert_int_equal(policy_open(&policy, &config), 0);
	policy = policy_free(policy);
	for (off_t size = 0; size < st.st_size; size += 7) {
		assert_int_equal(truncate(filter_path, size), 0);
		assert_in_range(policy_open(&policy, &config), POLICY_E_FORMAT, POLICY_E_CORRUPT);
		assert_int_equal(build(FILTER_KEY_SHA1, BLOCKLIST_PASSWORDS, "one\ntwo\nthree\n", 0,
				       &n, &line),
				 0);
	}

	config.words_path = filter_path;
	assert_int_equal(policy_open(&policy, &config), POLICY_E_FORMAT);
	config.words_path = "/nonexistent/words";
	assert_int_equal(policy_open(&policy, &config), -ENOENT);
	assert_string_equal(policy_open_failed_path(&config), "/nonexistent/words");
	config.words_path = words_path;
	config.site_blocklist_path = "/dev/null";
	assert_int_equal(policy_open(&policy, &config), POLICY_E_FORMAT);
	assert_string_equal(policy_open_failed_path(&config), "/dev/null");
	config.site_blocklist_path = NULL;
	config.min_bits = 5;
	assert_int_equal(policy_open(&policy, &config), POLICY_E_CONFIG);
	assert_null(policy_open_failed_path(&config));
	assert_null(policy);
}

static void a_site_has_a_list_of_its_own(void **state)
{
	PolicyConfig config = { .blocklist_path = filter_path,
				.words_path = words_path,
				.site_blocklist_path = filter_path };
	PolicyInput input = { .password = (const uint8_t *)leaked[0],
			      .n_password = strlen(leaked[0]) };
	PolicyVerdict verdict;
	Policy *policy = NULL;
	uint64_t n, line;

	(void)state;
	assert_int_equal(build(FILTER_KEY_SHA1, BLOCKLIST_PASSWORDS, leaked[0], 0, &n, &line), 0);
	assert_int_equal(policy_open(&policy, &config), 0);
	policy_check(policy, &input, &verdict);
	assert_int_equal(verdict.reasons, POLICY_COMMON | POLICY_LEAKED);
	policy_free(policy);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_those_of_the_standards),
		cmocka_unit_test(builds_from_passwords),
		cmocka_unit_test(builds_from_pwned_passwords),
		cmocka_unit_test(builds_from_ntlm),
		cmocka_unit_test(says_where_a_list_is_wrong),
		cmocka_unit_test(builds_many_in_any_order_and_can_be_cancelled),
		cmocka_unit_test(refuses_files_that_are_wrong),
		cmocka_unit_test(a_site_has_a_list_of_its_own),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_policy_files WORDS\n");
		return EXIT_FAILURE;
	}
	words_path = argv[1];
	return cmocka_run_group_tests(tests, setup, teardown);
}
