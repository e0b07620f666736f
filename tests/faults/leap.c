/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loaded before the broker's libraries: its clocks are ahead by as many nanoseconds as the file has
 * that PWRESET_LEAP names. test_hour.py leaps while nothing is in hand, so that no deadline of what
 * is comes early. A timer that has become due so is seen at the next turn of the event loop, for
 * sd-event compares the time, not the descriptor.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define SECOND INT64_C(1000000000)

static const _Atomic int64_t *ahead;

__attribute__((constructor)) static void open_file(void)
{
	const char *path = getenv("PWRESET_LEAP");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		abort();
	close(fd);
	ahead = map;
}

static struct timespec moved(struct timespec time, int64_t by)
{
	int64_t ns = time.tv_sec * SECOND + time.tv_nsec + by;

	return (struct timespec){ .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ret)
{
	if (syscall(SYS_clock_gettime, id, ret) < 0)
		return -1;
	if (ahead && id != CLOCK_PROCESS_CPUTIME_ID && id != CLOCK_THREAD_CPUTIME_ID)
		*ret = moved(*ret, atomic_load(ahead));
	return 0;
}

EXPORT int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	struct itimerspec real = *new;
	int64_t by = atomic_load(ahead);

	/* Zero is no time, but "off". */
	if ((flags & TFD_TIMER_ABSTIME) && new->it_value.tv_sec > by / SECOND)
		real.it_value = moved(new->it_value, -by);
	return (int)syscall(SYS_timerfd_settime, fd, flags, &real, old);
}
