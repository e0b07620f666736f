/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset-mailer: a worker of pwresetd, started by systemd for a connection on standard input. It
 * holds the relay's password and nothing of the directory's.
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "mailer.h"
#include "worker_options.h"

#define IDLE_MS (30 * 1000)
#define ALARM_SLACK_MS (10 * 1000) /* the deadlines of a call end before the alarm does */

static int process_prepare(void)
{
	int fd;

	/* A socket must never become one of the standard descriptors: a child closes around them.
	 */
	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	/* OpenSSL writes without MSG_NOSIGNAL. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}

static int password_read(Secret *password)
{
	int r;

	r = credential_read("smtp-password", password->bytes, SECRET_MAX, &password->len,
			    config_complain_stderr, NULL);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		password->bytes[password->len] = '\0';
	return r;
}

/* Nothing follows: what libesmtp has in memory of the messages ends with its process. */
static void rest(void *userdata)
{
	Mailer *mailer = userdata;

	relay_hang_up(mailer->relay);
}

static int serve(Mailer *mailer)
{
	static const ServeMethod methods[] = { { "org.pwreset.Mailer.Send", mailer_send },
					       { "org.pwreset.Mailer.Probe", mailer_probe },
					       { 0 } };
	struct stat st;

	if (fstat(STDIN_FILENO, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("pwreset-mailer: standard input is no socket: pwreset-mailer.socket starts "
		      "this program\n",
		      stderr);
		return -ENOTSOCK;
	}
	return serve_run(STDIN_FILENO,
			 &(const ServeOptions){
				 .methods = methods,
				 .userdata = mailer,
				 .idle_ms = IDLE_MS,
				 .default_ms = mailer->config->mail.timeout * 1000 + ALARM_SLACK_MS,
				 .rest = rest,
				 .rest_ms = RELAY_REST_MS,
			 });
}

int main(int argc, char **argv)
{
	CLEANUP(config_freep) Config *config = NULL;
	CLEANUP(mailer_deinit) Mailer mailer = { .config = NULL };
	AUTO_SECRET Secret password = SECRET_NULL;
	WorkerOptions options;
	int r;

	r = worker_options_parse(&options, argc, argv, "pwreset-mailer",
				 "read the configuration and all templates");
	if (r != 0)
		return r - 1;
	r = options.check ? 0 : serve_prepare();
	if (r == 0)
		r = process_prepare();
	if (r == 0)
		r = config_load(&config, options.root, config_complain_stderr, NULL);
	if (r == 0)
		r = password_read(&password);
	if (r == 0)
		r = mailer_init(&mailer, config, options.root, &password);
	if (r == 0 && !options.check)
		r = serve(&mailer);
	if (r < 0) {
		fprintf(stderr, "pwreset-mailer: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
