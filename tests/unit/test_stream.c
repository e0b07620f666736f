/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stream of messages: halves, floods, lies about the end, and peers that go (security cases 35
 * and 36).
 */

#include <string.h>
#include <sys/socket.h>

#include "unit.h"
#include "varlink.h"

typedef struct Pair {
	VarlinkStream *stream;
	int peer;
} Pair;

static void pair_open(Pair *pair)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(varlink_stream_new(&pair->stream, fds[0]), 0);
	assert_int_equal(varlink_stream_fd(pair->stream), fds[0]);
	pair->peer = fds[1];
}

static void pair_close(Pair *pair)
{
	varlink_stream_free(pair->stream);
	if (pair->peer >= 0)
		close(pair->peer);
}

static void peer_send(Pair *pair, const void *bytes, size_t len)
{
	assert_int_equal(send(pair->peer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

#define MESSAGE "{\"method\":\"a.B\",\"parameters\":{\"x\":\"y\"}}"

static void test_byte_by_byte(void **state UNUSED)
{
	static const char message[] = MESSAGE;
	const JsonNode *root;
	Pair pair;

	pair_open(&pair);
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(message); i++) {
			assert_int_equal(varlink_stream_read(pair.stream, &root), 0);
			peer_send(&pair, message + i, 1);
		}
		assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
		assert_string_equal(json_get_string(root, "method"), "a.B");
	}
	assert_int_equal(varlink_stream_read(pair.stream, &root), 0);
	pair_close(&pair);
}

static void test_many_at_once(void **state UNUSED)
{
	char bytes[100 * sizeof(MESSAGE)];
	const JsonNode *root;
	Pair pair;

	for (size_t i = 0; i < 100; i++)
		memcpy(bytes + i * sizeof(MESSAGE), MESSAGE, sizeof(MESSAGE));
	pair_open(&pair);
	/* All but the last byte: the last message is not there before its NUL is. */
	peer_send(&pair, bytes, sizeof(bytes) - 1);
	for (unsigned i = 0; i < 99; i++) {
		assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
		assert_string_equal(json_get_string(json_get(root, "parameters"), "x"), "y");
	}
	assert_int_equal(varlink_stream_read(pair.stream, &root), 0);
	peer_send(&pair, "", 1);
	assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
	close(pair.peer);
	pair.peer = -1;
	/* The message stays readable after the peer has gone. */
	assert_string_equal(json_get_string(root, "method"), "a.B");
	assert_int_equal(varlink_stream_read(pair.stream, &root), -ECONNRESET);
	pair_close(&pair);
}

static void test_not_varlink(void **state UNUSED)
{
	static const char *const texts[] = { "",      "GET / HTTP/1.1\r\n\r\n", "{",
					     "{} {}", "{\"a\":1,\"a\":2}",      "{\"a\":1.5}",
					     "\xff" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const JsonNode *root;
		Pair pair;

		pair_open(&pair);
		peer_send(&pair, texts[i], strlen(texts[i]) + 1);
		assert_int_equal(varlink_stream_read(pair.stream, &root), -EBADMSG);
		pair_close(&pair);
	}
}

/* A string message of len bytes in all, with its NUL; or without it. */
static void send_long(Pair *pair, size_t len, bool end)
{
	AUTO_FREE char *bytes = malloc(len);

	assert_non_null(bytes);
	memset(bytes, 'a', len);
	bytes[0] = '"';
	bytes[len - 2] = '"';
	bytes[len - 1] = end ? '\0' : ' ';
	peer_send(pair, bytes, len);
}

static void test_length(void **state UNUSED)
{
	const JsonNode *root;
	Pair pair;

	pair_open(&pair);
	send_long(&pair, VARLINK_MESSAGE_MAX, true);
	assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
	assert_int_equal(root->n, VARLINK_MESSAGE_MAX - 3);
	send_long(&pair, VARLINK_MESSAGE_MAX, false);
	assert_int_equal(varlink_stream_read(pair.stream, &root), -EMSGSIZE);
	pair_close(&pair);

	/* Behind a short message the limit is the same. */
	pair_open(&pair);
	peer_send(&pair, "1", 2);
	send_long(&pair, VARLINK_MESSAGE_MAX, true);
	assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
	assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
	assert_int_equal(root->n, VARLINK_MESSAGE_MAX - 3);
	pair_close(&pair);
}

static void test_too_many_values(void **state UNUSED)
{
	char bytes[2 * VARLINK_NODES_MAX + 2];
	const JsonNode *root;
	Pair pair;

	for (size_t n = VARLINK_NODES_MAX - 1; n <= VARLINK_NODES_MAX; n++) {
		memset(bytes, '1', sizeof(bytes));
		for (size_t i = 0; i < n; i++)
			bytes[2 * i] = i == 0 ? '[' : ',';
		bytes[2 * n] = ']';
		bytes[2 * n + 1] = '\0';
		pair_open(&pair);
		peer_send(&pair, bytes, 2 * n + 2);
		assert_int_equal(varlink_stream_read(pair.stream, &root),
				 n == VARLINK_NODES_MAX ? -EBADMSG : 1);
		pair_close(&pair);
	}
}

static void test_densest_texts_fit(void **state UNUSED)
{
	static const char *const texts[] = {
		"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
		"{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":1}}}}}}",
		"[1,1,1,1,1,1,1,1]",
		"0",
		"[]",
		"[[],[],[]]",
	};

	/* The stream gives as many nodes as a text of that length can need at most. */
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const JsonNode *root;
		Pair pair;

		pair_open(&pair);
		peer_send(&pair, texts[i], strlen(texts[i]) + 1);
		assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
		pair_close(&pair);
	}
}

static void write_message(Pair *pair, size_t len)
{
	Buf *buf = varlink_stream_message(pair->stream);
	JsonWriter w = JSON_WRITER(buf);
	AUTO_FREE char *text = malloc(len + 1);

	assert_non_null(buf);
	assert_non_null(text);
	memset(text, 'b', len);
	text[len] = '\0';
	json_put_string(&w, NULL, text);
}

static void test_queue(void **state UNUSED)
{
	size_t queued = 0, received = 0;
	char bytes[4096];
	Pair pair;
	ssize_t n;

	pair_open(&pair);
	assert_false(varlink_stream_pending(pair.stream));
	while (varlink_stream_message(pair.stream)) {
		write_message(&pair, 40000);
		assert_int_equal(varlink_stream_commit(pair.stream), 0);
		queued += 40003;
		assert_true(queued < VARLINK_QUEUE_MAX + VARLINK_MESSAGE_MAX);
	}
	assert_true(queued >= VARLINK_QUEUE_MAX);
	assert_true(varlink_stream_pending(pair.stream));
	for (;;) {
		int r = varlink_stream_flush(pair.stream);

		assert_true(r >= 0);
		while ((n = recv(pair.peer, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
			received += (size_t)n;
		if (r == 1)
			break;
	}
	assert_int_equal(received, queued);
	assert_false(varlink_stream_pending(pair.stream));
	assert_non_null(varlink_stream_message(pair.stream));
	pair_close(&pair);
}

static void test_commit_refuses(void **state UNUSED)
{
	Pair pair;

	pair_open(&pair);
	write_message(&pair, VARLINK_MESSAGE_MAX);
	assert_int_equal(varlink_stream_commit(pair.stream), -EMSGSIZE);
	assert_false(varlink_stream_pending(pair.stream));
	/* Nothing was written, or nothing was opened. */
	assert_non_null(varlink_stream_message(pair.stream));
	assert_int_equal(varlink_stream_commit(pair.stream), -EMSGSIZE);
	assert_int_equal(varlink_stream_commit(pair.stream), -EMSGSIZE);
	/* A message begun anew starts empty. */
	write_message(&pair, 10);
	write_message(&pair, 1);
	assert_int_equal(varlink_stream_commit(pair.stream), 0);
	assert_int_equal(varlink_stream_flush(pair.stream), 1);
	pair_close(&pair);
}

static void test_peer_gone(void **state UNUSED)
{
	const JsonNode *root;
	Pair pair;

	pair_open(&pair);
	peer_send(&pair, "{\"half\":", 8);
	close(pair.peer);
	pair.peer = -1;
	assert_int_equal(varlink_stream_read(pair.stream, &root), -ECONNRESET);
	write_message(&pair, 10);
	assert_int_equal(varlink_stream_commit(pair.stream), 0);
	/* SIGPIPE would end this test. */
	assert_int_equal(varlink_stream_flush(pair.stream), -EPIPE);
	pair_close(&pair);
}

/* Every byte that leaves is written by us: under valgrind, send() would tell of others. */
static void test_whole_exchange(void **state UNUSED)
{
	char bytes[512];
	const JsonNode *root;
	JsonWriter w;
	VarlinkCall call;
	Pair pair;
	ssize_t n;

	pair_open(&pair);
	peer_send(&pair, MESSAGE, sizeof(MESSAGE));
	assert_int_equal(varlink_stream_read(pair.stream, &root), 1);
	assert_int_equal(varlink_call_parse(&call, root), 0);
	w = JSON_WRITER(varlink_stream_message(pair.stream));
	varlink_open_reply(&w, true);
	json_put_members(&w, call.parameters);
	json_put_node(&w, "again", call.parameters);
	varlink_close(&w);
	assert_int_equal(varlink_stream_commit(pair.stream), 0);
	assert_int_equal(varlink_stream_flush(pair.stream), 1);
	n = recv(pair.peer, bytes, sizeof(bytes), 0);
	assert_true(n > 0 && bytes[n - 1] == '\0');
	assert_string_equal(
		bytes, "{\"continues\":true,\"parameters\":{\"x\":\"y\",\"again\":{\"x\":\"y\"}}}");
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_byte_by_byte),    cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_not_varlink),     cmocka_unit_test(test_length),
		cmocka_unit_test(test_too_many_values), cmocka_unit_test(test_densest_texts_fit),
		cmocka_unit_test(test_queue),           cmocka_unit_test(test_commit_refuses),
		cmocka_unit_test(test_peer_gone),       cmocka_unit_test(test_whole_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
