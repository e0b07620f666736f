/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One write a line, so that lines of several processes do not mix. */

#include <stdarg.h>
#include <string.h>

#include "log.h"

#define LOG_LINE_SIZE 1024

void log_line(int priority, const char *format, ...)
{
	char line[LOG_LINE_SIZE];
	size_t len = 0;
	va_list ap;
	int n;

	/*
	 * The journal reads the priority from the line (sd-daemon(3)); a terminal need not show it.
	 */
	if (getenv("JOURNAL_STREAM"))
		len = (size_t)snprintf(line, sizeof(line), "<%d>", priority);
	va_start(ap, format);
	n = vsnprintf(line + len, sizeof(line) - len - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = strlen(line);
	line[len++] = '\n';
	/* Where even stderr fails there is nobody left to tell. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
