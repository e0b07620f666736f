/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The JSON codec: what is read, what is refused, what is written; case 8 and 35 of the security
 * cases begin here.
 */

#include <string.h>
#include <sys/mman.h>

#include "json.h"
#include "unit.h"

#define NODES 64

typedef struct Parsed {
	JsonNode nodes[NODES];
	Json json;
	char *page; /* the text stands at its end, before a page that cannot be touched */
	size_t size;
} Parsed;

static int parse_n(Parsed *p, const char *text, size_t len, size_t n_nodes)
{
	size_t unit = (size_t)sysconf(_SC_PAGESIZE), size = (len / unit + 1) * unit;
	char *at;

	p->size = size + unit;
	p->page = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p->page, MAP_FAILED);
	assert_int_equal(mprotect(p->page + size, unit, PROT_NONE), 0);
	at = p->page + size - len;
	memcpy(at, text, len);
	p->json = (Json){ .nodes = p->nodes, .n_nodes_max = n_nodes };
	return json_parse(&p->json, at, len);
}

static void release(Parsed *p)
{
	munmap(p->page, p->size);
}

static int verdict(const char *text, size_t len)
{
	Parsed p;
	int r = parse_n(&p, text, len, NODES);

	release(&p);
	return r;
}

static void test_refused(void **state UNUSED)
{
	/* clang-format off */
	static const char *const texts[] = {
		"", " ", "{", "[", "\"", "tru", "nul", "truex", "True", "+1", "-", "01", "-01",
			"1.0", "1e3", "1E3", "0x10",
		"1.", ".5", "NaN", "Infinity", "9223372036854775808", "-9223372036854775809",
			"99999999999999999999999",
		"[1,]", "[,1]", "[1 2]", "[1", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
			"{1:1}", "{\"a\":1 \"b\":2}",
		"{\"a\" 1}", "'a'", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
			"\"\\u0000\"", "\"\\ud800\"",
		"\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
			"\"\\ud800\\ud800\"", "\"\n\"", "\"\t\"",
		"\"\x1f\"", "\"\x80\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x80\x80\"",
			"\"\xed\xa0\x80\"",
		"\"\xf0\x80\x80\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"",
			"\"\xc3\"", "\"\xe2\x82\"", "1 1",
		"{} {}", "[]]", "\xef\xbb\xbf{}", "// x\n1", "[1]/**/", "\v1", "\f1",
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (verdict(texts[i], strlen(texts[i])) != JSON_E_SYNTAX)
			fail_msg("not refused as a syntax error: %s", texts[i]);
	assert_int_equal(verdict("1\0", 2), JSON_E_SYNTAX);
	assert_int_equal(verdict("\"a\0b\"", 5), JSON_E_SYNTAX);
	assert_int_equal(verdict("{\"a\":1,\"a\":1}", 13), JSON_E_DUPLICATE);
	assert_int_equal(verdict("{\"a\":1,\"\\u0061\":1}", 18), JSON_E_DUPLICATE);
}

static void test_accepted(void **state UNUSED)
{
	/* clang-format off */
	static const char *const texts[] = {
		"0", "-0", "1", " 1 ", "\t\r\n1\n", "null", "true", "false", "\"\"", "[]", "{}",
			"[ ]", "{ }", "[[],{}]",
		"9223372036854775807", "-9223372036854775808", "\"\x7f\"", "\"\\u007f\"",
			"\"\\ud83d\\ude00\"", "\"\\/\"",
		"\"\xf4\x8f\xbf\xbf\"", "\"\xef\xbf\xbf\"", "{\"\":1}",
			"{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
		"{\"a\":1,\"A\":1,\"aa\":1}",
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (verdict(texts[i], strlen(texts[i])) != 0)
			fail_msg("refused: %s", texts[i]);
}

static void test_nodes(void **state UNUSED)
{
	static const char text[] =
		"{\"s\":\"a\\u00e9\\ud83d\\ude00\\n\",\"i\":-42,\"l\":[1,[2,3],{\"k\":null}],\"t\":true,\"n\":null}";
	const JsonNode *root, *list;
	int64_t sum = 0, v = 0;
	uint32_t n = 0;
	Parsed p;

	assert_int_equal(parse_n(&p, text, sizeof(text) - 1, NODES), 0);
	root = p.nodes;
	assert_int_equal(root->type, JSON_OBJECT);
	assert_int_equal(root->n, 5);
	assert_int_equal(root->span, p.json.n_nodes);
	assert_string_equal(json_get_string(root, "s"), "a\xc3\xa9\xf0\x9f\x98\x80\n");
	assert_int_equal(json_get(root, "s")->n, 8);
	assert_true(json_get_integer(root, "i", &v));
	assert_int_equal(v, -42);
	assert_true(json_get_bool(root, "t", false));
	assert_true(json_get_bool(root, "n", true));
	assert_int_equal(json_get(root, "n")->type, JSON_NULL);
	assert_null(json_get(root, "absent"));
	assert_null(json_get(NULL, "s"));
	assert_null(json_get(json_get(root, "l"), "s"));
	assert_null(json_get_string(root, "i"));
	assert_false(json_get_integer(root, "s", &v));

	list = json_get(root, "l");
	JSON_FOREACH(it, list) {
		n++;
		if (it->type == JSON_ARRAY)
			JSON_FOREACH(inner, it)
				sum += inner->integer;
		else if (it->type == JSON_INTEGER)
			sum += it->integer;
	}
	assert_int_equal(n, 3);
	assert_int_equal(sum, 6);
	n = 0;
	JSON_FOREACH(it, list) {
		n++;
		break;
	}
	assert_int_equal(n, 1);
	release(&p);
}

static void test_limits(void **state UNUSED)
{
	char text[16 * (JSON_MEMBERS_MAX + 2)] = "";
	JsonNode *nodes = calloc(4 * JSON_MEMBERS_MAX, sizeof(*nodes));
	Json json = { .nodes = nodes, .n_nodes_max = 4 * JSON_MEMBERS_MAX };
	Buf buf;

	for (unsigned depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(verdict(text, 2 * depth),
				 depth > JSON_DEPTH_MAX ? JSON_E_TOO_DEEP : 0);
	}
	/* Deep nesting is noticed at the opening bracket, not at the end of the text. */
	memset(text, '[', sizeof(text));
	assert_int_equal(verdict(text, sizeof(text)), JSON_E_TOO_DEEP);

	for (unsigned n = JSON_MEMBERS_MAX; n <= JSON_MEMBERS_MAX + 1; n++) {
		buf_init(&buf, text, sizeof(text));
		buf_putc(&buf, '{');
		for (unsigned i = 0; i < n; i++)
			buf_printf(&buf, "%s\"%u\":1", i > 0 ? "," : "", i);
		buf_putc(&buf, '}');
		assert_false(buf.overflow);
		assert_int_equal(json_parse(&json, text, buf.len),
				 n > JSON_MEMBERS_MAX ? JSON_E_TOO_MANY : 0);
	}
	free(nodes);
}

static void test_too_many_nodes(void **state UNUSED)
{
	static const char text[] = "{\"a\":[1,\"2\",{}],\"b\":false}";
	Parsed p;

	/* Root, two keys, two values, three elements. */
	for (size_t n = 0; n < 8; n++) {
		assert_int_equal(parse_n(&p, text, sizeof(text) - 1, n), JSON_E_TOO_MANY);
		release(&p);
	}
	assert_int_equal(parse_n(&p, text, sizeof(text) - 1, 8), 0);
	release(&p);
}

static void test_writer(void **state UNUSED)
{
	char memory[512];
	Buf buf;
	JsonWriter w = JSON_WRITER(&buf);

	buf_init(&buf, memory, sizeof(memory));
	json_open(&w, NULL, '{');
	json_put_string(&w, "s", "\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9");
	json_put_integer(&w, "min", INT64_MIN);
	json_open(&w, "l", '[');
	json_put_bool(&w, NULL, true);
	json_put_null(&w, NULL);
	json_open(&w, NULL, '{');
	json_close(&w, '}');
	json_put_string(&w, NULL, NULL);
	json_close(&w, ']');
	json_put_string_n(&w, "n", "abc", 2);
	json_close(&w, '}');
	assert_false(buf.overflow);
	assert_string_equal(
		memory,
		"{\"s\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\xc3\xa9\",\"min\":-9223372036854775808,"
		"\"l\":[true,null,{},null],\"n\":\"ab\"}");
}

static void test_writer_refuses(void **state UNUSED)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = { { "\xff", 1 }, { "a\xc3", 2 }, { "a\0b", 3 }, { "\xed\xa0\x80", 3 } };
	char memory[64];
	Buf buf;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		JsonWriter w = JSON_WRITER(&buf);

		buf_init(&buf, memory, sizeof(memory));
		json_put_string_n(&w, NULL, bad[i].bytes, bad[i].len);
		assert_true(buf.overflow);
	}
}

static void test_written_again(void **state UNUSED)
{
	static const char text[] =
		"{\"a\":[1,\"x\\u0001\",{\"b\":null,\"c\":[true,false]},[]],\"d\":{},\"e\":-7}";
	static const char members[] =
		"{\"first\":1,\"a\":[1,\"x\\u0001\",{\"b\":null,\"c\":[true,false]},[]],\"d\":{},\"e\":-7,\"last\":2}";
	char memory[256];
	Parsed p;
	Buf buf;
	JsonWriter w = JSON_WRITER(&buf);

	assert_int_equal(parse_n(&p, text, sizeof(text) - 1, NODES), 0);
	buf_init(&buf, memory, sizeof(memory));
	json_put_node(&w, NULL, p.nodes);
	assert_string_equal(memory, text);

	buf_init(&buf, memory, sizeof(memory));
	w = JSON_WRITER(&buf);
	json_open(&w, NULL, '{');
	json_put_integer(&w, "first", 1);
	json_put_members(&w, p.nodes);
	json_put_integer(&w, "last", 2);
	json_close(&w, '}');
	assert_string_equal(memory, members);
	release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_nodes),          cmocka_unit_test(test_limits),
		cmocka_unit_test(test_too_many_nodes), cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_refuses), cmocka_unit_test(test_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
