/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The blocking client against servers that answer, lie, stall, talk too much and die. */

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "client.h"
#include "unit.h"

static char folder[] = "/tmp/test_client.XXXXXX";
static char path[64];

static int listen_at(int backlog)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/*
 * A process that accepts once, waits for a whole call, sends these bytes, and then stays until the
 * client goes.
 */
static pid_t server_start(const char *bytes, size_t len, bool stay)
{
	int fd = listen_at(4);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char c = 'x';
		int peer = accept(fd, NULL, NULL);

		while (peer >= 0 && c != '\0' && read(peer, &c, 1) == 1)
			;
		if (len > 0 && send(peer, bytes, len, MSG_NOSIGNAL) < 0)
			_exit(1);
		while (stay && read(peer, &c, 1) == 1)
			;
		_exit(0);
	}
	close(fd);
	return pid;
}

static void server_stop(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
}

static int call_once(Client *client, unsigned timeout, VarlinkReply *reply)
{
	JsonWriter *w = client_open(client, "a.B", false);

	json_put_string(w, "x", "y");
	return client_call(client, timeout, reply);
}

/* Whoever answers has all the time that a loaded machine takes. */
static int call_against(const char *bytes, size_t len, bool stay)
{
	unsigned timeout = stay && (len == 0 || bytes[len - 1] == 'f') ? 150 : 20000;
	CLEANUP(client_freep) Client *client = NULL;
	pid_t pid = server_start(bytes, len, stay);
	VarlinkReply reply;
	int r, q;

	assert_int_equal(client_connect(&client, path, false, 20000), 0);
	r = call_once(client, timeout, &reply);
	/* After a failure nothing that comes late may be taken for an answer. */
	q = r < 0 ? call_once(client, timeout, &reply) : -EPIPE;
	assert_int_equal(q, -EPIPE);
	client = client_free(client);
	server_stop(pid);
	return r;
}

#define ANSWER(text) text, sizeof(text), true

static void test_answers(void **state UNUSED)
{
	assert_int_equal(call_against(ANSWER("{\"parameters\":{}}")), 0);
	assert_int_equal(call_against(ANSWER("{\"error\":\"a.B\"}")), 0);
	assert_int_equal(call_against(ANSWER("{\"parameters\":{},\"continues\":true}")), -EBADMSG);
	assert_int_equal(call_against(ANSWER("{\"method\":\"a.B\"}")), -EBADMSG);
	assert_int_equal(call_against(ANSWER("[]")), -EBADMSG);
	assert_int_equal(call_against(ANSWER("")), -EBADMSG);
	assert_int_equal(call_against("{\"half", 6, true), -ETIMEDOUT);
	assert_int_equal(call_against("{\"half", 6, false), -ECONNRESET);
	assert_int_equal(call_against(NULL, 0, true), -ETIMEDOUT);
	assert_int_equal(call_against(NULL, 0, false), -ECONNRESET);
}

static void test_answer_too_long(void **state UNUSED)
{
	AUTO_FREE char *bytes = malloc(2 * VARLINK_MESSAGE_MAX);

	assert_non_null(bytes);
	memset(bytes, ' ', 2 * VARLINK_MESSAGE_MAX);
	assert_int_equal(call_against(bytes, 2 * VARLINK_MESSAGE_MAX, true), -EBADMSG);
}

static void test_more(void **state UNUSED)
{
	static const char bytes[] =
		"{\"continues\":true,\"parameters\":{\"n\":1}}\0{\"continues\":true,\"parameters\":{\"n\":2}}\0"
		"{\"parameters\":{\"n\":3}}";
	CLEANUP(client_freep) Client *client = NULL;
	pid_t pid = server_start(bytes, sizeof(bytes), true);
	VarlinkReply reply;
	int64_t n;

	assert_int_equal(client_connect(&client, path, false, 20000), 0);
	client_open(client, "a.B", true);
	assert_int_equal(client_call(client, 0, &reply), 0);
	for (int64_t i = 1; i <= 3; i++) {
		assert_true(json_get_integer(reply.parameters, "n", &n));
		assert_int_equal(n, i);
		assert_int_equal(reply.continues, i < 3);
		assert_int_equal(client_next(client, 0, &reply), i < 3 ? 0 : -EPIPE);
	}
	client = client_free(client);
	server_stop(pid);
}

static void test_call_too_long(void **state UNUSED)
{
	CLEANUP(client_freep) Client *client = NULL;
	pid_t pid = server_start(ANSWER("{}"));
	AUTO_FREE char *text = malloc(VARLINK_MESSAGE_MAX);
	VarlinkReply reply;

	assert_non_null(text);
	memset(text, 'a', VARLINK_MESSAGE_MAX - 1);
	text[VARLINK_MESSAGE_MAX - 1] = '\0';
	assert_int_equal(client_connect(&client, path, false, 20000), 0);
	json_put_string(client_open(client, "a.B", false), "x", text);
	assert_int_equal(client_call(client, 0, &reply), -EMSGSIZE);
	json_put_string(client_open(client, "a.B", false), "x", "\xff");
	assert_int_equal(client_call(client, 0, &reply), -EMSGSIZE);
	/* Nothing was sent, so the connection is as good as before. */
	assert_int_equal(call_once(client, 0, &reply), 0);
	client = client_free(client);
	server_stop(pid);
}

static void test_connect_fails(void **state UNUSED)
{
	CLEANUP(client_freep) Client *client = NULL;
	char long_path[200];

	unlink(path);
	assert_int_equal(client_connect(&client, path, false, 100), -ENOENT);
	assert_int_equal(client_connect(&client, "", false, 100), -ENAMETOOLONG);
	memset(long_path, 'a', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(client_connect(&client, long_path, false, 100), -ENAMETOOLONG);
	close(listen_at(1));
	assert_int_equal(client_connect(&client, path, false, 100), -ECONNREFUSED);
	assert_null(client);
}

static void test_full_backlog_is_bounded(void **state UNUSED)
{
	CLEANUP(client_freep) Client *first = NULL, *second = NULL;
	AUTO_CLOSE UNUSED int fd = listen_at(0);
	uint64_t start = monotonic_ms(), took;

	assert_int_equal(client_connect(&first, path, false, 20000), 0);
	assert_int_equal(client_connect(&second, path, false, 200), -ETIMEDOUT);
	took = monotonic_ms() - start;
	assert_in_range(took, 190, 20000);
}

/* Whoever is not root must not be taken for systemd's listener. */
static void test_root_peer(void **state UNUSED)
{
	CLEANUP(client_freep) Client *client = NULL;
	int ready[2], status;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	unlink(path);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* SO_PEERCRED tells who called listen(). */
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		listen_at(4);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(client_connect(&client, path, true, 20000), -EPERM);
	assert_null(client);
	assert_int_equal(client_connect(&client, path, false, 20000), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ready[0]);
	close(ready[1]);

	if (geteuid() == 0) {
		AUTO_CLOSE UNUSED int fd = listen_at(4);

		client = client_free(client);
		assert_int_equal(client_connect(&client, path, true, 20000), 0);
	}
}

static int setup(void **state UNUSED)
{
	if (!mkdtemp(folder) || chmod(folder, 0777) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	return 0;
}

static int teardown(void **state UNUSED)
{
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_answer_too_long),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_call_too_long),
		cmocka_unit_test(test_connect_fails),
		cmocka_unit_test(test_full_backlog_is_bounded),
		cmocka_unit_test(test_root_peer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
