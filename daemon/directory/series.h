/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mails of one account that people asked for come ever more slowly, up to an hour apart,
 * whoever asks and on whichever node: the standing event "mailed" of the entry counts them. A
 * series ends with two quiet hours.
 */
#pragma once

#include "account.h"
#include "event.h"

typedef struct Series {
	Event old; /* what "" when there is none */
	int64_t count;
} Series;

/* Seconds until the next may go; 0: now. */
int64_t series_left(const Call *call, const Entry *entry, Series *ret);
/*
 * Counts one. The old count is deleted by its exact value, so that two nodes cannot both take the
 * same place.
 */
void series_put(const Call *call, const Series *series, Changes *changes);
