/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines for the operator on stderr, which systemd puts into the journal. What people did goes
 * through audit.h.
 */
#pragma once

#include <syslog.h>

#include "macros.h"

/*
 * priority: LOG_ERR … LOG_DEBUG. One line; never a secret and never a name that nobody has
 * resolved.
 */
void log_line(int priority, const char *format, ...) PRINTF(2, 3);
