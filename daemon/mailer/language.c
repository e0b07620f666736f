/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads language.conf; says dates and durations. */

#include <string.h>
#include <time.h>

#include "buf.h"
#include "language.h"

#define HOUR 60
#define DAY (24 * HOUR)

typedef struct Reader {
	LanguageWords *words;
	IniComplaint complain;
	void *userdata;
} Reader;

static const char *const word_keys[_WORD_MAX] = { "minute", "minutes", "hour",
						  "hours",  "day",     "days" };
static const char *const date_parts[] = { "day", "month", "year", "hour", "minute", "offset" };

static int refuse(const Reader *reader, const IniPlace *place, const char *message)
{
	reader->complain(place, message, reader->userdata);
	return -EBADMSG;
}

static bool keep(char *ret, size_t size, const char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len >= size || *ret != '\0')
		return false;
	memcpy(ret, value, len + 1);
	return true;
}

static bool keep_months(LanguageWords *words, const char *value)
{
	size_t n = 0;

	for (; *value != '\0'; value += strspn(value, " ")) {
		size_t len = strcspn(value, " ");

		if (n == ARRAY_SIZE(words->months) || len >= sizeof(words->months[0]) ||
		    words->months[n][0] != '\0')
			return false;
		memcpy(words->months[n++], value, len);
		value += len;
	}
	return n == ARRAY_SIZE(words->months);
}

/* One of date_parts in braces: its index, and what follows. */
static int date_part(const char *text, const char **ret_next)
{
	for (size_t i = 0; i < ARRAY_SIZE(date_parts); i++) {
		size_t len = strlen(date_parts[i]);

		if (strncmp(text + 1, date_parts[i], len) == 0 && text[len + 1] == '}') {
			*ret_next = text + len + 2;
			return (int)i;
		}
	}
	return -ENOENT;
}

static bool keep_date(LanguageWords *words, const char *value)
{
	const char *p = value;

	while ((p = strchr(p, '{')))
		if (date_part(p, &p) < 0)
			return false;
	return keep(words->date, sizeof(words->date), value);
}

static bool keep_direction(LanguageWords *words, const char *value)
{
	return (strcmp(value, "ltr") == 0 || strcmp(value, "rtl") == 0) &&
	       keep(words->direction, sizeof(words->direction), value);
}

static int assignment(const IniPlace *place, const char *section, const char *key,
		      const char *value, void *userdata)
{
	Reader *reader = userdata;
	LanguageWords *w = reader->words;
	bool ok = false;

	if (strcmp(section, "language") != 0)
		return refuse(reader, place, "Only the section [language] is known here.");
	if (strcmp(key, "direction") == 0)
		ok = keep_direction(w, value);
	else if (strcmp(key, "months") == 0)
		ok = keep_months(w, value);
	else if (strcmp(key, "first") == 0)
		ok = keep(w->first, sizeof(w->first), value);
	else if (strcmp(key, "date") == 0)
		ok = keep_date(w, value);
	else {
		size_t i = 0;

		while (i < _WORD_MAX && strcmp(key, word_keys[i]) != 0)
			i++;
		if (i == _WORD_MAX)
			return refuse(reader, place,
				      "Unknown key. Known: direction months first date minute "
				      "minutes hour hours day days.");
		ok = keep(w->words[i], sizeof(w->words[i]), value);
	}
	if (!ok)
		return refuse(reader, place,
			      "Bad value: direction is ltr or rtl; months are twelve words; in "
			      "date only {day} {month} {year} {hour} {minute} {offset}; no key "
			      "twice, empty or very long.");
	return 0;
}

int language_parse(LanguageWords *ret, const char *file, const char *text, size_t len,
		   IniComplaint complain, void *userdata)
{
	const IniPlace whole = { .file = file };
	LanguageWords words = { .direction = "" };
	Reader reader = { .words = &words, .complain = complain, .userdata = userdata };
	int r;

	r = ini_parse(file, text, len, assignment, complain, &reader);
	if (r < 0)
		return r;
	if (*words.direction == '\0' || words.months[0][0] == '\0' || *words.date == '\0')
		return refuse(&reader, &whole, "direction=, months= and date= are needed.");
	for (size_t i = 0; i < _WORD_MAX; i++)
		if (words.words[i][0] == '\0')
			return refuse(
				&reader, &whole,
				"minute=, minutes=, hour=, hours=, day= and days= are needed.");
	*ret = words;
	return 0;
}

static void offset_print(const struct tm *tm, Buf *out)
{
	long minutes = tm->tm_gmtoff / 60;
	char sign = minutes < 0 ? '-' : '+';

	buf_puts(out, "UTC");
	if (minutes < 0)
		minutes = -minutes;
	if (minutes > 0)
		buf_printf(out, "%c%02ld:%02ld", sign, minutes / 60, minutes % 60);
}

int language_date(const LanguageWords *words, int64_t time, char *ret, size_t size)
{
	time_t t = (time_t)time;
	struct tm tm;
	Buf out;

	if (!localtime_r(&t, &tm))
		return -errno;
	buf_init(&out, ret, size);
	for (const char *p = words->date; *p != '\0';) {
		int part = *p == '{' ? date_part(p, &p) : -ENOENT;

		switch (part) {
		case 0:
			if (tm.tm_mday == 1 && *words->first != '\0')
				buf_puts(&out, words->first);
			else
				buf_printf(&out, "%d", tm.tm_mday);
			break;
		case 1:
			buf_puts(&out, words->months[tm.tm_mon]);
			break;
		case 2:
			buf_printf(&out, "%d", tm.tm_year + 1900);
			break;
		case 3:
			buf_printf(&out, "%02d", tm.tm_hour);
			break;
		case 4:
			buf_printf(&out, "%02d", tm.tm_min);
			break;
		case 5:
			offset_print(&tm, &out);
			break;
		default:
			buf_putc(&out, *p++);
		}
	}
	return out.overflow ? -EOVERFLOW : 0;
}

void language_duration(const LanguageWords *words, int64_t minutes, char *ret, size_t size)
{
	LanguageWord one = WORD_MINUTE;
	int64_t n = minutes;

	if (minutes >= 2 * DAY) {
		n = minutes / DAY;
		one = WORD_DAY;
	} else if (minutes >= 2 * HOUR || minutes == HOUR) {
		n = minutes / HOUR;
		one = WORD_HOUR;
	}
	snprintf(ret, size, "%lld %s", (long long)n, words->words[n == 1 ? one : one + 1]);
}
