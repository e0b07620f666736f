/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The world around the broker: what libc and kernel say in it. */

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "broker_disk.h"
#include "fuzz.h"
#include "log.h"

/* Interposed also for libsystemd, whose loop asks for the time. */
#define VISIBLE __attribute__((visibility("default")))

/* beyond any uptime, so that no timerfd fires by itself */
#define BOOT_US (INT64_C(1000000) * WORLD_SECOND)
#define EPOCH_US (INT64_C(1800000000) * WORLD_SECOND)
#define TURNS_MAX 100000 /* in which the loop must come to rest */
#define LEAVE_US (25 * WORLD_SECOND)
#define FDS_MAX 1024
#define LOG_MAX 2048

static const char config_text[] =
	"[directory]\nbase = dc=example,dc=com\nhash = yescrypt\nconnections = 2\n"
	"[mail]\nfrom = it@example.com\ntimeout = 5\nconnections = 1\n"
	"[web]\norigin = https://reset.example.com\n"
	"[recovery]\nanswer-slot = 200\n"
	"[roles]\nhelpdesk = desk\nadministrator = admins\nowner = owners\n"
	"[limits]\nper-source = 6\nper-user = 4\ntotal = 40\nhost-guesses = 5\nclients = 16\nclients-per-uid = 3\nspool = 100\nidle-exit = 30\n";

#define GID_DESK 62001
#define GID_ADMINS 62002
#define GID_OWNERS 62003

const Who world_people[WHO_N] = {
	[WHO_ROOT] = { .uid = 0, .gid = 0 },
	[WHO_WEB] = { .uid = 61002, .gid = 61002 },
	[WHO_RELAY] = { .uid = 61003, .gid = 61003 },
	[WHO_HELPDESK] = { .uid = 61010, .gid = 61010, .groups = { GID_DESK } },
	[WHO_ADMINISTRATOR] = { .uid = 61011, .gid = GID_ADMINS },
	[WHO_OWNER] = { .uid = 61012, .gid = 61012, .groups = { 61500, GID_OWNERS } },
	[WHO_NOBODY] = { .uid = 61013, .gid = 61013, .groups = { 61500 } },
	[WHO_BOTH] = { .uid = 61014, .gid = GID_DESK, .groups = { GID_ADMINS } },
};

static struct {
	bool on;
	int64_t now;
	uint64_t random;
	WorldHooks hooks;
	Broker *broker;
	int doors[SOCKETS], workers[2];
	const Who *knocking;
	const Who *who[FDS_MAX];
	bool narrow; /* who knocks */
	unsigned restarts, interrupts;
	unsigned until; /* looks at the clock before the interrupt; 0: there is none */
	void (*interrupt)(void);
	int first_free;
	sigset_t signals;
} world;

/* ---- what libc and the broker's own library say */

VISIBLE int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t now;

	if (!world.on)
		return (int)syscall(SYS_clock_gettime, id, ts);
	if (world.until > 0 && --world.until == 0) {
		world.interrupts++;
		world.interrupt();
	}
	now = world.now + (id == CLOCK_REALTIME ? EPOCH_US : BOOT_US);
	*ts = (struct timespec){ .tv_sec = now / WORLD_SECOND,
				 .tv_nsec = now % WORLD_SECOND * 1000 };
	return 0;
}

VISIBLE ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
	if (!world.on)
		return syscall(SYS_getrandom, bytes, size, flags);
	for (size_t i = 0; i < size; i++) {
		world.random = world.random * UINT64_C(6364136223846793005) +
			       UINT64_C(1442695040888963407);
		((uint8_t *)bytes)[i] = (uint8_t)(world.random >> 56);
	}
	return (ssize_t)size;
}

VISIBLE int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	int peer = (int)syscall(SYS_accept4, fd, address, len, flags);

	if (!world.on || peer < 0 || peer >= FDS_MAX)
		return peer;
	world.who[peer] = world.knocking;
	/* The kernel makes the least of it that it can. */
	if (world.narrow && setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, sizeof(int)) < 0)
		abort();
	return peer;
}

VISIBLE int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const Who *who =
		world.on && level == SOL_SOCKET && fd >= 0 && fd < FDS_MAX ? world.who[fd] : NULL;
	struct ucred cred;
	size_t n = 0;

	if (!who || (name != SO_PEERCRED && name != SO_PEERGROUPS))
		return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
	if (name == SO_PEERCRED) {
		cred = (struct ucred){ .pid = 1, .uid = who->uid, .gid = who->gid };
		assert(*len == sizeof(cred));
		memcpy(value, &cred, sizeof(cred));
		return 0;
	}
	while (n < WORLD_GROUPS_MAX && who->groups[n] != 0)
		n++;
	assert(*len >= n * sizeof(gid_t));
	*len = (socklen_t)(n * sizeof(gid_t));
	memcpy(value, who->groups, *len);
	return 0;
}

void __wrap_log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap_log_line(int priority UNUSED, const char *format, ...)
{
	char line[LOG_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	assert(!strstr(line, WORLD_CANARY) && !strstr(line, WORLD_CANARY_64));
	if (getenv("PWRESET_FUZZ_LOG"))
		fprintf(stderr, "%10.3f %s\n", (double)world.now / 1e6, line);
}

/* The journal is for real events; without it they go to the log. */
int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path UNUSED, int mode UNUSED)
{
	errno = ENOENT;
	return -1;
}

/* Who is who is the world's to say; the look-up forks. */
int __wrap_identity_query_start(IdentityQuery *query, const char *root, const Config *config,
				bool tell);
int __wrap_identity_query_start(IdentityQuery *query UNUSED, const char *root UNUSED,
				const Config *config UNUSED, bool tell UNUSED)
{
	return -EAGAIN;
}

unsigned __real_limits_charge(Limits *limits, const LimitSubject *subject, unsigned cost,
			      int64_t now);
unsigned __wrap_limits_charge(Limits *limits, const LimitSubject *subject, unsigned cost,
			      int64_t now);
unsigned __wrap_limits_charge(Limits *limits, const LimitSubject *subject, unsigned cost,
			      int64_t now)
{
	unsigned wait = __real_limits_charge(limits, subject, cost, now);

	world.hooks.charged(subject, cost, now, wait);
	return wait;
}

void __real_limits_fine(Limits *limits, const LimitSubject *subject, unsigned cost, int64_t now);
void __wrap_limits_fine(Limits *limits, const LimitSubject *subject, unsigned cost, int64_t now);
void __wrap_limits_fine(Limits *limits, const LimitSubject *subject, unsigned cost, int64_t now)
{
	__real_limits_fine(limits, subject, cost, now);
	world.hooks.fined(subject, cost, now);
}

bool __real_limits_host_wrong(Limits *limits, const char *host, unsigned cost, int64_t now);
bool __wrap_limits_host_wrong(Limits *limits, const char *host, unsigned cost, int64_t now);
bool __wrap_limits_host_wrong(Limits *limits, const char *host, unsigned cost, int64_t now)
{
	bool cut = __real_limits_host_wrong(limits, host, cost, now);

	world.hooks.host_wrong(host, cost, now, cut);
	return cut;
}

void __real_limits_host_set(Limits *limits, const char *host, unsigned seconds, int64_t now);
void __wrap_limits_host_set(Limits *limits, const char *host, unsigned seconds, int64_t now);
void __wrap_limits_host_set(Limits *limits, const char *host, unsigned seconds, int64_t now)
{
	__real_limits_host_set(limits, host, seconds, now);
	world.hooks.host_set(host, seconds, now);
}

unsigned __real_limits_host_cut(Limits *limits, const char *host, int64_t now);
unsigned __wrap_limits_host_cut(Limits *limits, const char *host, int64_t now);
unsigned __wrap_limits_host_cut(Limits *limits, const char *host, int64_t now)
{
	unsigned wait = __real_limits_host_cut(limits, host, now);

	world.hooks.host_asked(host, now, wait);
	return wait;
}

int __real_limits_new(Limits **ret, int dir_fd, const LimitRates *rates);
int __wrap_limits_new(Limits **ret, int dir_fd, const LimitRates *rates);
int __wrap_limits_new(Limits **ret, int dir_fd, const LimitRates *rates)
{
	world.hooks.loaded(rates);
	return __real_limits_new(ret, dir_fd, rates);
}

int __real_limits_save(Limits *limits, int64_t now);
int __wrap_limits_save(Limits *limits, int64_t now);
int __wrap_limits_save(Limits *limits, int64_t now)
{
	int r = __real_limits_save(limits, now);

	if (r == 0)
		world.hooks.saved();
	return r;
}

/* ---- the broker's life */

static void broker_start(void)
{
	int r = broker_new(&world.broker, disk_root());

	assert(r == 0);
	world.broker->identities = (Identities){ .web = world_people[WHO_WEB].uid,
						 .relay = world_people[WHO_RELAY].uid,
						 .helpdesk = GID_DESK,
						 .administrator = GID_ADMINS,
						 .owner = GID_OWNERS,
						 .complete = true };
	for (unsigned i = 0; i < SOCKETS; i++) {
		int fd = fcntl(world.doors[i], F_DUPFD_CLOEXEC, 3);

		r = listener_new(&world.broker->listeners[i], world.broker, (Socket)(1U << i), fd);
		assert(r == 0);
	}
}

static int first_free(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	close(fd);
	return fd;
}

void world_open(uint64_t seed, const WorldHooks *hooks)
{
	static const char *const workers[] = { "directory", "mailer" };
	sigset_t alarm;

	disk_open(config_text);
	/*
	 * libFuzzer looks at the clock when its alarm rings, and this one is not for it; it rings
	 * afterwards.
	 */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	if (sigprocmask(SIG_BLOCK, &alarm, &world.signals) < 0)
		abort();
	world.first_free = first_free();
	world.now = 0;
	world.random = seed;
	world.hooks = *hooks;
	world.restarts = world.interrupts = world.until = 0;
	memset(world.who, 0, sizeof(world.who));
	for (unsigned i = 0; i < SOCKETS; i++)
		world.doors[i] = disk_door_open(socket_name((Socket)(1U << i)));
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		world.workers[i] = disk_door_open(workers[i]);
	world.on = true;
	broker_start();
}

void world_close(void)
{
	world.until = 0;
	broker_free(STEAL(world.broker));
	disk_inspect();
	world.on = false;
	for (unsigned i = 0; i < SOCKETS; i++)
		close(world.doors[i]);
	for (size_t i = 0; i < ARRAY_SIZE(world.workers); i++)
		close(world.workers[i]);
	sigprocmask(SIG_SETMASK, &world.signals, NULL);
	assert(first_free() == world.first_free);
}

Broker *world_broker(void)
{
	return world.broker;
}

int64_t world_now(void)
{
	return world.now;
}

unsigned world_restarts(void)
{
	return world.restarts;
}

void world_interrupt(unsigned n, void (*function)(void))
{
	world.until = n;
	world.interrupt = function;
}

unsigned world_interrupts(void)
{
	return world.interrupts;
}

void world_stall(int64_t us)
{
	world.now += us;
}

static bool world_turn(void)
{
	int r = sd_event_run(world.broker->event, 0);

	assert(r >= 0 || r == -ESTALE);
	return r > 0;
}

static bool broker_gone(void)
{
	return sd_event_get_state(world.broker->event) == SD_EVENT_FINISHED;
}

void world_run(void)
{
	unsigned turns = 0;

	while (!broker_gone() && world_turn())
		assert(++turns < TURNS_MAX);
	if (broker_gone()) {
		world.broker = broker_free(world.broker);
		broker_start();
		world.restarts++;
	}
}

void world_advance(int64_t us, int64_t step, void (*after)(void))
{
	while (us > 0) {
		int64_t some = us < step ? us : step;

		world.now += some;
		us -= some;
		world_run();
		after();
	}
}

static void broker_leave(void)
{
	if (raise(SIGTERM) != 0)
		abort();
	for (int64_t waited = 0; !broker_gone(); waited += WORLD_SECOND) {
		unsigned turns = 0;

		assert(waited < LEAVE_US);
		while (!broker_gone() && world_turn())
			assert(++turns < TURNS_MAX);
		world.now += WORLD_SECOND;
	}
}

static void saved_in_vain(void)
{
}

void world_restart(bool killed)
{
	DiskFile files[DISK_FILES_MAX];
	WorldHooks hooks = world.hooks;

	world.until = 0;
	disk_inspect();
	if (!killed)
		broker_leave();
	/* What it writes when it is freed is undone: nobody who is killed says goodbye. */
	if (killed) {
		disk_keep(files);
		world.hooks.saved = saved_in_vain;
	}
	world.broker = broker_free(world.broker);
	world.hooks = hooks;
	if (killed)
		disk_put_back(files);
	memset(world.who, 0, sizeof(world.who));
	broker_start();
	world.restarts++;
}

void world_reload(void)
{
	if (raise(SIGHUP) != 0)
		abort();
	world_run();
}

/* ---- the other ends */

int world_connect(Socket socket_, const Who *who, bool narrow)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	assert(fd >= 0);
	disk_door_address(&address, socket_name(socket_));
	r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	assert(r == 0);
	world.knocking = who;
	world.narrow = narrow;
	world_run();
	return fd;
}

int world_accept(bool mailer)
{
	int fd = (int)syscall(SYS_accept4, world.workers[mailer], NULL, NULL,
			      SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && fd < FDS_MAX)
		world.who[fd] = NULL;
	return fd;
}
