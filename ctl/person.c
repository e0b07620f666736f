/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who calls, in which language, and how their secrets go into a message. */

#include <locale.h>
#include <pwd.h>
#include <string.h>

#include "ctl.h"
#include "validate.h"

#define UID_DIGITS_MAX 10

void put_secret(JsonWriter *w, const char *key, const Secret *secret)
{
	char text[BASE64_SIZE(SECRET_MAX)];

	base64_encode(secret->bytes, secret->len, text, sizeof(text));
	json_put_string(w, key, text);
	memory_wipe(text, sizeof(text));
}

const char *language_get(const Ctl *ctl, char *ret, size_t size)
{
	const char *locale = ctl->options.language;
	size_t len;

	if (!locale)
		locale = setlocale(LC_MESSAGES, NULL);
	if (!locale)
		return NULL;
	len = strcspn(locale, ".@");
	if (len >= size)
		return NULL;
	memcpy(ret, locale, len);
	ret[len] = '\0';
	for (char *p = ret; *p; p++)
		if (*p == '_')
			*p = '-';
	/* "C" and "POSIX" are no languages; the first is too short to be one. */
	return language_valid(ret) && strcmp(ret, "POSIX") != 0 ? ret : NULL;
}

const char *own_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw ? pw->pw_name : NULL;
}

void put_oneself(JsonWriter *w)
{
	const char *name = own_name();

	if (name)
		json_put_string(w, "user", name);
}

void who_format(const char *uid, char *ret, size_t size)
{
	const struct passwd *pw = NULL;

	if (uid[0] != '\0' && strlen(uid) <= UID_DIGITS_MAX &&
	    strspn(uid, "0123456789") == strlen(uid))
		pw = getpwuid((uid_t)strtoul(uid, NULL, 10));
	snprintf(ret, size, "%s", pw ? pw->pw_name : uid);
}
