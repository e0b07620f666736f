/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls, replies and parameters: what is taken for one and what is refused. */

#include <string.h>

#include "unit.h"
#include "varlink.h"

#define NODES 64

static JsonNode nodes[NODES];
static char text_copy[1024];

static const JsonNode *parsed(const char *text)
{
	Json json = { .nodes = nodes, .n_nodes_max = NODES };
	size_t len = strlen(text);

	assert_true(len < sizeof(text_copy));
	memcpy(text_copy, text, len);
	assert_int_equal(json_parse(&json, text_copy, len), 0);
	return nodes;
}

static void test_calls(void **state UNUSED)
{
	VarlinkCall call;

	assert_int_equal(varlink_call_parse(&call, parsed("{\"method\":\"org.a.B\"}")), 0);
	assert_string_equal(call.method, "org.a.B");
	assert_null(call.parameters);
	assert_false(call.more);
	assert_false(call.oneway);
	assert_int_equal(
		varlink_call_parse(
			&call,
			parsed("{\"parameters\":null,\"more\":true,\"upgrade\":false,\"method\":\"a.B\"}")),
		0);
	assert_null(call.parameters);
	assert_true(call.more);
	assert_int_equal(
		varlink_call_parse(
			&call,
			parsed("{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"oneway\":true}")),
		0);
	assert_true(call.oneway);
	assert_non_null(json_get(call.parameters, "x"));
}

static void test_calls_refused(void **state UNUSED)
{
	/* clang-format off */
	static const char *const texts[] = {
		"1", "[]", "\"a.B\"", "null", "{}", "{\"parameters\":{}}", "{\"method\":null}",
			"{\"method\":1}", "{\"method\":\"\"}",
		"{\"method\":\"nodot\"}", "{\"method\":\".B\"}", "{\"method\":\"a.\"}",
			"{\"method\":\"a b.C\"}", "{\"method\":\"a.\\u00e9\"}",
		"{\"method\":\"a.B\\n\"}", "{\"method\":\"a/b.C\"}", "{\"method\":[\"a.B\"]}",
			"{\"method\":\"a.B\",\"parameters\":[]}",
		"{\"method\":\"a.B\",\"parameters\":\"x\"}",
			"{\"method\":\"a.B\",\"parameters\":1}", "{\"method\":\"a.B\",\"more\":1}",
		"{\"method\":\"a.B\",\"more\":null}", "{\"method\":\"a.B\",\"oneway\":\"true\"}",
			"{\"method\":\"a.B\",\"upgrade\":true}",
		"{\"method\":\"a.B\",\"more\":true,\"oneway\":true}",
			"{\"method\":\"a.B\",\"Method\":\"a.B\"}",
		"{\"method\":\"a.B\",\"extra\":1}", "{\"method\":\"a.B\",\"error\":\"a.B\"}",
	};
	/* clang-format on */
	char long_name[400];
	VarlinkCall call = { .method = "untouched" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (varlink_call_parse(&call, parsed(texts[i])) != -EBADMSG)
			fail_msg("taken for a call: %s", texts[i]);
	assert_string_equal(call.method, "untouched");
	for (int n = VARLINK_NAME_MAX - 2; n <= VARLINK_NAME_MAX - 1; n++) {
		snprintf(long_name, sizeof(long_name), "{\"method\":\"%0*d.B\"}", n, 0);
		assert_int_equal(varlink_call_parse(&call, parsed(long_name)),
				 n + 2 > VARLINK_NAME_MAX ? -EBADMSG : 0);
	}
}

static void test_replies(void **state UNUSED)
{
	/* clang-format off */
	static const char *const bad[] = {
		"[]", "{\"parameters\":[]}", "{\"error\":\"\"}", "{\"error\":1}",
			"{\"error\":null}", "{\"continues\":1}", "{\"other\":1}",
		"{\"error\":\"a.B\",\"continues\":true}",
	};
	/* clang-format on */
	VarlinkReply reply;

	assert_int_equal(varlink_reply_parse(&reply, parsed("{}")), 0);
	assert_null(reply.error);
	assert_null(reply.parameters);
	assert_int_equal(
		varlink_reply_parse(&reply, parsed("{\"error\":\"a.B\",\"parameters\":{\"x\":1}}")),
		0);
	assert_string_equal(reply.error, "a.B");
	assert_int_equal(
		varlink_reply_parse(&reply, parsed("{\"continues\":true,\"parameters\":{}}")), 0);
	assert_true(reply.continues);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (varlink_reply_parse(&reply, parsed(bad[i])) != -EBADMSG)
			fail_msg("taken for a reply: %s", bad[i]);
}

static void test_writers(void **state UNUSED)
{
	char memory[256];
	Buf buf = BUF(memory);
	JsonWriter w = JSON_WRITER(&buf);

	varlink_open_call(&w, "a.B", true);
	json_put_integer(&w, "x", 1);
	varlink_close(&w);
	assert_string_equal(memory, "{\"method\":\"a.B\",\"more\":true,\"parameters\":{\"x\":1}}");
	buf_wipe(&buf);
	w = JSON_WRITER(&buf);
	varlink_open_reply(&w, false);
	varlink_close(&w);
	assert_string_equal(memory, "{\"parameters\":{}}");
	buf_wipe(&buf);
	w = JSON_WRITER(&buf);
	varlink_open_error(&w, "a.B");
	json_put_string(&w, "y", "z");
	varlink_close(&w);
	assert_string_equal(memory, "{\"error\":\"a.B\",\"parameters\":{\"y\":\"z\"}}");
}

typedef struct Target {
	const char *name;
	int64_t count;
	bool flag;
	const JsonNode *list;
	const JsonNode *object;
} Target;

static const VarlinkField fields[] = {
	{ "name", JSON_STRING, offsetof(Target, name), true, 4 },
	{ "count", JSON_INTEGER, offsetof(Target, count), false, 0 },
	{ "flag", JSON_BOOL, offsetof(Target, flag), false, 0 },
	{ "list", JSON_ARRAY, offsetof(Target, list), false, 2 },
	{ "object", JSON_OBJECT, offsetof(Target, object), false, 0 },
	{ 0 },
};

static void test_dispatch(void **state UNUSED)
{
	Target target = { .count = 7, .flag = true };
	const char *bad = NULL;

	assert_int_equal(varlink_dispatch(parsed("{\"name\":\"abcd\",\"count\":null}"), fields,
					  &target, &bad),
			 0);
	assert_string_equal(target.name, "abcd");
	assert_int_equal(target.count, 7);
	assert_true(target.flag);
	assert_int_equal(
		varlink_dispatch(
			parsed("{\"flag\":false,\"name\":\"\",\"list\":[1,2],\"object\":{},\"count\":-1}"),
			fields, &target, &bad),
		0);
	assert_string_equal(target.name, "");
	assert_int_equal(target.count, -1);
	assert_false(target.flag);
	assert_int_equal(target.list->n, 2);
	assert_non_null(target.object);
	assert_int_equal(varlink_dispatch(NULL, fields + 1, &target, &bad), 0);
	assert_null(bad);
}

static void test_dispatch_refused(void **state UNUSED)
{
	static const struct {
		const char *text, *bad;
	} cases[] = {
		{ "{}", "name" },
		{ "{\"name\":null}", "name" },
		{ "{\"name\":1}", "name" },
		{ "{\"name\":[\"a\"]}", "name" },
		{ "{\"name\":\"abcde\"}", "name" },
		{ "{\"name\":\"a\",\"count\":\"1\"}", "count" },
		{ "{\"name\":\"a\",\"flag\":1}", "flag" },
		{ "{\"name\":\"a\",\"list\":[1,2,3]}", "list" },
		{ "{\"name\":\"a\",\"list\":{}}", "list" },
		{ "{\"name\":\"a\",\"object\":[]}", "object" },
		{ "{\"name\":\"a\",\"Name\":\"a\"}", "Name" },
		{ "{\"caller\":{},\"name\":\"a\"}", "caller" },
	};
	Target target = { .name = "before", .count = 7 };
	const char *bad;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(varlink_dispatch(parsed(cases[i].text), fields, &target, &bad), 1);
		assert_string_equal(bad, cases[i].bad);
	}
	assert_string_equal(target.name, "before");
	assert_int_equal(varlink_dispatch(NULL, fields, &target, &bad), 1);
	assert_string_equal(bad, "name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),    cmocka_unit_test(test_calls_refused),
		cmocka_unit_test(test_replies),  cmocka_unit_test(test_writers),
		cmocka_unit_test(test_dispatch), cmocka_unit_test(test_dispatch_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
