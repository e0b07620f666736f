/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times as people write them on a command line. */
#pragma once

#include <time.h>

#include "macros.h"

/*
 * "2026-11-21", "2026-11-21 08:00[:30]", today, yesterday, now, -2h, -30min, -7d, -90s; local time.
 * -EINVAL.
 */
int when_parse(const char *text, time_t now, int64_t *ret);
