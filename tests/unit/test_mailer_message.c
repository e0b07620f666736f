/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The message's form: header fields, folding, encoding, refusal of what would break it. */

#include "unit.h"

#include <string.h>

#include "header.h"
#include "message.h"

static char memory[256 * 1024];

static Message example(void)
{
	return (Message){ .id = "AAAAAAAAAAAAAAAAAAAAAA",
			  .index = 1,
			  .date = 1795286400,
			  .from_name = "Example Help",
			  .from_address = "help@example.com",
			  .to = "alice@example.com",
			  .language = "en",
			  .subject = "Hello",
			  .text = "one\ntwo\n",
			  .html = "<p>one" };
}

static void test_whole(void **state)
{
	const char *wanted = "Date: Sat, 21 Nov 2026 18:40:00 +0000\r\n"
			     "From: Example Help <help@example.com>\r\n"
			     "To: <alice@example.com>\r\n"
			     "Subject: Hello\r\n"
			     "Message-ID: <AAAAAAAAAAAAAAAAAAAAAA.1@example.com>\r\n"
			     "Content-Language: en\r\n"
			     "Auto-Submitted: auto-generated\r\n"
			     "X-Auto-Response-Suppress: All\r\n"
			     "MIME-Version: 1.0\r\n"
			     "Content-Type: multipart/alternative;\r\n"
			     " boundary=\"=_pwreset_alternative\"\r\n"
			     "\r\n"
			     "--=_pwreset_alternative\r\n"
			     "Content-Type: text/plain; charset=utf-8\r\n"
			     "Content-Transfer-Encoding: base64\r\n"
			     "\r\n"
			     "b25lDQp0d28NCg==\r\n"
			     "--=_pwreset_alternative\r\n"
			     "Content-Type: text/html; charset=utf-8\r\n"
			     "Content-Transfer-Encoding: base64\r\n"
			     "\r\n"
			     "PHA+b25l\r\n"
			     "--=_pwreset_alternative--\r\n";
	Message m = example();
	Buf out;

	(void)state;
	buf_init(&out, memory, sizeof(memory));
	assert_int_equal(message_write(&m, &out), 0);
	assert_string_equal(out.data, wanted);
}

static void refused(Message m, int error)
{
	Buf out;

	buf_init(&out, memory, sizeof(memory));
	assert_int_equal(message_write(&m, &out), error);
	assert_int_equal(out.len, 0);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "a\nb",        "a\rb", "a\r\nBcc: x@example.com",
					   "\x7f",        "\xff", "\xc0\x80",
					   "\xe2\x80\xa8" };
	Message m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		m = example();
		m.subject = bad[i];
		refused(m, MESSAGE_E_SUBJECT);
		m = example();
		m.from_name = bad[i];
		refused(m, MESSAGE_E_FROM);
		m = example();
		m.to = bad[i];
		refused(m, MESSAGE_E_TO);
		m = example();
		m.id = bad[i];
		refused(m, MESSAGE_E_ID);
	}
	for (size_t i = 1; i < ARRAY_SIZE(bad) - 1; i++) {
		m = example();
		m.text = bad[i];
		refused(m, MESSAGE_E_BODY);
		m = example();
		m.html = bad[i];
		refused(m, MESSAGE_E_BODY);
	}
	m = example();
	m.subject = "";
	refused(m, MESSAGE_E_SUBJECT);
	m = example();
	m.language = "e n";
	refused(m, MESSAGE_E_BODY);
}

static void test_too_long(void **state)
{
	Message m = example();
	char small[500];
	Buf out;

	(void)state;
	buf_init(&out, small, sizeof(small));
	assert_int_equal(message_write(&m, &out), MESSAGE_E_TOO_LONG);
	for (size_t i = 0; i < sizeof(small); i++)
		assert_int_equal(small[i], 0);
}

/* Each length of text around the line of 57 bytes, with line feeds at each place. */
static void test_line_feeds_at_the_border(void **state)
{
	char text[130];

	(void)state;
	for (size_t len = 1; len < 128; len++)
		for (size_t feed = 0; feed < len; feed++) {
			Message m = example();
			Buf out;

			memset(text, 'x', len);
			text[len] = '\0';
			text[feed] = '\n';
			m.text = text;
			buf_init(&out, memory, sizeof(memory));
			assert_int_equal(message_write(&m, &out), 0);
			/* Base64 of len + 1 bytes, a line for each 57 of them. */
			assert_non_null(strstr(out.data, "base64\r\n\r\n"));
			const char *start = strstr(out.data, "base64\r\n\r\n") + 10,
				   *end = strstr(start, "--=_");
			size_t n = (len + 1 + 2) / 3 * 4 + 2 * ((len + 1 + 56) / 57);

			assert_int_equal(end - start, n);
		}
}

static const char *text_field(const char *text)
{
	Buf out;

	buf_init(&out, memory, sizeof(memory));
	header_put_text(&out, "Subject", text);
	return memory;
}

static void test_text_fields(void **state)
{
	(void)state;
	assert_string_equal(text_field("plain words"), "Subject: plain words\r\n");
	assert_string_equal(text_field("Grüße"), "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
	assert_string_equal(text_field("=?UTF-8?B?QQ==?="),
			    "Subject: =?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?=\r\n");
	assert_string_equal(text_field(" lead"), "Subject: =?UTF-8?B?IGxlYWQ=?=\r\n");
	assert_string_equal(text_field("two  blanks"), "Subject: =?UTF-8?B?dHdvICBibGFua3M=?=\r\n");
	assert_string_equal(text_field("end "), "Subject: =?UTF-8?B?ZW5kIA==?=\r\n");
	assert_string_equal(
		text_field("one two three four five six seven eight nine ten eleven twelve "
			   "thirteen fourteen"),
		"Subject: one two three four five six seven eight nine ten eleven twelve\r\n"
		" thirteen fourteen\r\n");
}

/* No line of any field is longer than 78 columns, no character is torn. */
static void test_folding(void **state)
{
	char text[512];

	(void)state;
	for (size_t n = 1; n < 120; n++) {
		size_t len = 0;

		for (size_t i = 0; i < n; i++) {
			memcpy(text + len, i % 3 == 0 ? "\xe2\x82\xac" : "ab ", 3);
			len += 3;
		}
		text[len] = '\0';
		for (const char *line = text_field(text); *line != '\0';) {
			size_t columns = strcspn(line, "\r");

			assert_in_range(columns, 1, 78);
			line += columns + 2;
		}
	}
}

static const char *address_field(const char *display, const char *address)
{
	Buf out;

	buf_init(&out, memory, sizeof(memory));
	header_put_address(&out, "From", display, address);
	return memory;
}

static void test_address_fields(void **state)
{
	(void)state;
	assert_string_equal(address_field(NULL, "a@b"), "From: <a@b>\r\n");
	assert_string_equal(address_field("", "a@b"), "From: <a@b>\r\n");
	assert_string_equal(address_field("A B", "a@b"), "From: A B <a@b>\r\n");
	assert_string_equal(address_field("B, A", "a@b"), "From: \"B, A\" <a@b>\r\n");
	assert_string_equal(address_field("A \"x\" \\", "a@b"),
			    "From: \"A \\\"x\\\" \\\\\" <a@b>\r\n");
	assert_string_equal(address_field("=?x?=", "a@b"), "From: =?UTF-8?B?PT94Pz0=?= <a@b>\r\n");
	assert_string_equal(address_field("Ä <c@d>", "a@b"),
			    "From: =?UTF-8?B?w4QgPGNAZD4=?= <a@b>\r\n");
	assert_string_equal(address_field("A rather long name that takes much of the first line",
					  "somebody.somewhere@department.example.com"),
			    "From: A rather long name that takes much of the first line\r\n"
			    " <somebody.somewhere@department.example.com>\r\n");
}

static void test_sender(void **state)
{
	static const struct {
		const char *from, *name, *address;
	} good[] = {
		{ "a@example.com", "", "a@example.com" },
		{ "<a@example.com>", "", "a@example.com" },
		{ "Example Help <a@example.com>", "Example Help", "a@example.com" },
		{ "\"Help, Example\" <a@example.com>", "Help, Example", "a@example.com" },
		{ "Hilfe für alle <a@example.com>", "Hilfe für alle", "a@example.com" },
	};
	static const char *const bad[] = { "",
					   "a",
					   "<a@example.com",
					   "a <a@example.com> b",
					   "a <a@example.com\n>",
					   "a\nb <a@example.com>" };
	char name[64], address[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(
			message_sender(good[i].from, name, sizeof(name), address, sizeof(address)),
			0);
		assert_string_equal(name, good[i].name);
		assert_string_equal(address, good[i].address);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(
			message_sender(bad[i], name, sizeof(name), address, sizeof(address)),
			-EINVAL);
	assert_int_equal(message_sender("a name that does not fit <a@example.com>", name, 8,
					address, sizeof(address)),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_line_feeds_at_the_border),
		cmocka_unit_test(test_text_fields),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_address_fields),
		cmocka_unit_test(test_sender),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
