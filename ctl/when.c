/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times as people write them, without what a locale would make of them. */

#include <string.h>

#include "when.h"

/* Digits, at most five of them; moves on behind them. */
static int number_take(const char **p, unsigned *ret)
{
	size_t len = strspn(*p, "0123456789");
	unsigned n = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (unsigned)(*(*p)++ - '0');
	*ret = n;
	return 0;
}

static int parse_ago(const char *text, time_t now, int64_t *ret)
{
	static const struct {
		const char *name;
		unsigned seconds;
	} units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	unsigned n;

	if (number_take(&text, &n) < 0)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(text, units[i].name) == 0) {
			*ret = (int64_t)now - (int64_t)n * units[i].seconds;
			return 0;
		}
	return -EINVAL;
}

static int local_time(struct tm *tm, int64_t *ret)
{
	struct tm wanted = *tm;
	time_t t;

	tm->tm_isdst = -1;
	t = mktime(tm);
	/* mktime() makes March 2 of February 30. */
	if (t == (time_t)-1 || tm->tm_mday != wanted.tm_mday || tm->tm_mon != wanted.tm_mon)
		return -EINVAL;
	*ret = t;
	return 0;
}

static int parse_midnight(time_t now, int days_ago, int64_t *ret)
{
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return -EINVAL;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= days_ago;
	tm.tm_isdst = -1;
	*ret = mktime(&tm);
	return 0;
}

static int parse_date(const char *p, int64_t *ret)
{
	unsigned part[6] = { 0 };
	static const char separators[] = "-- ::";
	size_t n = 0;
	struct tm tm;

	while (n < ARRAY_SIZE(part)) {
		if (number_take(&p, &part[n++]) < 0)
			return -EINVAL;
		if (*p == '\0')
			break;
		if (n == ARRAY_SIZE(part) || (*p != separators[n - 1] && !(n == 3 && *p == 'T')))
			return -EINVAL;
		p++;
	}
	/* A date, with hour and minute or without. */
	if (*p != '\0' || n < 3 || n == 4 || part[0] < 1970 || part[1] < 1 || part[1] > 12 ||
	    part[2] < 1 || part[2] > 31 || part[3] > 23 || part[4] > 59 || part[5] > 59)
		return -EINVAL;
	tm = (struct tm){
		.tm_year = (int)part[0] - 1900,
		.tm_mon = (int)part[1] - 1,
		.tm_mday = (int)part[2],
		.tm_hour = (int)part[3],
		.tm_min = (int)part[4],
		.tm_sec = (int)part[5],
	};
	return local_time(&tm, ret);
}

int when_parse(const char *text, time_t now, int64_t *ret)
{
	if (strcmp(text, "now") == 0) {
		*ret = now;
		return 0;
	}
	if (strcmp(text, "today") == 0)
		return parse_midnight(now, 0, ret);
	if (strcmp(text, "yesterday") == 0)
		return parse_midnight(now, 1, ret);
	if (text[0] == '-')
		return parse_ago(text + 1, now, ret);
	return parse_date(text, ret);
}
