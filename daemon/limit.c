/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bucket is one number: the time at which it will be full again. The table has sets of a few
 * ways; when all ways of a set are taken, the bucket that will be full soonest is forgotten. To
 * make us forget a drained bucket a stranger would have to drain all others of its set, whose place
 * he does not know (the hash is keyed), at the expense of his own.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "limit.h"
#include "log.h"
#include "siphash.h"

#define LIMIT_FILE "limits"
#define LIMIT_FILE_NEW "limits.new"
#define LIMIT_MAGIC "pwreset limits 1"
#define LIMIT_SETS 2048U
#define LIMIT_WAYS 8U
#define LIMIT_BUCKETS (LIMIT_SETS * LIMIT_WAYS)
#define LIMIT_WINDOW_US INT64_C(60000000) /* a full bucket is a minute's worth of calls */
#define LIMIT_HOST_WINDOW_US INT64_C(3600000000)
#define LIMIT_KEY_MAX 600
#define LIMIT_SECONDS_MAX 3600

typedef enum LimitKind {
	LIMIT_SOURCE = 1,
	LIMIT_PAIR,
	LIMIT_NAME,
	LIMIT_TOTAL,
	LIMIT_HOST
} LimitKind;

typedef struct Bucket {
	uint64_t tag;    /* hash of kind and key; 0: free */
	int64_t full_at; /* microseconds since the epoch */
} Bucket;

/* What stands in the file before the buckets. */
typedef struct LimitHeader {
	char magic[sizeof(LIMIT_MAGIC)];
	uint8_t key[SIPHASH_KEY_SIZE];
	uint64_t n;
	uint64_t check; /* keyed hash of the buckets */
} LimitHeader;

struct Limits {
	int dir_fd;
	LimitRates rates;
	uint8_t key[SIPHASH_KEY_SIZE];
	Bucket buckets[LIMIT_BUCKETS];
};

static Bucket *bucket_find(Limits *limits, uint64_t tag)
{
	Bucket *set = limits->buckets + tag % LIMIT_SETS * LIMIT_WAYS, *victim = set;

	for (unsigned i = 0; i < LIMIT_WAYS; i++) {
		if (set[i].tag == tag)
			return set + i;
		if (set[i].full_at < victim->full_at)
			victim = set + i;
	}
	*victim = (Bucket){ .tag = tag };
	return victim;
}

/*
 * An IPv6 customer has a whole /64; names of people and hosts are compared without regard to ASCII
 * case.
 */
static size_t key_normalise(const char *text, char *ret, size_t size)
{
	struct in6_addr six;
	size_t n = 0;

	if (inet_pton(AF_INET6, text, &six) == 1) {
		if (IN6_IS_ADDR_V4MAPPED(&six)) {
			if (!inet_ntop(AF_INET, six.s6_addr + 12, ret, (socklen_t)size))
				return 0;
			return strlen(ret);
		}
		memcpy(ret, six.s6_addr, 8);
		return 8;
	}
	for (const char *p = text; *p && n < size; p++) {
		bool blank = *p == ' ' && (n == 0 || p[1] == ' ' || p[1] == '\0');

		if (!blank)
			ret[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	}
	return n;
}

static Bucket *bucket_of(Limits *limits, LimitKind kind, const LimitSubject *subject)
{
	char key[LIMIT_KEY_MAX];
	size_t n = 0;
	uint64_t tag;

	key[n++] = (char)kind;
	if (kind == LIMIT_SOURCE || kind == LIMIT_PAIR || kind == LIMIT_HOST)
		n += key_normalise(subject->source, key + n, sizeof(key) / 2 - n);
	key[n++] = '\0';
	if (kind == LIMIT_NAME || kind == LIMIT_PAIR)
		n += key_normalise(subject->name, key + n, sizeof(key) - n);
	tag = siphash(limits->key, key, n);
	return bucket_find(limits, tag == 0 ? 1 : tag);
}

/* Microseconds that cost takes to come back at that many calls a minute. */
static int64_t price(unsigned cost, unsigned rate)
{
	return rate == 0 ? LIMIT_WINDOW_US
			 : (int64_t)cost * LIMIT_WINDOW_US / ((int64_t)rate * LIMIT_CALL);
}

static int64_t bucket_debt(const Bucket *bucket, int64_t now)
{
	return bucket->full_at > now ? bucket->full_at - now : 0;
}

/* Seconds to wait until price can be paid; 0: now. */
static unsigned bucket_wait(const Bucket *bucket, int64_t cost, int64_t now)
{
	int64_t over = bucket_debt(bucket, now) + cost - LIMIT_WINDOW_US;

	/* What costs more than a whole bucket may go when it is full. */
	if (over <= 0 || bucket_debt(bucket, now) == 0)
		return 0;
	over = (over + 999999) / 1000000;
	return over > LIMIT_SECONDS_MAX ? LIMIT_SECONDS_MAX : (unsigned)over;
}

static void bucket_pay(Bucket *bucket, int64_t cost, int64_t now)
{
	bucket->full_at = now + bucket_debt(bucket, now) + cost;
}

static unsigned source_rate(const Limits *limits, const LimitSubject *subject)
{
	return limits->rates.per_source * (subject->weight > 0 ? subject->weight : 1);
}

unsigned limits_charge(Limits *limits, const LimitSubject *subject, unsigned cost, int64_t now)
{
	const LimitRates *rates = &limits->rates;
	struct {
		LimitKind kind;
		bool applies;
		int64_t price;
	} steps[] = {
		{ LIMIT_PAIR, subject->source && subject->name,
		  price(cost, (rates->per_name + 1) / 2) },
		{ LIMIT_TOTAL, true, price(cost, rates->total) },
		{ LIMIT_NAME, subject->name, price(cost, rates->per_name) },
	};
	unsigned wait;

	if (cost == 0)
		return 0;
	if (subject->source) {
		Bucket *bucket = bucket_of(limits, LIMIT_SOURCE, subject);
		int64_t p = price(cost, source_rate(limits, subject));

		wait = bucket_wait(bucket, p, now);
		if (wait > 0)
			return wait;
		bucket_pay(bucket, p, now);
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (!steps[i].applies)
			continue;
		wait = bucket_wait(bucket_of(limits, steps[i].kind, subject), steps[i].price, now);
		if (wait > 0)
			return wait;
	}
	/* Looked up again, because a bucket may have had to make room for the next. */
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].applies)
			bucket_pay(bucket_of(limits, steps[i].kind, subject), steps[i].price, now);
	return 0;
}

void limits_fine(Limits *limits, const LimitSubject *subject, unsigned cost, int64_t now)
{
	Bucket *bucket;

	if (!subject->source || cost == 0)
		return;
	bucket = bucket_of(limits, LIMIT_SOURCE, subject);
	bucket_pay(bucket, price(cost, source_rate(limits, subject)), now);
	if (bucket->full_at > now + 2 * LIMIT_WINDOW_US)
		bucket->full_at = now + 2 * LIMIT_WINDOW_US;
}

/*
 * A host's record is a bucket with a window of an hour. What lies above the window is the time for
 * which the host is cut off; when that is over the record is full, and the next wrong guess cuts it
 * off again.
 */
static Bucket *record_of(Limits *limits, const char *host)
{
	return bucket_of(limits, LIMIT_HOST, &(const LimitSubject){ .source = host });
}

static int64_t guess_price(const Limits *limits, unsigned cost)
{
	unsigned rate = limits->rates.host_guesses > 0 ? limits->rates.host_guesses : 1;

	return (int64_t)cost * LIMIT_HOST_WINDOW_US / ((int64_t)rate * LIMIT_CALL);
}

bool limits_host_wrong(Limits *limits, const char *host, unsigned cost, int64_t now)
{
	Bucket *record = record_of(limits, host);

	/* What it still had in hand when it was cut off makes that no longer. */
	if (bucket_debt(record, now) > LIMIT_HOST_WINDOW_US)
		return false;
	bucket_pay(record, guess_price(limits, cost), now);
	if (bucket_debt(record, now) <= LIMIT_HOST_WINDOW_US)
		return false;
	record->full_at = now + 2 * LIMIT_HOST_WINDOW_US;
	return true;
}

unsigned limits_host_cut(Limits *limits, const char *host, int64_t now)
{
	int64_t over = bucket_debt(record_of(limits, host), now) - LIMIT_HOST_WINDOW_US;

	return over > 0 ? (unsigned)((over + 999999) / 1000000) : 0;
}

unsigned limits_host_guesses(Limits *limits, const char *host, int64_t now)
{
	int64_t debt = bucket_debt(record_of(limits, host), now),
		one = guess_price(limits, LIMIT_CALL);

	if (debt > LIMIT_HOST_WINDOW_US)
		debt = LIMIT_HOST_WINDOW_US;
	return (unsigned)((debt + one - 1) / one);
}

void limits_host_set(Limits *limits, const char *host, unsigned seconds, int64_t now)
{
	record_of(limits, host)->full_at =
		seconds > 0 ? now + LIMIT_HOST_WINDOW_US + (int64_t)seconds * 1000000 : now;
}

/* 0, -ENOENT, -EBADMSG, or from the system. */
static int limits_load(Limits *limits)
{
	AUTO_CLOSE int fd =
		openat(limits->dir_fd, LIMIT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	LimitHeader header;
	AUTO_FREE Bucket *list = NULL;
	size_t size;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, &header, sizeof(header));
	if (n < 0)
		return -errno;
	if (n != sizeof(header) || memcmp(header.magic, LIMIT_MAGIC, sizeof(LIMIT_MAGIC)) != 0 ||
	    header.n > LIMIT_BUCKETS)
		return -EBADMSG;
	size = header.n * sizeof(*list);
	list = calloc(header.n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = read(fd, list, size + 1);
	if (n < 0)
		return -errno;
	if ((size_t)n != size || siphash(header.key, list, size) != header.check)
		return -EBADMSG;
	memcpy(limits->key, header.key, sizeof(limits->key));
	for (uint64_t i = 0; i < header.n; i++)
		if (list[i].tag != 0)
			bucket_find(limits, list[i].tag)->full_at = list[i].full_at;
	return 0;
}

int limits_new(Limits **ret, int dir_fd, const LimitRates *rates)
{
	AUTO_FREE Limits *limits = calloc(1, sizeof(*limits));
	int r;

	if (!limits)
		return -ENOMEM;
	limits->dir_fd = dir_fd;
	limits->rates = *rates;
	if (getrandom(limits->key, sizeof(limits->key), 0) != sizeof(limits->key))
		return -EIO;
	r = limits_load(limits);
	if (r < 0 && r != -ENOENT)
		log_line(LOG_WARNING, "The limits start anew: %s: %s", LIMIT_FILE, strerror(-r));
	*ret = STEAL(limits);
	return 0;
}

Limits *limits_free(Limits *limits)
{
	free(limits);
	return NULL;
}

void limits_set_rates(Limits *limits, const LimitRates *rates)
{
	limits->rates = *rates;
}

static int file_write(int dir_fd, const LimitHeader *header, const Bucket *list)
{
	AUTO_CLOSE int fd = openat(dir_fd, LIMIT_FILE_NEW,
				   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t size = (ssize_t)(header->n * sizeof(*list));

	if (fd < 0)
		return -errno;
	errno = ENOSPC; /* what a short write means */
	if (write(fd, header, sizeof(*header)) != sizeof(*header) ||
	    write(fd, list, (size_t)size) != size || fdatasync(fd) < 0 ||
	    renameat(dir_fd, LIMIT_FILE_NEW, dir_fd, LIMIT_FILE) < 0) {
		int r = -errno;

		unlinkat(dir_fd, LIMIT_FILE_NEW, 0);
		return r;
	}
	return 0;
}

int limits_save(Limits *limits, int64_t now)
{
	AUTO_FREE Bucket *list = calloc(LIMIT_BUCKETS, sizeof(*list));
	LimitHeader header = { .magic = LIMIT_MAGIC };

	if (!list)
		return -ENOMEM;
	memcpy(header.key, limits->key, sizeof(header.key));
	for (unsigned i = 0; i < LIMIT_BUCKETS; i++)
		if (limits->buckets[i].full_at > now)
			list[header.n++] = limits->buckets[i];
	header.check = siphash(header.key, list, header.n * sizeof(*list));
	return file_write(limits->dir_fd, &header, list);
}
