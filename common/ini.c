/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grammar of "[section] key = value". What is wrong is told all at once, up to a limit. */

#include <stdarg.h>
#include <string.h>

#include "buf.h"
#include "ini.h"
#include "validate.h"

#define INI_NAME_MAX 63       /* bytes of a section or key */
#define INI_COMPLAINTS_MAX 20 /* then the rest of the file is not looked at */

typedef struct Reader {
	IniPlace place;
	IniHandler handler;
	IniComplaint complain;
	void *userdata;
	unsigned complaints;
	char section[INI_NAME_MAX + 1];
	char line[INI_LINE_MAX + 1];
} Reader;

static PRINTF(2, 3) void complain(Reader *reader, const char *format, ...)
{
	char message[512];
	va_list args;

	reader->complaints++;
	if (!reader->complain)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	reader->complain(&reader->place, message, reader->userdata);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts the blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t len;

	while (is_blank(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_blank(text[len - 1]))
		text[--len] = '\0';
	return text;
}

static bool name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > INI_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '-')
			return false;
	return true;
}

static void take_section(Reader *reader, char *text)
{
	size_t len = strlen(text);

	/* Assignments behind a broken header must not fall into the section before it. */
	reader->section[0] = '\0';
	if (text[len - 1] != ']') {
		complain(reader,
			 "A section's line must end with ']': write [name] and nothing behind it.");
		return;
	}
	text[len - 1] = '\0';
	text = trim(text + 1);
	if (!name_valid(text)) {
		complain(reader,
			 "A section's name has lower-case letters, digits and hyphens only.");
		return;
	}
	memcpy(reader->section, text, strlen(text) + 1);
}

static int take_assignment(Reader *reader, char *text)
{
	char *equals = strchr(text, '='), *key, *value;

	if (!equals) {
		complain(
			reader,
			"There is no '=' in this line: write key = value, or # in front of a comment.");
		return 0;
	}
	*equals = '\0';
	key = trim(text);
	value = trim(equals + 1);
	if (!name_valid(key)) {
		complain(
			reader,
			"A key has lower-case letters, digits and hyphens only, as in min-length = 8.");
		return 0;
	}
	if (reader->section[0] == '\0') {
		complain(
			reader,
			"%s= stands before any valid [section]: put it under the section it belongs to.",
			key);
		return 0;
	}
	return reader->handler(&reader->place, reader->section, key, value, reader->userdata);
}

static int take_line(Reader *reader, const char *bytes, size_t len)
{
	char *text;

	if (len > INI_LINE_MAX) {
		complain(reader, "The line is longer than %d bytes: shorten it.", INI_LINE_MAX);
		return 0;
	}
	if (len > 0 && bytes[len - 1] == '\r') {
		complain(
			reader,
			"The line ends with a carriage return: save the file with Unix line ends.");
		return 0;
	}
	memcpy(reader->line, bytes, len);
	reader->line[len] = '\0';
	for (char *p = reader->line; p < reader->line + len; p++)
		if (*p == '\t')
			*p = ' ';
	if (strlen(reader->line) != len || !text_valid(reader->line, INI_LINE_MAX)) {
		complain(reader, "The line has control characters or is not UTF-8: type it anew.");
		return 0;
	}
	text = trim(reader->line);
	if (text[0] == '\0' || text[0] == '#' || text[0] == ';')
		return 0;
	if (text[0] == '[') {
		take_section(reader, text);
		return 0;
	}
	return take_assignment(reader, text);
}

int ini_parse(const char *file, const char *text, size_t len, IniHandler handler,
	      IniComplaint complaint, void *userdata)
{
	Reader reader = {
		.place = { .file = file },
		.handler = handler,
		.complain = complaint,
		.userdata = userdata,
	};

	if (len > INI_FILE_MAX) {
		complain(&reader, "The file is longer than %d bytes: shorten it.", INI_FILE_MAX);
		return -EBADMSG;
	}
	while (len > 0 && reader.complaints < INI_COMPLAINTS_MAX) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;
		int r;

		reader.place.line++;
		r = take_line(&reader, text, n);
		if (r != 0)
			return r;
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
	return reader.complaints > 0 ? -EBADMSG : 0;
}
