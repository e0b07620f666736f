/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker's loop in a process of its own: replies, errors, oneway, idleness, and death when a
 * deadline passes.
 */

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "serve.h"
#include "unit.h"

#define DEFAULT_MS 60000

static int on_echo(Serve *serve, const VarlinkCall *call, void *userdata)
{
	JsonWriter *w = serve_reply(serve);
	unsigned *calls = userdata;

	json_put_integer(w, "calls", ++*calls);
	if (call->parameters)
		json_put_members(w, call->parameters);
	return serve_send(serve);
}

static int on_fail(Serve *serve, const VarlinkCall *call UNUSED, void *userdata UNUSED)
{
	return serve_fail(serve, "a.Failed");
}

static int on_invalid(Serve *serve, const VarlinkCall *call UNUSED, void *userdata UNUSED)
{
	return serve_invalid(serve, "x");
}

static int on_silent(Serve *serve UNUSED, const VarlinkCall *call UNUSED, void *userdata UNUSED)
{
	return 0;
}

static int on_twice(Serve *serve, const VarlinkCall *call UNUSED, void *userdata UNUSED)
{
	serve_fail(serve, "a.First");
	return serve_fail(serve, "a.Second");
}

static int on_hang(Serve *serve UNUSED, const VarlinkCall *call UNUSED, void *userdata UNUSED)
{
	/* No handler is set for anything, so this ends with the process. */
	return pause();
}

static int on_error(Serve *serve UNUSED, const VarlinkCall *call UNUSED, void *userdata UNUSED)
{
	return -EIO;
}

static void on_rest(void *userdata)
{
	unsigned *calls = userdata;

	*calls += 100;
}

/* clang-format off */
static const ServeMethod methods[] = {
	{ "a.Echo", on_echo }, { "a.Fail", on_fail }, { "a.Invalid", on_invalid }, { "a.Silent",
	  on_silent },
	{ "a.Twice", on_twice }, { "a.Hang", on_hang }, { "a.Error", on_error }, { NULL, NULL },
};
/* clang-format on */

typedef struct Worker {
	pid_t pid;
	int fd;
} Worker;

static Worker worker_start_resting(unsigned idle_ms, unsigned default_ms, unsigned rest_ms)
{
	int fds[2];
	Worker worker;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	worker.fd = fds[0];
	worker.pid = fork();
	assert_true(worker.pid >= 0);
	if (worker.pid == 0) {
		unsigned calls = 0;
		sigset_t all;

		/* What a parent may have left behind must not keep the worker alive. */
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		signal(SIGALRM, SIG_IGN);
		close(fds[0]);
		_exit(-serve_run(fds[1], &(const ServeOptions){
						 .methods = methods,
						 .userdata = &calls,
						 .idle_ms = idle_ms,
						 .default_ms = default_ms,
						 .rest = rest_ms > 0 ? on_rest : NULL,
						 .rest_ms = rest_ms,
					 }));
	}
	close(fds[1]);
	return worker;
}

static Worker worker_start(unsigned idle_ms, unsigned default_ms)
{
	return worker_start_resting(idle_ms, default_ms, 0);
}

/* The exit status, or minus the signal. */
static int worker_end(Worker *worker)
{
	int status;

	if (worker->fd >= 0)
		close(worker->fd);
	assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void worker_send(const Worker *worker, const char *text)
{
	assert_int_equal(send(worker->fd, text, strlen(text) + 1, MSG_NOSIGNAL),
			 (ssize_t)strlen(text) + 1);
}

static const char *worker_read(const Worker *worker)
{
	static char text[1024];
	size_t n = 0;

	do
		if (n == sizeof(text) || read(worker->fd, text + n, 1) != 1)
			return NULL;
	while (text[n++] != '\0');
	return text;
}

static void test_replies(void **state UNUSED)
{
	Worker worker = worker_start(0, DEFAULT_MS);

	worker_send(&worker, "{\"method\":\"a.Echo\",\"parameters\":{\"x\":[1,{\"y\":null}]}}");
	assert_string_equal(worker_read(&worker),
			    "{\"parameters\":{\"calls\":1,\"x\":[1,{\"y\":null}]}}");
	worker_send(&worker, "{\"method\":\"a.Fail\",\"parameters\":{}}");
	assert_string_equal(worker_read(&worker), "{\"error\":\"a.Failed\",\"parameters\":{}}");
	worker_send(&worker, "{\"method\":\"a.Invalid\"}");
	assert_string_equal(
		worker_read(&worker),
		"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"x\"}}");
	worker_send(&worker, "{\"method\":\"a.Other\"}");
	assert_string_equal(
		worker_read(&worker),
		"{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"a.Other\"}}");
	/* Asked for without an answer: done, and the next answer is the next call's. */
	worker_send(&worker, "{\"method\":\"a.Echo\",\"oneway\":true}");
	worker_send(&worker, "{\"method\":\"a.Other\",\"oneway\":true}");
	worker_send(&worker, "{\"method\":\"a.Echo\",\"more\":true}");
	assert_string_equal(worker_read(&worker), "{\"parameters\":{\"calls\":3}}");
	assert_int_equal(worker_end(&worker), 0);
}

static int end_after(const char *text)
{
	Worker worker = worker_start(0, DEFAULT_MS);

	worker_send(&worker, text);
	while (worker_read(&worker))
		;
	return worker_end(&worker);
}

static void test_ends(void **state UNUSED)
{
	assert_int_equal(end_after("{\"method\":\"a.Silent\"}"), EPROTO);
	assert_int_equal(end_after("{\"method\":\"a.Twice\"}"), EALREADY);
	assert_int_equal(end_after("{\"method\":\"a.Error\"}"), EIO);
	assert_int_equal(end_after("{\"nothing\":1}"), EBADMSG);
	assert_int_equal(end_after("nonsense"), EBADMSG);
}

static void test_idle(void **state UNUSED)
{
	Worker worker = worker_start(100, DEFAULT_MS);
	uint64_t start;

	worker_send(&worker, "{\"method\":\"a.Echo\"}");
	assert_non_null(worker_read(&worker));
	start = monotonic_ms();
	/* Half a call does not keep it. */
	assert_int_equal(send(worker.fd, "{", 1, MSG_NOSIGNAL), 1);
	assert_null(worker_read(&worker));
	assert_in_range(monotonic_ms() - start, 80, 30000);
	assert_int_equal(worker_end(&worker), 0);
}

static void test_rest(void **state UNUSED)
{
	Worker worker = worker_start_resting(60000, DEFAULT_MS, 50);

	/* None before the first call, one after each pause. */
	poll(NULL, 0, 200);
	worker_send(&worker, "{\"method\":\"a.Echo\"}");
	assert_string_equal(worker_read(&worker), "{\"parameters\":{\"calls\":1}}");
	poll(NULL, 0, 500);
	worker_send(&worker, "{\"method\":\"a.Echo\"}");
	assert_string_equal(worker_read(&worker), "{\"parameters\":{\"calls\":102}}");
	assert_int_equal(worker_end(&worker), 0);

	/* It does not keep the worker. */
	worker = worker_start_resting(300, DEFAULT_MS, 50);
	worker_send(&worker, "{\"method\":\"a.Echo\"}");
	assert_non_null(worker_read(&worker));
	assert_null(worker_read(&worker));
	assert_int_equal(worker_end(&worker), 0);
}

static uint64_t dies_after(const char *text, unsigned default_ms)
{
	Worker worker = worker_start(0, default_ms);
	uint64_t start = monotonic_ms();

	worker_send(&worker, text);
	assert_null(worker_read(&worker));
	assert_int_equal(worker_end(&worker), -SIGALRM);
	return monotonic_ms() - start;
}

static void test_deadline(void **state UNUSED)
{
	assert_in_range(
		dies_after("{\"method\":\"a.Hang\",\"parameters\":{\"caller\":{\"deadline\":200}}}",
			   60000),
		190, 30000);
	assert_in_range(
		dies_after("{\"method\":\"a.Hang\",\"parameters\":{\"caller\":{\"deadline\":-5}}}",
			   60000),
		0, 30000);
	assert_in_range(dies_after("{\"method\":\"a.Hang\"}", 150), 140, 30000);
	assert_in_range(
		dies_after(
			"{\"method\":\"a.Hang\",\"parameters\":{\"caller\":{\"deadline\":\"9\"}}}",
			150),
		140, 30000);
}

static void test_deadline_is_the_calls(void **state UNUSED)
{
	Worker worker = worker_start(0, 400);

	worker_send(&worker, "{\"method\":\"a.Echo\"}");
	assert_non_null(worker_read(&worker));
	/* Between calls no clock runs. */
	poll(NULL, 0, 700);
	worker_send(&worker, "{\"method\":\"a.Echo\"}");
	assert_string_equal(worker_read(&worker), "{\"parameters\":{\"calls\":2}}");
	assert_int_equal(worker_end(&worker), 0);
}

/*
 * Held up until whoever asked has gone: nothing is done that nobody waits for, and what has no
 * answer anyway is.
 */
static void test_caller_has_gone(void **state UNUSED)
{
	static const char *const calls[] = { "{\"method\":\"a.Error\"}",
					     "{\"method\":\"a.Error\",\"oneway\":true}" };
	static const int ends[] = { 0, EIO };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		Worker worker = worker_start(0, DEFAULT_MS);
		int status;

		assert_int_equal(kill(worker.pid, SIGSTOP), 0);
		assert_int_equal(waitpid(worker.pid, &status, WUNTRACED), worker.pid);
		worker_send(&worker, calls[i]);
		close(worker.fd);
		worker.fd = -1;
		assert_int_equal(kill(worker.pid, SIGCONT), 0);
		assert_int_equal(worker_end(&worker), ends[i]);
	}
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies), cmocka_unit_test(test_ends),
			cmocka_unit_test(test_idle),
		cmocka_unit_test(test_rest), cmocka_unit_test(test_deadline),
			cmocka_unit_test(test_deadline_is_the_calls),
		cmocka_unit_test(test_caller_has_gone),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
