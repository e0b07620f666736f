/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pwresetd(8): the broker, started on a connection by systemd, or by itself with --listen. */

#include <getopt.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "broker.h"
#include "launch.h"
#include "log.h"
#include "version.h"

#define EXIT_CONFIG 78 /* sysexits(3): the units do not restart on it */

static int usage(FILE *out, int status)
{
	fputs("Usage: pwresetd [--listen] [--root=DIR]\n"
	      "The broker of pwreset; systemd starts it, see pwresetd(8).\n\n"
	      "  --listen    without systemd: make the sockets and start all processes (as root)\n"
	      "  --root=DIR  use DIR as / for configuration, state and sockets\n"
	      "  --version   print the version\n"
	      "  --help      print this\n",
	      out);
	return status;
}

/* What waits at the door would have us started again and again. */
static void sockets_drain(void)
{
	int n = sd_listen_fds(true);

	for (int i = 0; i < n; i++)
		if (listener_check(SD_LISTEN_FDS_START + i) == 0)
			listener_drain(SD_LISTEN_FDS_START + i);
}

static int broker_main(const char *root)
{
	CLEANUP(broker_freep) Broker *broker = NULL;
	int r;

	/* Passwords pass through. */
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	r = broker_new(&broker, root);
	if (r < 0) {
		sockets_drain();
		return r == -EBADMSG || r == -EPERM || r == -ENOENT ? EXIT_CONFIG : EXIT_FAILURE;
	}
	return broker_run(broker) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	enum { OPTION_LISTEN = 'l', OPTION_ROOT = 'r', OPTION_VERSION = 'v', OPTION_HELP = 'h' };
	static const struct option options[] = {
		{ "listen", no_argument, NULL, OPTION_LISTEN },
		{ "root", required_argument, NULL, OPTION_ROOT },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ 0 },
	};
	const char *root = "";
	bool listening = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case OPTION_LISTEN:
			listening = true;
			break;
		case OPTION_ROOT:
			root = optarg;
			break;
		case OPTION_VERSION:
			puts("pwresetd " PWRESET_VERSION);
			return EXIT_SUCCESS;
		case OPTION_HELP:
			return usage(stdout, EXIT_SUCCESS);
		default:
			return usage(stderr, EXIT_FAILURE);
		}
	}
	if (optind < argc || (*root != '\0' && (*root != '/' || strlen(root) > 64)))
		return usage(stderr, EXIT_FAILURE);
	return listening ? launch_run(root) : broker_main(root);
}
