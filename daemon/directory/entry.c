/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading what an entry holds: every value is foreign text until it is checked. */
#include "entry.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "secret.h"

Entry *entry_free(Entry *entry)
{
	if (!entry)
		return NULL;
	for (size_t i = 0; i < entry->n; i++) {
		Attribute *attribute = &entry->attributes[i];

		for (size_t j = 0; j < attribute->n; j++) {
			memory_wipe(attribute->values[j].bytes, attribute->values[j].len);
			free(attribute->values[j].bytes);
		}
		free(attribute->values);
		free(attribute->name);
	}
	free(entry->attributes);
	free(entry->dn);
	free(entry);
	return NULL;
}

void entry_list_deinit(EntryList *list)
{
	for (size_t i = 0; i < list->n; i++)
		entry_free(list->entries[i]);
	free(list->entries);
	*list = (EntryList){ 0 };
}

const Attribute *entry_attribute(const Entry *entry, const char *name)
{
	for (size_t i = 0; i < entry->n; i++)
		if (strcasecmp(entry->attributes[i].name, name) == 0 && entry->attributes[i].n > 0)
			return &entry->attributes[i];
	return NULL;
}

bool entry_has(const Entry *entry, const char *name)
{
	return entry_attribute(entry, name) != NULL;
}

const char *entry_text(const Entry *entry, const char *name)
{
	const Attribute *attribute = entry_attribute(entry, name);

	if (!attribute || strlen(attribute->values[0].bytes) != attribute->values[0].len)
		return NULL;
	return attribute->values[0].bytes;
}

bool integer_parse(const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t value = 0;
	size_t digits = 0;

	for (text += negative; *text >= '0' && *text <= '9'; text++, digits++) {
		if (digits >= 18)
			return false;
		value = value * 10 + (*text - '0');
	}
	if (*text != '\0' || digits == 0)
		return false;
	*ret = negative ? -value : value;
	return true;
}

bool entry_integer(const Entry *entry, const char *name, int64_t *ret)
{
	const char *text = entry_text(entry, name);

	return text && integer_parse(text, ret);
}

static bool digits_parse(const char **text, size_t n, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < n; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		value = value * 10 + (**text - '0');
	}
	*ret = value;
	return true;
}

bool generalized_time_parse(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	time_t time;

	if (!digits_parse(&text, 4, &tm.tm_year) || !digits_parse(&text, 2, &tm.tm_mon) ||
	    !digits_parse(&text, 2, &tm.tm_mday) || !digits_parse(&text, 2, &tm.tm_hour) ||
	    !digits_parse(&text, 2, &tm.tm_min) || !digits_parse(&text, 2, &tm.tm_sec))
		return false;
	if (*text == '.' || *text == ',') {
		const char *digits = ++text;

		while (*text >= '0' && *text <= '9')
			text++;
		if (text == digits || text - digits > 9)
			return false;
	}
	if (strcmp(text, "Z") != 0)
		return false;
	/*
	 * pwdAccountLockedTime says "for ever" by a month of zero: that is no time, and its readers
	 * look at the text.
	 */
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	time = timegm(&tm);
	*ret = time;
	return true;
}

void generalized_time_format(int64_t time, char ret[static GENERALIZED_TIME_SIZE])
{
	time_t seconds = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    strftime(ret, GENERALIZED_TIME_SIZE, "%Y%m%d%H%M%SZ", &tm) == 0)
		ret[0] = '\0';
}

bool entry_time(const Entry *entry, const char *name, int64_t *ret)
{
	const char *text = entry_text(entry, name);

	return text && generalized_time_parse(text, ret);
}

bool entry_flag(const Entry *entry, const char *name)
{
	const char *text = entry_text(entry, name);

	return text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool ascii_equal(const char *a, const char *b)
{
	for (; *a != '\0' && ascii_lower(*a) == ascii_lower(*b); a++)
		b++;
	return *a == '\0' && *b == '\0';
}

bool entry_holds(const Entry *entry, const char *name, const char *text)
{
	const Attribute *attribute = entry_attribute(entry, name);

	for (size_t i = 0; attribute && i < attribute->n; i++)
		if (strlen(attribute->values[i].bytes) == attribute->values[i].len &&
		    ascii_equal(attribute->values[i].bytes, text))
			return true;
	return false;
}
