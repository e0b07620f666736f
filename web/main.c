/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset-web: the page behind the link. It serves HTTP on the socket that systemd passes, calls
 * the daemon on /run/pwreset/web, and holds no secret of its own: what it can do, anyone with a
 * browser can do.
 */
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include "request.h"
#include "tls.h"
#include "version.h"

#define WATCH_US (10 * 1000 * 1000ULL) /* between looks at the certificate */
#define STOP_US (30 * 1000 * 1000ULL)  /* for answers under way, after SIGTERM */

typedef struct Process {
	Web web; /* first: the handler is passed one pointer for both */
	Config *config;
	Site *site;
	Texts *texts;
	TlsFiles tls;
	bool own_tls;
	bool stopping;
	sd_event_source *watch;
	sd_event_source *idle;
	sd_event_source *signals[3];
} Process;

static void complain(const IniPlace *place, const char *message, void *userdata)
{
	fputs(SD_ERR, stderr);
	config_complain_stderr(place, message, userdata);
}

/* What somebody has to mend first is told from what a restart may help against
 * (RestartPreventExitStatus=). */
static int fail(int error)
{
	fprintf(stderr, SD_ERR "pwreset-web: cannot serve: %s\n", strerror(-error));
	switch (-error) {
	case EACCES:
	case EBADMSG:
	case ENOENT:
	case EPERM:
	case EPROTO:
		return EX_CONFIG;
	default:
		return EXIT_FAILURE;
	}
}

/* ---- the passed socket ---- */

static bool address_is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address->ss_family == AF_INET)
		return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static int socket_refuse(const char *why)
{
	fprintf(stderr, SD_ERR "pwreset-web: %s\n", why);
	return -EPROTO;
}

/* Passwords cross this socket: in the clear only to a proxy on this host. */
static int socket_check(const Process *process, int *ret_fd, bool *ret_unix)
{
	struct sockaddr_storage address = {};
	socklen_t len = sizeof(address);
	int n = sd_listen_fds(1);

	if (n != 1)
		return socket_refuse(
			"Start me through pwreset-http.socket, with one socket in it.");
	if (sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0 ||
	    getsockname(SD_LISTEN_FDS_START, (struct sockaddr *)&address, &len) < 0)
		return socket_refuse(
			"The socket in pwreset-http.socket has to be a listening stream.");
	*ret_fd = SD_LISTEN_FDS_START;
	*ret_unix = address.ss_family == AF_UNIX;
	if (*ret_unix && process->own_tls)
		return socket_refuse(
			"A Unix socket stands behind a proxy; remove [web] certificate=, "
			"or listen on a port.");
	if (!*ret_unix && !process->own_tls && !address_is_loopback(&address))
		return socket_refuse(
			"The port can be reached from other hosts; set [web] certificate= and "
			"certificate-key=, or listen on a Unix socket behind a proxy.");
	return 0;
}

/* ---- events ---- */

static void certificate_reload(Process *process)
{
	int r = tls_files_load(&process->tls, complain, NULL);

	if (r < 0)
		return;
	r = http_listen(process->web.http, process->tls.certificate, process->tls.key);
	if (r < 0)
		fprintf(stderr,
			SD_ERR "pwreset-web: The new certificate and key do not fit together; "
			       "the old ones stay in use: %s\n",
			strerror(-r));
	else
		fprintf(stderr, SD_NOTICE "pwreset-web: The certificate was read anew.\n");
}

static int on_watch(sd_event_source *source, uint64_t usec UNUSED, void *userdata)
{
	Process *process = userdata;

	if (!process->stopping && tls_files_changed(&process->tls))
		certificate_reload(process);
	(void)sd_event_source_set_time_relative(source, WATCH_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_hangup(sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED,
		     void *userdata)
{
	Process *process = userdata;

	if (process->own_tls && !process->stopping)
		certificate_reload(process);
	return 0;
}

/* Both ends of a life: nobody has come for a while, or those who were here have gone after SIGTERM.
 */
static int on_idle_time(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Process *process = userdata;

	return sd_event_exit(process->web.event, 0);
}

static int on_terminate(sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED,
			void *userdata)
{
	Process *process = userdata;

	(void)sd_notify(0, "STOPPING=1");
	process->stopping = true;
	http_quiesce(process->web.http);
	(void)sd_event_source_set_time_relative(process->idle,
						http_is_idle(process->web.http) ? 0 : STOP_US);
	return sd_event_source_set_enabled(process->idle, SD_EVENT_ONESHOT);
}

static void on_idle(bool idle, void *userdata)
{
	Process *process = userdata;
	uint64_t after = process->stopping ? 0 : process->config->limits.idle_exit * 1000000ULL;

	if (process->stopping && !idle)
		return;
	(void)sd_event_source_set_time_relative(process->idle, after);
	(void)sd_event_source_set_enabled(process->idle, idle ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static const HttpHandler handler = {
	.request = request_begin,
	.closed = request_closed,
	.idle = on_idle,
};

static int events_add(Process *process)
{
	sd_event *event = process->web.event;
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	r = sd_event_add_signal(event, &process->signals[0], SIGTERM, on_terminate, process);
	if (r >= 0)
		r = sd_event_add_signal(event, &process->signals[1], SIGINT, on_terminate, process);
	if (r >= 0)
		r = sd_event_add_signal(event, &process->signals[2], SIGHUP, on_hangup, process);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &process->idle, CLOCK_MONOTONIC,
					       process->config->limits.idle_exit * 1000000ULL, 0,
					       on_idle_time, process);
	if (r >= 0 && process->own_tls)
		r = sd_event_add_time_relative(event, &process->watch, CLOCK_MONOTONIC, WATCH_US, 0,
					       on_watch, process);
	return r < 0 ? r : 0;
}

/* ---- start and end ---- */

static int process_load(Process *process, const char *root)
{
	char shipped[PATH_MAX], site[PATH_MAX], daemon[PATH_MAX];
	const Config *config;
	int r = config_load(&process->config, root, complain, NULL);

	if (r < 0)
		return r;
	config = process->config;
	snprintf(shipped, sizeof(shipped), "%s%s/web", root, PWRESET_DATADIR);
	snprintf(site, sizeof(site), "%s%s/web", root, PWRESET_CONFDIR);
	snprintf(daemon, sizeof(daemon), "%s%s/web", root, PWRESET_RUNDIR);
	process->own_tls = *config->web.certificate != '\0';
	r = texts_load(&process->texts, shipped, site, complain, NULL);
	if (r == 0)
		r = site_new(&process->site, config, complain, NULL);
	if (r == 0 && process->own_tls) {
		process->tls.certificate_path = config->web.certificate;
		process->tls.key_path = config->web.certificate_key;
		r = tls_files_load(&process->tls, complain, NULL);
	}
	if (r == 0)
		r = sd_event_new(&process->web.event);
	if (r >= 0)
		r = sd_event_set_watchdog(process->web.event, true);
	if (r >= 0)
		r = rpc_new(&process->web.rpc, process->web.event, daemon);
	process->web.texts = process->texts;
	process->web.site = process->site;
	return r < 0 ? r : 0;
}

static int process_serve(Process *process)
{
	const Config *config = process->config;
	bool unix_socket;
	HttpOptions options = {
		.hsts = strncmp(config->web.origin, "https://", 8) == 0,
		.body_max = FORM_BODY_MAX,
		.handler = &handler,
		.userdata = process,
	};
	int r = socket_check(process, &options.fd, &unix_socket);

	if (r == 0)
		r = events_add(process);
	if (r < 0)
		return r;
	options.tcp = !unix_socket;
	process->web.behind_proxy = unix_socket && config->web.behind_proxy;
	r = http_new(&process->web.http, process->web.event, &options);
	if (r == 0)
		r = http_listen(process->web.http, process->tls.certificate, process->tls.key);
	if (r < 0)
		return r;
	(void)sd_notify(0, "READY=1");
	r = sd_event_loop(process->web.event);
	return r < 0 ? r : 0;
}

static void process_deinit(Process *process)
{
	http_free(process->web.http);
	rpc_free(process->web.rpc);
	for (size_t i = 0; i < ARRAY_SIZE(process->signals); i++)
		sd_event_source_disable_unref(process->signals[i]);
	sd_event_source_disable_unref(process->watch);
	sd_event_source_disable_unref(process->idle);
	sd_event_unref(process->web.event);
	tls_files_deinit(&process->tls);
	site_free(process->site);
	texts_free(process->texts);
	config_free(process->config);
}

static int usage(int status)
{
	fputs("pwreset-web [--root DIR]\n"
	      "Serves the page on the socket that systemd passes. See pwreset.conf(5), [web].\n"
	      "  --root DIR   look for configuration, texts and the daemon below DIR\n"
	      "  --help, --version\n",
	      status == EXIT_SUCCESS ? stdout : stderr);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{},
	};
	CLEANUP(process_deinit) Process process = {};
	const char *root = "";
	int r;

	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) >= 0;) {
		if (c == 'r')
			root = optarg;
		else if (c == 'v')
			return puts("pwreset-web " PWRESET_VERSION) < 0;
		else
			return usage(c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	if (optind < argc)
		return usage(EXIT_FAILURE);
	/* Passwords pass through this memory. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	r = process_load(&process, root);
	if (r == 0)
		r = process_serve(&process);
	return r < 0 ? fail(r) : EXIT_SUCCESS;
}
