/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header fields and MIME on any values (the input's lines at NULs: id, From, its name, To,
 * language, subject, text, HTML): refused, or a message whose form nothing in them has changed.
 */

#include "fuzz.h"
#include "message.h"

#define FIELDS 8
#define OUT_SIZE (1024 * 1024)

static const char *const names[] = { "Date: ",
				     "From: ",
				     "To: ",
				     "Subject: ",
				     "Message-ID: ",
				     "Content-Language: ",
				     "Auto-Submitted: ",
				     "X-Auto-Response-Suppress: ",
				     "MIME-Version: ",
				     "Content-Type: " };

/* Each field once, in order; between them only continuation lines; every line within the limits. */
static const char *check_header(const char *p)
{
	size_t field = 0;

	while (strncmp(p, "\r\n", 2) != 0) {
		const char *end = strstr(p, "\r\n");

		assert(end && end - p <= 998 && !memchr(p, '\n', (size_t)(end - p)) &&
		       !memchr(p, '\r', (size_t)(end - p)));
		if (*p == ' ') {
			assert(field > 0 && end - p > 1);
		} else {
			assert(field < sizeof(names) / sizeof(names[0]));
			assert(strncmp(p, names[field], strlen(names[field])) == 0);
			field++;
		}
		p = end + 2;
	}
	assert(field == sizeof(names) / sizeof(names[0]));
	return p + 2;
}

/* Two parts of base64 in short lines and no more boundaries than belong there. */
static void check_body(const char *p)
{
	unsigned n_boundaries = 0;

	while (*p != '\0') {
		const char *end = strstr(p, "\r\n");

		assert(end && end - p <= 78);
		for (const char *c = p; c < end; c++)
			assert(*c >= ' ' && *c <= '~');
		assert(!(end - p == 1 && *p == '.'));
		if (strncmp(p, "--", 2) == 0)
			n_boundaries++;
		p = end + 2;
	}
	assert(n_boundaries == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[OUT_SIZE];
	char *text = fuzz_text(data, size), *p = text, name[256], address[256];
	const char *fields[FIELDS];
	Message m;
	Buf out;

	for (size_t i = 0; i < FIELDS; i++) {
		fields[i] = p;
		p += strlen(p);
		if (p < text + size)
			p++;
	}
	m = (Message){ .id = fields[0],
		       .index = 1,
		       .date = 1795286400,
		       .from_address = fields[1],
		       .from_name = fields[2],
		       .to = fields[3],
		       .language = fields[4],
		       .subject = fields[5],
		       .text = fields[6],
		       .html = fields[7] };
	buf_init(&out, memory, sizeof(memory));
	if (message_write(&m, &out) == 0)
		check_body(check_header(memory));
	else
		assert(out.len == 0);
	if (message_sender(fields[2], name, sizeof(name), address, sizeof(address)) == 0)
		assert(*address != '\0' && !strpbrk(address, "<> \r\n"));
	free(text);
	return 0;
}
