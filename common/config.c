/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Setting and freeing by the table, and words for what is wrong with a key. */

#include <limits.h>
#include <string.h>

#include "config_table.h"
#include "validate.h"

#define QUOTE_MAX 80 /* bytes of a bad value in a complaint */

Config *config_free(Config *config)
{
	if (!config)
		return NULL;
	for (const ConfigKey *k = config_keys; k->section; k++) {
		void *at = (char *)config + k->offset;

		if (k->type == CONFIG_TEXT)
			free(*(char **)at);
	}
	free(config);
	return NULL;
}

/* As much of a value as a message takes, not cut within a character. */
static int quote_length(const char *value)
{
	size_t len = strlen(value), done = 0;

	while (done < len) {
		size_t n = utf8_length(value + done, len - done);

		if (n == 0 || done + n > QUOTE_MAX)
			break;
		done += n;
	}
	return (int)done;
}

static int refuse(const ConfigKey *key, const char *value, const char *wanted, char *why,
		  size_t size)
{
	if (value[0] == '\0')
		snprintf(why, size, "%s= may not be empty: wanted is %s.", key->key, wanted);
	else
		snprintf(why, size, "%s=%.*s is not valid: wanted is %s.", key->key,
			 quote_length(value), value, wanted);
	return -EINVAL;
}

static int set_text(const ConfigKey *key, const char *value, char **at)
{
	char *copy;

	if (value[0] == '\0' ? !key->fallback || key->fallback[0] != '\0' : !key->valid(value))
		return -EINVAL;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

static int set_number(const ConfigKey *key, const char *value, unsigned *at)
{
	uint64_t v = 0;

	if (value[0] == '\0')
		return -EINVAL;
	for (const char *p = value; *p; p++) {
		if (*p < '0' || *p > '9' || v > UINT_MAX)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (v < key->min || v > key->max)
		return -EINVAL;
	*at = (unsigned)v;
	return 0;
}

static int set_bool(const char *value, bool *at)
{
	static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no",
										       "false",
										       "off", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*at = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_word(const ConfigKey *key, const char *value, unsigned *at)
{
	for (unsigned i = 0; value[0] != '\0' && key->words[i]; i++) {
		if (strcmp(value, key->words[i]) == 0) {
			*at = i;
			return 0;
		}
	}
	return -EINVAL;
}

int config_key_set(Config *config, const ConfigKey *key, const char *value, char *why, size_t size)
{
	void *at = (char *)config + key->offset;
	const char *wanted = key->wanted;
	char range[64];
	int r = -EINVAL;

	switch (key->type) {
	case CONFIG_TEXT:
		r = set_text(key, value, at);
		break;
	case CONFIG_NUMBER:
		snprintf(range, sizeof(range), "a number from %u to %u", key->min, key->max);
		wanted = range;
		r = set_number(key, value, at);
		break;
	case CONFIG_BOOL:
		wanted = "yes or no";
		r = set_bool(value, at);
		break;
	case CONFIG_WORD:
		r = set_word(key, value, at);
		break;
	}
	return r == -EINVAL ? refuse(key, value, wanted, why, size) : r;
}

/* Edits (insert, drop, replace) between two names; NAME_MAX_LEN bounds the row. */
#define NAME_MAX_LEN 63

static size_t edit_distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 2], n = strlen(b), i = 0;

	if (strlen(a) > NAME_MAX_LEN || n > NAME_MAX_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i] == b[j - 1] ? 0 : 1);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

static const ConfigKey *nearest(const char *section, const char *key)
{
	const ConfigKey *best = NULL;
	size_t least = 2 + strlen(key) / 5 + 1;

	for (const ConfigKey *k = config_keys; k->section; k++) {
		size_t distance = edit_distance(key, k->key);

		/* One of the same section is the better guess. */
		if (strcmp(section, k->section) != 0)
			distance++;
		if (distance < least) {
			least = distance;
			best = k;
		}
	}
	return best;
}

void config_key_unknown(const char *section, const char *key, char *why, size_t size)
{
	const ConfigKey *guess = nearest(section, key);
	const char *section_guess = NULL;
	size_t least = 4;

	for (const ConfigKey *k = config_keys; k->section; k++) {
		size_t distance = edit_distance(section, k->section);

		if (distance < least) {
			least = distance;
			section_guess = k->section;
		}
	}
	if (least > 0 && section_guess)
		snprintf(why, size, "There is no section [%s]: did you mean [%s]?", section,
			 section_guess);
	else if (guess && strcmp(guess->key, key) == 0)
		snprintf(why, size, "%s= does not belong into [%s]: put it into [%s].", key,
			 section, guess->section);
	else if (guess)
		snprintf(why, size, "There is no key %s= in [%s]: did you mean %s= in [%s]?", key,
			 section, guess->key, guess->section);
	else
		snprintf(why, size, "There is no key %s= in [%s]: pwreset.conf(5) lists all.", key,
			 section);
}

void config_complain_stderr(const IniPlace *place, const char *message, void *userdata UNUSED)
{
	if (place->line > 0)
		fprintf(stderr, "%s:%u: %s\n", place->file, place->line, message);
	else
		fprintf(stderr, "%s: %s\n", place->file, message);
}
