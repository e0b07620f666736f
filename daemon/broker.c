/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Life and death of the broker: what it opens, how it ticks, when it goes. */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "broker.h"
#include "log.h"
#include "version.h"

#define TICK_US 1000000
#define LAST_CALLS_US 100000
/* to finish what is in hand at SIGTERM; TimeoutStopSec= is longer */
#define GRACE_US (20 * 1000000)
#define SAVE_US (60 * UINT64_C(1000000)) /* how often the limits are saved */
#define OTHER_FILES 64
#define LOOKUP_MS 3000                        /* for names at start and reload */
#define LOOKUP_AGAIN_MIN_US UINT64_C(1000000) /* doubles each time */
#define LOOKUP_AGAIN_MAX_US (60 * UINT64_C(1000000))

uint64_t broker_now_us(const Broker *broker)
{
	uint64_t now = 0;

	(void)sd_event_now(broker->event, CLOCK_MONOTONIC, &now);
	return now;
}

static LimitRates rates_of(const Config *config)
{
	return (LimitRates){ .per_source = config->limits.per_source,
			     .host_guesses = config->limits.host_guesses,
			     .per_name = config->limits.per_user,
			     .total = config->limits.total };
}

static void identities_resolve(Broker *broker)
{
	int r = identity_query_start(&broker->query, broker->root, broker->config, true);

	if (r == 0)
		r = identity_query_finish(&broker->query, LOOKUP_MS, &broker->identities);
	if (r < 0)
		log_line(
			LOG_WARNING,
			"Users and groups cannot be looked up: %s. Roles are as before, or nobody's.",
			strerror(-r));
	broker->query_wait = LOOKUP_AGAIN_MIN_US;
	broker->query_at = broker_now_us(broker) + broker->query_wait;
}

static int on_query(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED,
		    void *userdata)
{
	Broker *broker = userdata;

	broker->query_io = sd_event_source_disable_unref(broker->query_io);
	(void)identity_query_finish(&broker->query, 0, &broker->identities);
	return 0;
}

/*
 * Names that were not found may be in a directory that was down, and a look-up may have failed:
 * asked again, without waiting. Soon at first, because the page is nobody's too while its user is
 * not known.
 */
static void identities_ask_again(Broker *broker)
{
	uint64_t now = broker_now_us(broker);

	if (broker->identities.complete || broker->query_io || now < broker->query_at)
		return;
	broker->query_wait = broker->query_wait * 2 < LOOKUP_AGAIN_MAX_US ? broker->query_wait * 2
									  : LOOKUP_AGAIN_MAX_US;
	broker->query_at = now + broker->query_wait;
	if (identity_query_start(&broker->query, broker->root, broker->config, false) < 0)
		return;
	if (sd_event_add_io(broker->event, &broker->query_io, broker->query.fd, EPOLLIN, on_query,
			    broker) < 0)
		(void)identity_query_finish(&broker->query, 0, &broker->identities);
}

static int config_read(Broker *broker)
{
	Config *config;
	int r = config_load(&config, broker->root, config_complain_stderr, NULL);

	if (r < 0)
		return r;
	config_free(broker->config);
	broker->config = config;
	return 0;
}

static int on_reload(sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED,
		     void *userdata)
{
	Broker *broker = userdata;
	LimitRates rates;

	sd_notify(false, "RELOADING=1");
	if (config_read(broker) < 0) {
		log_line(LOG_ERR, "The configuration stays as it was.");
	} else {
		rates = rates_of(broker->config);
		limits_set_rates(broker->limits, &rates);
		spool_set_max(broker->spool, broker->config->limits.spool);
		pool_set_connections(broker->directory, broker->config->directory.connections);
		pool_set_connections(broker->mailer, broker->config->mail.connections);
		if (!broker->query_io)
			identities_resolve(broker);
		log_line(LOG_INFO, "Configuration and groups are read again.");
	}
	sd_notify(false, "READY=1");
	return 0;
}

static bool broker_in_hand(const Broker *broker)
{
	for (const Peer *peer = broker->peers.first; peer; peer = peer->next)
		if (peer->call || varlink_stream_pending(peer->stream))
			return true;
	return delivery_busy(broker->delivery);
}

static int on_grace_over(sd_event_source *source, uint64_t usec UNUSED, void *userdata UNUSED)
{
	log_line(LOG_WARNING, "Not all that was in hand could be finished.");
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_terminate(sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED,
			void *userdata)
{
	Broker *broker = userdata;

	if (broker->stopping)
		return 0;
	broker->stopping = true;
	sd_notify(false, "STOPPING=1");
	for (size_t i = 0; i < SOCKETS; i++)
		broker->listeners[i] = listener_free(broker->listeners[i]);
	delivery_stop(broker->delivery);
	/*
	 * What has been sent to us already is still read; then the tick lets go of those who are
	 * silent.
	 */
	sd_event_source_set_time_relative(broker->second, LAST_CALLS_US);
	return sd_event_add_time_relative(broker->event, &broker->grace, CLOCK_MONOTONIC, GRACE_US,
					  0, on_grace_over, broker);
}

static void limits_keep(Broker *broker)
{
	int r = limits_save(broker->limits, mark_now_us(&broker->mark));

	if (r < 0)
		log_line(LOG_WARNING, "The limits cannot be kept: %s", strerror(-r));
	broker->saved_at = broker_now_us(broker);
}

static void status_tell(Broker *broker)
{
	size_t waiting = spool_count(broker->spool);

	if (waiting == broker->waiting_told)
		return;
	broker->waiting_told = waiting;
	sd_notifyf(false, "STATUS=%zu requests waiting.", waiting);
}

static int on_second(sd_event_source *source, uint64_t usec UNUSED, void *userdata)
{
	Broker *broker = userdata;
	uint64_t now = broker_now_us(broker),
		 idle_exit = (uint64_t)broker->config->limits.idle_exit * 1000000;

	sd_event_source_set_time_relative(source, TICK_US);
	peers_sweep(broker);
	spool_tidy(broker->spool);
	status_tell(broker);
	if (broker->stopping) {
		peers_drop_idle(broker);
		return broker_in_hand(broker) ? 0 : sd_event_exit(broker->event, 0);
	}
	identities_ask_again(broker);
	if (now - broker->saved_at > SAVE_US) {
		limits_keep(broker);
		mark_keep(&broker->mark, true);
		batch_tidy(broker->batch, mark_now(&broker->mark));
	}
	if (broker->peers.n > 0 || spool_count(broker->spool) > 0 || broker_in_hand(broker))
		broker->busy_at = now;
	else if (now - broker->busy_at >= idle_exit)
		return sd_event_exit(broker->event, 0);
	return 0;
}

static void on_spool_changed(void *userdata)
{
	Broker *broker = userdata;

	delivery_wake(broker->delivery);
}

/*
 * Clients, connections to workers, sockets and files: what the configuration allows must fit into
 * the process's limit.
 */
static void descriptors_check(const Broker *broker)
{
	const Config *config = broker->config;
	rlim_t wanted = config->limits.clients + config->directory.connections +
			config->mail.connections + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && wanted > limit.rlim_max)
		log_line(LOG_WARNING,
			 "[limits] clients=%u is more than LimitNOFILE= gives room for.",
			 config->limits.clients);
}

/* Two brokers on one spool would send everything twice. */
static int state_open(Broker *broker)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", broker->root, PWRESET_STATEDIR);
	broker->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (broker->state_fd < 0) {
		log_line(LOG_ERR, "%s: %m", path);
		return -errno;
	}
	if (flock(broker->state_fd, LOCK_EX | LOCK_NB) < 0) {
		log_line(LOG_ERR, "%s: another pwresetd is running on it: %m", path);
		return -errno;
	}
	return 0;
}

static int state_load(Broker *broker)
{
	const LimitRates rates = rates_of(broker->config);
	int r;

	mark_init(&broker->mark, broker->state_fd);
	r = limits_new(&broker->limits, broker->state_fd, &rates);
	if (r == 0)
		r = batch_new(&broker->batch, broker->state_fd, mark_now(&broker->mark));
	if (r == 0)
		r = spool_new(&broker->spool, &(const SpoolOptions){
						      .dir_fd = broker->state_fd,
						      .event = broker->event,
						      .max = broker->config->limits.spool,
						      .batch = broker->batch,
						      .now_ms = mark_now_ms(&broker->mark),
						      .changed = on_spool_changed,
						      .userdata = broker,
					      });
	if (r == 0)
		r = delivery_new(&broker->delivery, broker);
	if (r < 0)
		log_line(LOG_ERR, "%s%s: %s", broker->root, PWRESET_STATEDIR, strerror(-r));
	return r;
}

static int pools_open(Broker *broker)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s%s/directory", broker->root, PWRESET_RUNDIR);
	r = pool_new(&broker->directory,
		     &(const PoolOptions){
			     .event = broker->event,
			     .path = path,
			     .name = "directory",
			     .connections = broker->config->directory.connections,
			     .reserve = true,
		     });
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s%s/mailer", broker->root, PWRESET_RUNDIR);
	return pool_new(&broker->mailer, &(const PoolOptions){
						 .event = broker->event,
						 .path = path,
						 .name = "mailer",
						 .connections = broker->config->mail.connections,
					 });
}

static int signals_take(Broker *broker)
{
	static const int taken[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t set;
	int r = 0;

	signal(SIGPIPE, SIG_IGN);
	/*
	 * A spool that has reached the limit of file sizes is like a full disk, no reason to die.
	 */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		sigaddset(&set, taken[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(taken) && r >= 0; i++)
		r = sd_event_add_signal(broker->event, NULL, taken[i],
					taken[i] == SIGHUP ? on_reload : on_terminate, broker);
	return r;
}

static int loop_prepare(Broker *broker)
{
	int r = sd_event_default(&broker->event);

	if (r >= 0)
		r = signals_take(broker);
	if (r >= 0)
		r = sd_event_set_watchdog(broker->event, true);
	if (r >= 0)
		r = sd_event_add_time_relative(broker->event, &broker->second, CLOCK_MONOTONIC,
					       TICK_US, 100000, on_second, broker);
	if (r >= 0)
		r = sd_event_source_set_enabled(broker->second, SD_EVENT_ON);
	if (r < 0)
		log_line(LOG_ERR, "The event loop cannot be set up: %s", strerror(-r));
	return r < 0 ? r : 0;
}

int broker_new(Broker **ret, const char *root)
{
	CLEANUP(broker_freep) Broker *broker = calloc(1, sizeof(*broker));
	int r;

	if (!broker)
		return -ENOMEM;
	broker->root = root;
	broker->state_fd = -1;
	broker->mark = MARK_NULL;
	broker->identities = IDENTITIES_NULL;
	broker->query = IDENTITY_QUERY_NULL;
	r = config_read(broker);
	if (r == 0)
		r = loop_prepare(broker);
	if (r == 0)
		r = pools_open(broker);
	if (r == 0)
		r = state_open(broker);
	if (r == 0)
		r = state_load(broker);
	if (r < 0)
		return r;
	descriptors_check(broker);
	identities_resolve(broker);
	broker->busy_at = broker->saved_at = broker_now_us(broker);
	*ret = STEAL(broker);
	return 0;
}

Broker *broker_free(Broker *broker)
{
	if (!broker)
		return NULL;
	for (size_t i = 0; i < SOCKETS; i++)
		listener_free(broker->listeners[i]);
	/* Those who wait for the disk are told before they are freed. */
	if (broker->spool)
		spool_settle(broker->spool);
	while (broker->peers.first)
		peer_free(broker->peers.first);
	broker->delivery = delivery_free(broker->delivery);
	pool_free(broker->directory);
	pool_free(broker->mailer);
	spool_free(broker->spool);
	batch_free(broker->batch);
	if (broker->limits)
		limits_keep(broker);
	limits_free(broker->limits);
	mark_deinit(&broker->mark);
	if (broker->query_io)
		(void)identity_query_finish(&broker->query, 0, &broker->identities);
	sd_event_source_disable_unref(broker->query_io);
	sd_event_source_disable_unref(broker->second);
	sd_event_source_disable_unref(broker->grace);
	sd_event_unref(broker->event);
	closep(&broker->state_fd);
	config_free(broker->config);
	free(broker);
	return NULL;
}

static int socket_number(const char *name)
{
	Socket socket = socket_parse(name);

	return socket == 0 ? -1 : __builtin_ctz((unsigned)socket);
}

static int listeners_take(Broker *broker)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(false, &names), r = 0;

	if (n <= 0) {
		log_line(LOG_ERR,
			 "No sockets were passed: start pwreset-*.socket, or use --listen.");
		return n < 0 ? n : -ENOTCONN;
	}
	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i, number = socket_number(names[i]);

		if (r == 0 && (number < 0 || broker->listeners[number] || listener_check(fd) < 0)) {
			log_line(LOG_ERR,
				 "The passed socket \"%s\" is not one of ours, or not listening.",
				 names[i]);
			r = -EINVAL;
		}
		if (r == 0)
			r = listener_new(&broker->listeners[number], broker, (Socket)(1U << number),
					 fd);
		free(names[i]);
	}
	free(names);
	return r;
}

int broker_run(Broker *broker)
{
	int r = listeners_take(broker);

	if (r < 0)
		return r;
	sd_notify(false, "READY=1");
	r = sd_event_loop(broker->event);
	if (!broker->stopping)
		sd_notify(false, "STOPPING=1");
	if (r < 0)
		log_line(LOG_ERR, "The event loop failed: %s", strerror(-r));
	return r;
}
