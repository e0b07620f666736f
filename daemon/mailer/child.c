/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The child has two sockets to its parent and nothing else: no Varlink connection, no network, no
 * core file. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "child.h"
#include "macros.h"

#define CPU_SECONDS_MAX                                                                            \
	20 /* a session of a hundred messages needs a hundredth of it; a spin ends here */

static int limits_set(void)
{
	const struct rlimit cpu = { CPU_SECONDS_MAX, CPU_SECONDS_MAX };
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CPU, &cpu) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}

/* Leaves stderr (for libesmtp's assertions) and the two sockets. */
static int descriptors_close(int stream, int orders)
{
	unsigned low = (unsigned)(stream < orders ? stream : orders),
		 high = (unsigned)(stream < orders ? orders : stream);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -errno;
	if ((low > 3 && close_range(3, low - 1, 0) < 0) ||
	    (high > low + 1 && close_range(low + 1, high - 1, 0) < 0) ||
	    close_range(high + 1, ~0U, 0) < 0)
		return -errno;
	return 0;
}

_Noreturn static void child_run(SmtpSetup setup, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || limits_set() < 0 ||
	    descriptors_close(setup.stream, setup.orders) < 0)
		_exit(EXIT_FAILURE);
	_exit(smtp_main(&setup));
}

int child_start(Child *child, const SmtpSetup *setup)
{
	SmtpSetup own = *setup;
	int stream[2] = { -1, -1 }, orders[2] = { -1, -1 };
	pid_t parent = getpid(), pid;
	int r;

	/* The standard descriptors are open (main sees to it), so none of these is one of them. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, stream) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders) < 0) {
		r = -errno;
		goto fail;
	}
	own.stream = stream[1];
	own.orders = orders[1];
	pid = fork();
	if (pid < 0) {
		r = -errno;
		goto fail;
	}
	if (pid == 0)
		child_run(own, parent);
	close(stream[1]);
	close(orders[1]);
	*child = (Child){ .pid = pid, .stream = stream[0], .orders = orders[0] };
	return 0;
fail:
	for (size_t i = 0; i < 2; i++) {
		closep(&stream[i]);
		closep(&orders[i]);
	}
	return r;
}

void child_stop(Child *child)
{
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	closep(&child->stream);
	closep(&child->orders);
	*child = CHILD_NULL;
}

int child_order(const Child *child, SmtpOrder order)
{
	if (send(child->orders, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}
