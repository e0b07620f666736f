/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset.conf(5) and the table of keys say the same: every key, its section, its default, its
 * bounds, and no other.
 */

#include <string.h>

#include "config_table.h"
#include "unit.h"

static char text[128 * 1024];

static int setup(void **state UNUSED)
{
	FILE *f = fopen(MANUAL, "re");
	size_t n;

	if (!f)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return n > 1000 && n < sizeof(text) - 1 ? 0 : -1;
}

/* The paragraph of a key within its section; its end in *ret_len. */
static const char *paragraph(const char *section, const char *key, size_t *ret_len)
{
	char heading[80];
	const char *at, *section_end, *end;

	snprintf(heading, sizeof(heading), "\n.SS [%s]\n", section);
	at = strstr(text, heading);
	if (!at)
		return NULL;
	section_end = strstr(at + 1, "\n.S");
	snprintf(heading, sizeof(heading), "\n.TP\n.BI %s= ", key);
	at = strstr(at, heading);
	if (!at || (section_end && at > section_end))
		return NULL;
	at += 5;
	end = strstr(at, "\n.TP");
	if (!end || (section_end && end > section_end))
		end = section_end;
	*ret_len = end ? (size_t)(end - at) : strlen(at);
	return at;
}

static void expect(const ConfigKey *k, const char *paragraph_text, const char *words)
{
	if (!strstr(paragraph_text, words))
		fail_msg("[%s] %s=: \"%s\" is missing in: %s", k->section, k->key, words,
			 paragraph_text);
}

static void test_every_key_is_described(void **state UNUSED)
{
	for (const ConfigKey *k = config_keys; k->section; k++) {
		char part[2048], words[256];
		size_t len = 0;
		const char *at = paragraph(k->section, k->key, &len);

		if (!at)
			fail_msg("[%s] %s= is not in the manual", k->section, k->key);
		assert_true(len < sizeof(part));
		memcpy(part, at, len);
		part[len] = '\0';
		if (!k->fallback)
			snprintf(words, sizeof(words), "Mandatory");
		else
			snprintf(words, sizeof(words), "\nDefault: %s",
				 k->fallback[0] != '\0' ? k->fallback : "none");
		/* Of a path that depends on the build, what stands behind its folder. */
		if (k->fallback && k->fallback[0] == '/' &&
		    strrchr(k->fallback, '/') != k->fallback)
			snprintf(words, sizeof(words), "%s", strrchr(k->fallback, '/'));
		expect(k, part, words);
		if (k->type == CONFIG_NUMBER) {
			snprintf(words, sizeof(words), "%u to %u", k->min, k->max);
			expect(k, part, words);
		}
		for (size_t i = 0; k->type == CONFIG_WORD && k->words[i]; i++)
			expect(k, part, k->words[i]);
	}
}

static void test_nothing_else_is_described(void **state UNUSED)
{
	unsigned described = 0, keys = 0;

	for (const char *p = text; (p = strstr(p, "\n.BI ")); p++) {
		size_t n = strcspn(p + 5, "= \n");

		described += p[5 + n] == '=';
	}
	for (const ConfigKey *k = config_keys; k->section; k++)
		keys++;
	assert_int_equal(described, keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_described),
		cmocka_unit_test(test_nothing_else_is_described),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
