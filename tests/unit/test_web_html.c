/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Escaping, filling in, colours, languages. */
#include <string.h>
#include <sys/socket.h>

#include "colour.h"
#include "html.h"
#include "language.h"
#include "peers.h"
#include "unit.h"

static void expect(void (*write)(Buf *out, const char *text), const char *text, const char *wanted)
{
	char memory[512];
	Buf out;

	buf_init(&out, memory, sizeof(memory));
	write(&out, text);
	assert_false(out.overflow);
	assert_string_equal(out.data, wanted);
}

static void test_escape(void **state UNUSED)
{
	expect(html_text, "", "");
	expect(html_text, "plain \xc3\xa4", "plain \xc3\xa4");
	expect(html_text, "<a href=\"x\" b='y'>&amp;",
	       "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
	expect(html_text, "</script>", "&lt;/script&gt;");
}

static void test_contact(void **state UNUSED)
{
	expect(html_contact, "help@example.org",
	       "<a href=\"mailto:help@example.org\">help@example.org</a>");
	expect(html_contact, "https://help.example.org/?a=1&b=2",
	       "<a "
	       "href=\"https://help.example.org/?a=1&amp;b=2\">https://help.example.org/"
	       "?a=1&amp;b=2</a>");
	expect(html_contact, "the desk, help@example.org", "the desk, help@example.org");
	expect(html_contact, "javascript:alert(1)", "javascript:alert(1)");
	expect(html_contact, "https://a\"onclick=", "https://a&quot;onclick=");
}

static void test_fill(void **state UNUSED)
{
	const HtmlValue values[] = { { "name", "<b>" }, { NULL, NULL } };
	char memory[128];
	Buf out;

	buf_init(&out, memory, sizeof(memory));
	html_fill(&out, "a & {name} b", values);
	assert_string_equal(out.data, "a &amp; &lt;b&gt; b");
	assert_false(out.overflow);
	html_fill(&out, "{other}", values);
	assert_true(out.overflow);
}

static void test_overflow_writes_nothing_half(void **state UNUSED)
{
	char memory[8];
	Buf out;

	buf_init(&out, memory, sizeof(memory));
	html_text(&out, "abcdef<");
	assert_true(out.overflow);
	assert_string_equal(out.data, "abcdef");
}

static void test_colours(void **state UNUSED)
{
	static const char *const brands[] = { "#1f5fbf", "#ffcc00", "#ffffff", "#000000",
					      "#808080", "#ff0000", "#00ff00", "#0000ff",
					      "#7f7f00", "#123456", "#FEDCBA" };
	static const Colour grounds[] = { { 0xf3, 0xf5, 0xf8 }, { 0x18, 0x1d, 0x25 } };
	ColourScheme light;
	Colour brand;

	for (size_t i = 0; i < ARRAY_SIZE(brands); i++) {
		assert_int_equal(colour_parse(&brand, brands[i]), 0);
		for (size_t j = 0; j < ARRAY_SIZE(grounds); j++) {
			ColourScheme scheme = colour_scheme(brand, grounds[j]);

			assert_true(colour_contrast(scheme.accent, grounds[j]) >=
				    COLOUR_LINK_CONTRAST);
			assert_true(colour_contrast(scheme.button, grounds[j]) >=
				    COLOUR_SHAPE_CONTRAST);
			assert_true(colour_contrast(scheme.button, scheme.on_button) >=
				    COLOUR_TEXT_CONTRAST);
		}
	}
	/* Where it can be read as it is, it stays as it is. */
	assert_int_equal(colour_parse(&brand, "#1f5fbf"), 0);
	light = colour_scheme(brand, grounds[0]);
	assert_memory_equal(&light.button, &brand, sizeof(brand));
	assert_true(colour_contrast((Colour){ 0, 0, 0 }, (Colour){ 255, 255, 255 }) > 20.9);
	assert_int_equal(colour_parse(&brand, "#12345"), -EBADMSG);
	assert_int_equal(colour_parse(&brand, "#12345g"), -EBADMSG);
	assert_int_equal(colour_parse(&brand, "red"), -EBADMSG);
	assert_int_equal(colour_parse(&brand, ""), -EBADMSG);
}

static void test_negotiation(void **state UNUSED)
{
	static const char *const tags[] = { "de", "en", "es", "fr", "pt-BR" };
	static const struct {
		const char *accept;
		int index;
	} cases[] = {
		{ "", -1 },
		{ "en", 1 },
		{ "de-AT", 0 },
		{ "de-CH-1996", 0 },
		{ "DE", 0 },
		{ "it, fr;q=0.5, es;q=0.9", 2 },
		{ "fr;q=0.5,es;q=0.5", 3 },
		{ "en;q=0, es;q=0.1", 2 },
		{ "pt-BR", 4 },
		{ "pt", -1 },
		{ "pt-br, en", 4 },
		{ "*", -1 },
		{ "it, *;q=0.1", -1 },
		{ " es ; q=0.3 , de ; q=0.4 ", 0 },
		{ "es;q=1.000", 2 },
		{ "es;q=1.001, de;q=0.001", 0 },
		{ "es;q=abc, fr;q=0.1", 3 },
		{ "es;level=1, fr;q=0.1", 3 },
		{ ",,,es", 2 },
		{ ";q=1, es;q=0.2", 2 },
		{ "-", -1 },
		{ "d", -1 },
		{ "de-", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int index = language_negotiate(cases[i].accept, tags, ARRAY_SIZE(tags));

		if (index != cases[i].index)
			print_error("%s: %d\n", cases[i].accept, index);
		assert_int_equal(index, cases[i].index);
	}
}

static void test_ranges_are_bounded(void **state UNUSED)
{
	static const char *const tags[] = { "en" };
	char accept[4 * LANGUAGE_RANGES_MAX + 3] = "";

	for (int i = 0; i < LANGUAGE_RANGES_MAX; i++)
		strncat(accept, "xx,", sizeof(accept) - strlen(accept) - 1);
	strncat(accept, "en", sizeof(accept) - strlen(accept) - 1);
	assert_int_equal(language_negotiate(accept, tags, 1), -1);
	assert_int_equal(language_negotiate(accept + 3, tags, 1), 0);
}

/* Whether the other end has been shut down. */
static bool is_cut(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void test_peers(void **state UNUSED)
{
	Peers peers = {};
	Peer *list[4];
	int pairs[4][2];

	for (int i = 0; i < 4; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		list[i] = peers_add(&peers, pairs[i][0], (uint64_t)i * 1000);
		assert_non_null(list[i]);
	}
	list[1]->received = true;
	peers_sweep(&peers, PEERS_RECEIVE_MS - 1);
	assert_false(is_cut(pairs[0][1]));
	/* Only those that have sent no request in their time. */
	peers_sweep(&peers, PEERS_RECEIVE_MS + 2000);
	assert_true(is_cut(pairs[0][1]));
	assert_false(is_cut(pairs[1][1]));
	assert_true(is_cut(pairs[2][1]));
	assert_false(is_cut(pairs[3][1]));
	peers_sweep(&peers, PEERS_TOTAL_MS + 1000);
	assert_true(is_cut(pairs[1][1]));
	for (int i = 0; i < 4; i++) {
		peers_remove(&peers, list[(i + 2) % 4]);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	peers_remove(&peers, NULL);
	assert_int_equal(peers.n, 0);
	assert_null(peers.first);
	assert_null(peers.last);
}

static void test_peers_make_room(void **state UNUSED)
{
	Peers peers = {};
	int pair[2], other[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
	assert_non_null(peers_add(&peers, other[0], 0));
	peers.first->received = true;
	for (int i = 1; i < PEERS_MAX; i++)
		assert_non_null(peers_add(&peers, pair[0], 0));
	assert_false(is_cut(pair[1]));
	/* The oldest that has sent nothing goes, not one that waits for its answer. */
	assert_non_null(peers_add(&peers, -1, 0));
	assert_true(is_cut(pair[1]));
	assert_false(is_cut(other[1]));
	while (peers.first)
		peers_remove(&peers, peers.first);
	assert_int_equal(peers.n, 0);
	for (int i = 0; i < 2; i++) {
		close(pair[i]);
		close(other[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_contact),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_overflow_writes_nothing_half),
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_ranges_are_bounded),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_peers_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
