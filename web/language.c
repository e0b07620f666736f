/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RFC 4647 lookup over an Accept-Language header. */
#include <string.h>
#include <strings.h>

#include "language.h"

int language_match(const char *tag, size_t len, const char *const *tags, size_t n)
{
	while (len > 0) {
		for (size_t i = 0; i < n; i++)
			if (strlen(tags[i]) == len && strncasecmp(tags[i], tag, len) == 0)
				return (int)i;
		/* One subtag fewer: de-CH-1996, de-CH, de. */
		while (len > 0 && tag[len - 1] != '-')
			len--;
		if (len > 0)
			len--;
	}
	return -1;
}

/* "0.8" as 800; what is no weight counts as 0, so that it never wins. */
static unsigned weight_parse(const char *text, size_t len)
{
	unsigned weight, unit = 100;

	if (len < 1 || (text[0] != '0' && text[0] != '1') || (len > 1 && text[1] != '.') || len > 5)
		return 0;
	weight = text[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < len; i++, unit /= 10) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		weight += (unsigned)(text[i] - '0') * unit;
	}
	return weight > 1000 ? 0 : weight;
}

static size_t skip_blanks(const char *text, size_t at, size_t len)
{
	while (at < len && (text[at] == ' ' || text[at] == '\t'))
		at++;
	return at;
}

/* One range with its weight: "de-AT;q=0.8". Returns the length of the tag. */
static size_t range_parse(const char *text, size_t len, unsigned *weight)
{
	size_t tag = 0, at;

	while (tag < len && text[tag] != ';' && text[tag] != ' ' && text[tag] != '\t')
		tag++;
	*weight = 1000;
	at = skip_blanks(text, tag, len);
	if (at == len)
		return tag;
	*weight = 0;
	if (text[at] != ';')
		return tag;
	at = skip_blanks(text, at + 1, len);
	if (len - at > 2 && (text[at] == 'q' || text[at] == 'Q') && text[at + 1] == '=') {
		while (len > at && (text[len - 1] == ' ' || text[len - 1] == '\t'))
			len--;
		*weight = weight_parse(text + at + 2, len - at - 2);
	}
	return tag;
}

int language_negotiate(const char *accept, const char *const *tags, size_t n)
{
	unsigned best_weight = 0;
	int best = -1;

	for (unsigned i = 0; i < LANGUAGE_RANGES_MAX && *accept; i++) {
		size_t blank = skip_blanks(accept, 0, strlen(accept));
		size_t len = strcspn(accept + blank, ",");
		unsigned weight;
		size_t tag = range_parse(accept + blank, len, &weight);
		int found =
			weight > best_weight ? language_match(accept + blank, tag, tags, n) : -1;

		if (found >= 0) {
			best = found;
			best_weight = weight;
		}
		accept += blank + len;
		if (*accept == ',')
			accept++;
	}
	return best;
}
