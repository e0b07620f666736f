/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ini reader on any bytes: what it hands on is clean, and it never returns failure without a
 * word.
 */

#include "fuzz.h"
#include "ini.h"
#include "validate.h"

typedef struct Seen {
	unsigned line;
	unsigned complaints;
} Seen;

static int on_assignment(const IniPlace *place, const char *section, const char *key,
			 const char *value, void *userdata)
{
	Seen *seen = userdata;

	assert(place->line > seen->line);
	seen->line = place->line;
	assert(strlen(section) > 0 && strlen(section) < 64);
	assert(strlen(key) > 0 && strlen(key) < 64);
	assert(text_valid(value, INI_LINE_MAX));
	assert(value[0] != ' ' && (value[0] == '\0' || value[strlen(value) - 1] != ' '));
	return strcmp(key, "stop") == 0 ? 7 : 0;
}

static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	Seen *seen = userdata;

	assert(place->file && strlen(message) > 10);
	seen->complaints++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	Seen seen = { 0 };
	int r;

	r = ini_parse("fuzz", text, size, on_assignment, on_complaint, &seen);
	assert(r == 7 || (r == 0 && seen.complaints == 0) ||
	       (r == -EBADMSG && seen.complaints > 0));
	assert(seen.complaints <= 20);
	free(text);
	return 0;
}
