/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset-directory: a worker of pwresetd. It serves the connection on its stdin and ends with it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "methods.h"
#include "worker_options.h"

#define IDLE_MS 60000        /* the broker closes idle connections long before */
#define DEFAULT_CALL_MS 5000 /* for a call whose deadline cannot be read */
#define CHECK_MS 3000        /* for --check to reach the directory */

/* Passwords are in this process: no core, no debugger of the same user. */
static int protect(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	/* libldap writes to sockets that may have been closed. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	/* No ldap.conf, no ~/.ldaprc, no LDAP* variable: pwreset.conf says it all. */
	if (setenv("LDAPNOINIT", "1", 1) < 0)
		return -errno;
	return sodium_init() < 0 ? -EIO : 0;
}

static bool stdin_is_stream(void)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM;
}

int main(int argc, char **argv)
{
	CLEANUP(worker_freep) Worker *worker = NULL;
	WorkerOptions options;
	int r;

	r = worker_options_parse(&options, argc, argv, "pwreset-directory",
				 "read everything it needs, look at the directory");
	if (r > 0)
		return r - 1;
	if (!options.check && !stdin_is_stream()) {
		fputs("pwreset-directory: stdin must be a connection of pwresetd "
		      "(pwreset-directory.socket starts it)\n",
		      stderr);
		return EXIT_FAILURE;
	}
	r = options.check ? 0 : serve_prepare();
	if (r == 0)
		r = protect();
	if (r < 0) {
		fputs("pwreset-directory: the process cannot be protected, so it must not handle "
		      "passwords\n",
		      stderr);
		return EXIT_FAILURE;
	}
	r = worker_new(&worker, options.root);
	if (r < 0)
		return EXIT_FAILURE;
	if (options.check) {
		directory_set_deadline(worker->directory, (int64_t)monotonic_ms() + CHECK_MS);
		if (directory_connect(worker->directory) == 0)
			return worker_check_server(worker) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		fprintf(stderr, "pwreset-directory: %s\n", directory_error(worker->directory));
		return EXIT_FAILURE;
	}
	r = serve_run(STDIN_FILENO, &(const ServeOptions){
					    .methods = directory_methods,
					    .userdata = worker,
					    .idle_ms = IDLE_MS,
					    .default_ms = DEFAULT_CALL_MS,
				    });
	return r < 0 && r != -ECONNRESET ? EXIT_FAILURE : EXIT_SUCCESS;
}
