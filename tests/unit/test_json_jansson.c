/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our JSON reader held against jansson's: over generated texts and mutations of them, both accept
 * or both refuse, and what both accept means the same. Where we are stricter on purpose, jansson's
 * tree must show the reason: fractions and exponents, duplicate keys, depth above JSON_DEPTH_MAX,
 * objects above JSON_MEMBERS_MAX. (\u0000, which we refuse as well, jansson refuses by default.) A
 * NUL byte behind the value jansson 2.14 takes for the end of the text; it is not JSON. What our
 * writer writes must mean the same to jansson.
 */

#include <string.h>

#include "json.h"
#include "oracle.h"
#include "unit.h"

#define ROUNDS 60000
#define TEXT_MAX 2048
#define NODES 4096

static uint64_t seed = 20261121;

static uint32_t random_below(uint32_t n)
{
	/* xorshift64*: the same sequence on each run, so that a failure can be repeated. */
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

static void put_any(Buf *buf, const char *const *words, size_t n)
{
	buf_puts(buf, words[random_below((uint32_t)n)]);
}

static void generate_space(Buf *buf)
{
	static const char *const words[] = { "", "", "", "", " ", "\n", "\t ", "\r\n" };

	put_any(buf, words, ARRAY_SIZE(words));
}

static void generate_string(Buf *buf)
{
	/* clang-format off */
	static const char *const words[] = {
		"a", "b", "key", "A", "0", " ", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9",
			"\\u20AC", "\\ud83d\\ude00",
		"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f", "\\b\\f\\r\\t",
			"\xef\xbf\xbf", "\\uffff",
	};
	/* clang-format on */

	buf_putc(buf, '"');
	for (uint32_t n = random_below(5); n > 0; n--)
		put_any(buf, words, ARRAY_SIZE(words));
	buf_putc(buf, '"');
}

static void generate_scalar(Buf *buf)
{
	/* clang-format off */
	static const char *const words[] = {
		"0", "-0", "1", "-1", "42", "9223372036854775807", "-9223372036854775808", "true",
			"false", "null",
		"1.5", "1e2", "123456789", "9007199254740993",
	};
	/* clang-format on */

	if (random_below(3) == 0)
		generate_string(buf);
	else
		put_any(buf, words, random_below(8) == 0 ? ARRAY_SIZE(words) : 10);
}

static void generate_value(Buf *buf, unsigned depth)
{
	uint32_t kind = random_below(depth > 0 ? 4 : 1), n = random_below(5);

	generate_space(buf);
	if (kind < 2) {
		generate_scalar(buf);
	} else {
		buf_putc(buf, kind == 2 ? '[' : '{');
		for (uint32_t i = 0; i < n; i++) {
			if (i > 0)
				buf_putc(buf, ',');
			if (kind == 3) {
				generate_space(buf);
				generate_string(buf);
				generate_space(buf);
				buf_putc(buf, ':');
			}
			generate_value(buf, depth - 1);
		}
		generate_space(buf);
		buf_putc(buf, kind == 2 ? ']' : '}');
	}
	generate_space(buf);
}

static void mutate(char *text, size_t *len)
{
	/* clang-format off */
	static const char *const words[] = {
		"[", "]", "{", "}", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\udc00", "\x80",
			"\xc3", "\xed\xa0\x80", "\xff",
		"1", "-", "0", ".", "e", "true", "nul", " ", "\n", "\x01", "[[[[[[[[", "]]]]]]]]",
			"\"a\":1,", "99999999999999999999",
	};
	/* clang-format on */
	size_t at = *len > 0 ? random_below((uint32_t)*len) : 0, n;
	const char *word;

	switch (random_below(4)) {
	case 0:
		if (*len > 0)
			text[at] ^= (char)(1 << random_below(8));
		break;
	case 1:
		n = *len > at ? random_below((uint32_t)(*len - at < 8 ? *len - at : 8)) + 1 : 0;
		memmove(text + at, text + at + n, *len - at - n);
		*len -= n;
		break;
	case 2:
		word = words[random_below(ARRAY_SIZE(words))];
		n = strlen(word);
		if (*len + n > TEXT_MAX)
			break;
		memmove(text + at + n, text + at, *len - at);
		memcpy(text + at, word, n);
		*len += n;
		break;
	default:
		*len = at;
		break;
	}
}

static bool same_children(const JsonNode *a, const Oracle *b);

static bool same_value(const JsonNode *a, const Oracle *b)
{
	/* clang-format off */
	static const char types[] = {
		[JSON_NULL] = 'n', [JSON_BOOL] = 'b', [JSON_INTEGER] = 'i', [JSON_STRING] = 's',
			[JSON_ARRAY] = 'a', [JSON_OBJECT] = 'o',
	};
	/* clang-format on */
	const char *text;
	size_t len;

	if (!b || oracle_type(b) != types[a->type])
		return false;
	switch (a->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return oracle_bool(b) == a->boolean;
	case JSON_INTEGER:
		return oracle_integer(b) == a->integer;
	case JSON_STRING:
		text = oracle_string(b, &len);
		return len == a->n && strlen(a->string) == len && memcmp(text, a->string, len) == 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return oracle_size(b) == a->n && same_children(a, b);
	}
	return false;
}

static bool same_children(const JsonNode *a, const Oracle *b)
{
	const JsonNode *it = json_first(a);

	for (uint32_t i = 0; i < a->n; i++) {
		const Oracle *child;

		if (a->type == JSON_OBJECT) {
			child = oracle_member(b, it->string);
			it = json_next(it);
		} else {
			child = oracle_element(b, i);
		}
		if (!same_value(it, child))
			return false;
		it = json_next(it);
	}
	return true;
}

typedef struct Tally {
	unsigned both, neither, stricter, duplicates;
} Tally;

static void compare_written(const JsonNode *root, const Oracle *oracle)
{
	static char memory[8 * TEXT_MAX];
	Buf buf = BUF(memory);
	JsonWriter w = JSON_WRITER(&buf);
	Oracle *again;

	json_put_node(&w, NULL, root);
	assert_false(buf.overflow);
	again = oracle_load(memory, buf.len, true);
	assert_non_null(again);
	assert_true(oracle_equal(again, oracle));
	oracle_free(again);
}

static void compare(const char *text, size_t len, Tally *tally)
{
	static JsonNode nodes[NODES];
	Json json = { .nodes = nodes, .n_nodes_max = NODES };
	Oracle *oracle = oracle_load(text, len, false);
	char copy[TEXT_MAX + 1];
	int r;

	memcpy(copy, text, len);
	r = json_parse(&json, copy, len);
	if (r == 0 && oracle) {
		if (!same_value(nodes, oracle))
			fail_msg("read differently: %.*s", (int)len, text);
		compare_written(nodes, oracle);
		tally->both++;
	} else if (r == 0) {
		fail_msg("only we accept: %.*s", (int)len, text);
	} else if (!oracle) {
		tally->neither++;
	} else if (memchr(text, '\0', len) ||
		   oracle_beyond(oracle, JSON_DEPTH_MAX, JSON_MEMBERS_MAX)) {
		tally->stricter++;
	} else {
		Oracle *strict = oracle_load(text, len, true);

		if (strict)
			fail_msg("only jansson accepts (%d): %.*s", r, (int)len, text);
		tally->duplicates++;
	}
	if (oracle)
		oracle_free(oracle);
}

static void test_generated_and_mutated(void **state UNUSED)
{
	char memory[TEXT_MAX + 1];
	Tally tally = { 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		Buf buf = BUF(memory);
		size_t len;

		memory[0] = '\0';
		generate_value(&buf, 1 + random_below(5));
		if (buf.overflow)
			continue;
		len = buf.len;
		compare(memory, len, &tally);
		for (uint32_t n = random_below(4); n > 0; n--) {
			mutate(memory, &len);
			compare(memory, len, &tally);
		}
	}
	print_message(
		"both accept %u, both refuse %u, only we refuse: reals, depth, members, NUL %u, duplicate keys %u\n",
		tally.both, tally.neither, tally.stricter, tally.duplicates);
	/* Else the texts would not have tried what this test is about. */
	assert_true(tally.both > ROUNDS / 2);
	assert_true(tally.neither > ROUNDS / 4);
	assert_true(tally.stricter > ROUNDS / 100);
	assert_true(tally.duplicates > ROUNDS / 1000);
}

static void test_single_bytes(void **state UNUSED)
{
	Tally tally = { 0 };
	char text[8];

	/* Each pair of bytes, alone and inside a string. */
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			text[0] = (char)a;
			text[1] = (char)b;
			compare(text, 2, &tally);
			memcpy(text, "\"xx\"", 4);
			text[1] = (char)a;
			text[2] = (char)b;
			compare(text, 4, &tally);
		}
	assert_true(tally.both > 9000);
	assert_true(tally.neither > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generated_and_mutated),
		cmocka_unit_test(test_single_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
