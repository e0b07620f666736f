/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a mail can say: the kinds of mails, the names that may stand between {{ and }}, which kind
 * knows which, and the values of one mail. templates/README.md describes both tables to people.
 */
#pragma once

#include "macros.h"

#define VALUE_TEXT_MAX 1024 /* bytes of any value but a link */
#define VALUE_LINK_MAX 1024

typedef enum ValueName {
	VALUE_USER,
	VALUE_NAME,
	VALUE_LINK,
	VALUE_CODE,
	VALUE_PASSWORD,
	VALUE_MINUTES,
	VALUE_TIME,
	VALUE_HOST,
	VALUE_ADDRESS,
	VALUE_SERVICE,
	VALUE_REVOKE,
	VALUE_REQUESTER,
	VALUE_MAIL,
	VALUE_QUESTIONS,
	VALUE_CODES,
	VALUE_PIN,
	VALUE_WAY,
	VALUE_UNSURE,
	VALUE_SITE,
	VALUE_CONTACT,
	VALUE_PAGE,
	/* Made here from the others, so that each language has its own way of saying them. */
	VALUE_LASTS,
	VALUE_UNTIL,
	VALUE_WHEN,
	VALUE_LANGUAGE,
	VALUE_DIRECTION,
	VALUE_SUBJECT,
	VALUE_BODY, /* in a layout: the text of the kind, escaped already */
	_VALUE_MAX,
} ValueName;

typedef uint32_t ValueSet; /* bits by ValueName */
#define VALUE_BIT(name) (UINT32_C(1) << (name))

typedef enum MailKind {
	KIND_LINK,
	KIND_CODE,
	KIND_USERNAME,
	KIND_CHANGED,
	KIND_MAIL_CHANGED,
	KIND_MAIL_CONFIRM,
	KIND_ENROLLED,
	KIND_TEMPORARY,
	KIND_EXPIRY,
	KIND_TEST,
	_KIND_MAX,
} MailKind;

const char *kind_name(MailKind kind);
int kind_from_name(const char *name, MailKind *ret); /* -ENOENT */
/* The names that the templates of a kind may use, and those without which they would be of no use.
 */
ValueSet kind_values(MailKind kind);
ValueSet kind_essential(MailKind kind);

const char *value_name(ValueName name);
int value_from_name(const char *text, size_t len, ValueName *ret); /* -ENOENT */
/* Whether it holds a link: only that may stand in href="". */
bool value_is_link(ValueName name);

/* Strings are not owned; NULL and "" both mean absent. */
typedef struct Values {
	const char *text[_VALUE_MAX];
	int64_t minutes;
	int64_t time;
} Values;

/*
 * From outside: 0; -ENOENT: no such name, or one that is made here; -EBADMSG: controls, a line
 * break, too long, no number, no link. A value that the kind has no use for is kept and harmless:
 * no template of that kind can name it.
 */
int values_set(Values *values, const char *name, const char *text);
/* The first value that the kind cannot do without and that is absent, or NULL. */
const char *values_missing(const Values *values, MailKind kind);

static inline bool values_has(const Values *values, ValueName name)
{
	return values->text[name] && *values->text[name] != '\0';
}
