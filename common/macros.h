/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cleanup attributes and small helpers that every folder uses. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CLEANUP(f) __attribute__((__cleanup__(f)))
#define PRINTF(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#define PUBLIC __attribute__((__visibility__("default")))
#define UNUSED __attribute__((__unused__))

/* Defines foo_freep() for CLEANUP() from a destructor foo_free(Foo *) that takes NULL. */
#define DEFINE_CLEANUP(type, func)                                                                 \
	static inline void func##p(type *p)                                                        \
	{                                                                                          \
		if (*p)                                                                            \
			func(*p);                                                                  \
	}

/* Passes ownership on: yields the value of *p and leaves NULL behind. */
#define STEAL(p)                                                                                   \
	({                                                                                         \
		__auto_type _steal_p = &(p);                                                       \
		__auto_type _steal_v = *_steal_p;                                                  \
		*_steal_p = NULL;                                                                  \
		_steal_v;                                                                          \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void closep(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
}

#define AUTO_FREE CLEANUP(freep)
#define AUTO_CLOSE CLEANUP(closep)
#define AUTO_FCLOSE CLEANUP(fclosep)

static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

/* For deadlines: never set back, counts while the machine sleeps. */
static inline uint64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
