/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header fields, a line each, as libmicrohttpd would hand them over: the verdict, the source, the
 * language; and the same bytes as a text of a page.
 */

#include <arpa/inet.h>

#include "fuzz.h"
#include "head.h"
#include "html.h"
#include "validate.h"

static Head read_head(const char *text, size_t size)
{
	const char *end = text + size;
	Head head = {};

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *colon;

		if (!stop)
			stop = end;
		colon = memchr(text, ':', (size_t)(stop - text));
		if (!colon)
			head_add(&head, text, (size_t)(stop - text), "", 0);
		else
			head_add(&head, text, (size_t)(colon - text), colon + 1,
				 (size_t)(stop - colon - 1));
		text = stop < end ? stop + 1 : end;
	}
	return head;
}

static void check_head(const char *text, size_t size)
{
	static const char *const tags[] = { "de", "en", "es", "fr", "pt-BR" };
	Head head = read_head(text, size);
	uint8_t address[sizeof(struct in6_addr)];
	int language;

	if (head_check(&head, true, 100) == 0)
		assert(head.n_host == 1 && head.n_length == 1 && head.length <= 100 && head.form);
	if (head_check(&head, false, 100) == 0)
		assert(head.n_host == 1 && head.length == 0);
	if (!head_foreign(&head, "https://a"))
		assert(head.site != HEAD_SITE_FOREIGN);
	if (head.forwarded[0])
		assert(inet_pton(AF_INET, head.forwarded, address) == 1 ||
		       inet_pton(AF_INET6, head.forwarded, address) == 1);
	language = language_negotiate(head.language, tags, ARRAY_SIZE(tags));
	assert(language >= -1 && language < (int)ARRAY_SIZE(tags));
}

static void check_html(const char *text)
{
	size_t size = 6 * strlen(text) + 1;
	char *memory = malloc(size);
	Buf out;

	assert(memory);
	buf_init(&out, memory, size);
	html_text(&out, text);
	assert(!out.overflow && !strpbrk(out.data, "<>\"'"));
	for (const char *amp = strchr(out.data, '&'); amp; amp = strchr(amp + 1, '&'))
		assert(strchr(amp, ';') && (size_t)(strchr(amp, ';') - amp) <= 5);
	buf_init(&out, memory, size);
	html_contact(&out, text);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_copy(data, size), *text = fuzz_text(data, size);

	check_head(bytes, size);
	check_html(text);
	free(bytes);
	free(text);
	return 0;
}
