/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ticket and code texts: what is accepted is written back as the same text, so there is one
 * spelling of each.
 */

#include "fuzz.h"
#include "token.h"

static void check_ticket(const char *text)
{
	char again[TICKET_TEXT_MAX + 1], public[TICKET_TEXT_MAX + 1];
	Ticket ticket, part;
	int r;

	if (ticket_public_parse(&part, text) == 0) {
		assert(ticket_parse(&ticket, text) == -EBADMSG);
		return;
	}
	if (ticket_parse(&ticket, text) != 0) {
		assert(ticket_public(text, public, sizeof(public)) == -EBADMSG);
		return;
	}
	r = ticket_format(&ticket, again, sizeof(again));
	assert(r == 0 && strcmp(again, text) == 0);
	r = ticket_public(text, public, sizeof(public));
	assert(r == 0);
	r = ticket_public_parse(&part, public);
	assert(r == 0 && part.selector_len == ticket.selector_len);
	assert(memcmp(part.id, ticket.id, sizeof(part.id)) == 0);
}

static void check_code(const char *text)
{
	char code[CODE_SYMBOLS + 1], again[CODE_SYMBOLS + 1], shown[CODE_SYMBOLS + 2];
	int r;

	if (code_parse(text, code) != 0)
		return;
	assert(strspn(code, CODE_ALPHABET) == CODE_SYMBOLS && code[CODE_SYMBOLS] == '\0');
	code_format(code, shown);
	r = code_parse(shown, again);
	assert(r == 0 && strcmp(code, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	check_ticket(text);
	check_code(text);
	free(text);
	return 0;
}
