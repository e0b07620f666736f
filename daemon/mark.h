/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time that never runs backwards, over restarts too, so that a clock set back revives no expired
 * token; and the counters that GetStatus shows. Both live in the file "mark".
 */
#pragma once

#include "macros.h"

typedef struct Counters {
	uint64_t sent;    /* mails that the relay took */
	uint64_t failed;  /* requests given up */
	uint64_t refused; /* calls refused */
} Counters;

typedef struct Mark {
	/* -1: the state cannot be kept (said once in the log); time still never runs back */
	int fd;
	int64_t wall_us;   /* the highest time known, … */
	int64_t steady_us; /* … and CLOCK_BOOTTIME at that instant */
	int64_t kept_s;
	Counters counters;
} Mark;

#define MARK_NULL ((Mark){ .fd = -1 })

/* dir_fd: the state folder. Never fails: without the file time starts at the clock's. */
void mark_init(Mark *mark, int dir_fd);
void mark_deinit(Mark *mark);

/*
 * Since the epoch. Keeps on running from the highest time known when the clock is behind. Writes
 * the mark once a second.
 */
int64_t mark_now_us(Mark *mark);
int64_t mark_now_ms(Mark *mark);
int64_t mark_now(Mark *mark);

/* Writes what has changed; sync: survives a power failure as well. */
void mark_keep(Mark *mark, bool sync);
