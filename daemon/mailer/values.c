/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of kinds and names, and what a value may look like. */

#include <string.h>

#include "validate.h"
#include "values.h"

#define NUMBER_DIGITS_MAX 15

typedef enum ValueType {
	TYPE_TEXT,
	TYPE_LINK,
	TYPE_NUMBER,
	TYPE_FLAG, /* "yes", or absent */
	TYPE_MADE, /* not from outside */
} ValueType;

static const struct {
	const char *name;
	ValueType type;
} infos[_VALUE_MAX] = {
	[VALUE_USER] = { "user", TYPE_TEXT },
	[VALUE_NAME] = { "name", TYPE_TEXT },
	[VALUE_LINK] = { "link", TYPE_LINK },
	[VALUE_CODE] = { "code", TYPE_TEXT },
	[VALUE_PASSWORD] = { "password", TYPE_TEXT },
	[VALUE_MINUTES] = { "minutes", TYPE_NUMBER },
	[VALUE_TIME] = { "time", TYPE_NUMBER },
	[VALUE_HOST] = { "host", TYPE_TEXT },
	[VALUE_ADDRESS] = { "address", TYPE_TEXT },
	[VALUE_SERVICE] = { "service", TYPE_TEXT },
	[VALUE_REVOKE] = { "revoke", TYPE_LINK },
	[VALUE_REQUESTER] = { "requester", TYPE_TEXT },
	[VALUE_MAIL] = { "mail", TYPE_TEXT },
	[VALUE_QUESTIONS] = { "questions", TYPE_FLAG },
	[VALUE_CODES] = { "codes", TYPE_FLAG },
	[VALUE_PIN] = { "pin", TYPE_FLAG },
	[VALUE_WAY] = { "way", TYPE_FLAG },
	[VALUE_UNSURE] = { "unsure", TYPE_FLAG },
	[VALUE_SITE] = { "site", TYPE_TEXT },
	[VALUE_CONTACT] = { "contact", TYPE_TEXT },
	[VALUE_PAGE] = { "page", TYPE_LINK },
	[VALUE_LASTS] = { "lasts", TYPE_MADE },
	[VALUE_UNTIL] = { "until", TYPE_MADE },
	[VALUE_WHEN] = { "when", TYPE_MADE },
	[VALUE_LANGUAGE] = { "language", TYPE_MADE },
	[VALUE_DIRECTION] = { "direction", TYPE_MADE },
	[VALUE_SUBJECT] = { "subject", TYPE_MADE },
	[VALUE_BODY] = { "body", TYPE_MADE },
};

#define B(name) VALUE_BIT(VALUE_##name)
/* What every mail may say: who is meant, when and where it was asked for, by whom, and whom to turn
 * to. */
#define COMMON                                                                                     \
	(B(USER) | B(NAME) | B(TIME) | B(WHEN) | B(HOST) | B(ADDRESS) | B(SERVICE) |               \
	 B(REQUESTER) | B(SITE) | B(CONTACT) | B(PAGE) | B(LANGUAGE))
#define LASTING (B(MINUTES) | B(LASTS) | B(UNTIL))

static const struct {
	const char *name;
	ValueSet known;     /* beside COMMON */
	ValueSet mandatory; /* values that must come */
	ValueSet essential; /* names that the templates must use */
} kinds[_KIND_MAX] = {
	[KIND_LINK] = { "link", LASTING | B(LINK) | B(CODE) | B(REVOKE),
			B(USER) | B(LINK) | B(MINUTES) | B(TIME), B(USER) | B(LINK) },
	[KIND_CODE] = { "code", LASTING | B(LINK) | B(CODE) | B(REVOKE),
			B(USER) | B(CODE) | B(MINUTES) | B(TIME), B(USER) | B(CODE) },
	[KIND_USERNAME] = { "username", 0, B(USER) | B(TIME), B(USER) },
	[KIND_CHANGED] = { "changed", B(UNSURE), B(USER) | B(TIME), B(USER) },
	[KIND_MAIL_CHANGED] = { "mail-changed", B(MAIL) | B(UNSURE), B(USER) | B(TIME), B(USER) },
	[KIND_MAIL_CONFIRM] = { "mail-confirm", LASTING | B(CODE) | B(MAIL) | B(REVOKE),
				B(USER) | B(CODE) | B(MINUTES) | B(TIME), B(USER) | B(CODE) },
	[KIND_ENROLLED] = { "enrolled",
			    B(QUESTIONS) | B(CODES) | B(PIN) | B(WAY) | B(MAIL) | B(UNSURE),
			    B(USER) | B(TIME), B(USER) },
	[KIND_TEMPORARY] = { "temporary", LASTING | B(PASSWORD), B(USER) | B(TIME),
			     B(USER) | B(PASSWORD) },
	[KIND_EXPIRY] = { "expiry", LASTING, B(USER) | B(MINUTES), B(USER) },
	[KIND_TEST] = { "test", 0, 0, 0 },
};

const char *kind_name(MailKind kind)
{
	return kinds[kind].name;
}

int kind_from_name(const char *name, MailKind *ret)
{
	for (size_t i = 0; i < _KIND_MAX; i++)
		if (strcmp(name, kinds[i].name) == 0) {
			*ret = (MailKind)i;
			return 0;
		}
	return -ENOENT;
}

ValueSet kind_values(MailKind kind)
{
	return COMMON | kinds[kind].known;
}

ValueSet kind_essential(MailKind kind)
{
	return kinds[kind].essential;
}

const char *value_name(ValueName name)
{
	return infos[name].name;
}

int value_from_name(const char *text, size_t len, ValueName *ret)
{
	for (size_t i = 0; i < _VALUE_MAX; i++)
		if (strlen(infos[i].name) == len && memcmp(infos[i].name, text, len) == 0) {
			*ret = (ValueName)i;
			return 0;
		}
	return -ENOENT;
}

bool value_is_link(ValueName name)
{
	return infos[name].type == TYPE_LINK;
}

/* http or https, a host, and nothing that ends an attribute or a line: other schemes run code or
 * open programs. */
static bool link_valid(const char *text)
{
	static const char *const schemes[] = { "https://", "http://" };
	const char *rest = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(schemes) && !rest; i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			rest = text + strlen(schemes[i]);
	if (!rest || strlen(text) > VALUE_LINK_MAX || strcspn(rest, "/?#") == 0)
		return false;
	return strspn(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/"
			    "?#[]@!$&()*+,;=%") == strlen(rest);
}

static bool number_parse(const char *text, int64_t *ret)
{
	size_t len = strlen(text);

	if (len == 0 || len > NUMBER_DIGITS_MAX || strspn(text, "0123456789") != len)
		return false;
	*ret = strtoll(text, NULL, 10);
	return true;
}

int values_set(Values *values, const char *name, const char *text)
{
	ValueName v;
	int64_t number = 0;
	bool ok = false;

	if (value_from_name(name, strlen(name), &v) < 0)
		return -ENOENT;
	switch (infos[v].type) {
	case TYPE_MADE:
		return -ENOENT;
	case TYPE_TEXT:
		ok = text_valid(text, VALUE_TEXT_MAX);
		break;
	case TYPE_LINK:
		ok = *text == '\0' || link_valid(text);
		break;
	case TYPE_FLAG:
		ok = *text == '\0' || strcmp(text, "yes") == 0;
		break;
	case TYPE_NUMBER:
		ok = *text == '\0' || number_parse(text, &number);
		if (ok && v == VALUE_TIME)
			values->time = number;
		else if (ok)
			values->minutes = number;
		/* Nothing lasts no time: 0 says that there is no such limit. */
		if (number == 0)
			text = "";
		break;
	}
	if (!ok)
		return -EBADMSG;
	values->text[v] = text;
	return 0;
}

const char *values_missing(const Values *values, MailKind kind)
{
	for (size_t i = 0; i < _VALUE_MAX; i++)
		if ((kinds[kind].mandatory & VALUE_BIT(i)) && !values_has(values, (ValueName)i))
			return infos[i].name;
	return NULL;
}
