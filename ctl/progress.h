/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How far long work has come, on stderr: one line that is written over on a terminal, a line now
 * and then elsewhere.
 */
#pragma once

#include "macros.h"

typedef struct Progress {
	size_t done;
	size_t total; /* 0: not known */
	size_t failed;
	uint64_t started; /* monotonic_ms() */
	uint64_t shown;
	bool terminal;
	bool quiet;
	bool on_screen;
} Progress;

void progress_start(Progress *progress, size_t total, bool quiet);
void progress_update(Progress *progress, size_t done, size_t failed);
/* Clears the line, so that something else can be written. */
void progress_clear(Progress *progress);
/* For tests, and what progress_update() shows. */
void progress_format(const Progress *progress, uint64_t now, char *ret, size_t size);
