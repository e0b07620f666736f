/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rate and remaining time of long work. */

#include <string.h>

#include "output.h"
#include "progress.h"

#define TERMINAL_MS 200 /* between two writings of the line */
#define PLAIN_MS 10000  /* where lines pile up */

void progress_start(Progress *progress, size_t total, bool quiet)
{
	*progress = (Progress){
		.total = total,
		.started = monotonic_ms(),
		.terminal = isatty(STDERR_FILENO),
		.quiet = quiet,
	};
	progress->shown = progress->started;
}

void progress_format(const Progress *progress, uint64_t now, char *ret, size_t size)
{
	uint64_t took = now > progress->started ? now - progress->started : 1;
	uint64_t rate = (uint64_t)progress->done * 1000 / took;
	char left[32] = "", part[64] = "";

	if (progress->total > 0) {
		uint64_t rest = progress->total - progress->done;

		snprintf(part, sizeof(part), "/%zu (%zu%%)", progress->total,
			 progress->done * 100 / progress->total);
		if (progress->done > 0)
			span_format((int64_t)(rest * took / progress->done / 1000), left,
				    sizeof(left));
	}
	if (left[0] != '\0')
		snprintf(ret, size, _("%zu%s, %llu a second, %s left, %zu refused"), progress->done,
			 part, (unsigned long long)rate, left, progress->failed);
	else
		snprintf(ret, size, _("%zu%s, %llu a second, %zu refused"), progress->done, part,
			 (unsigned long long)rate, progress->failed);
}

void progress_update(Progress *progress, size_t done, size_t failed)
{
	uint64_t now = monotonic_ms();
	char text[160];

	progress->done = done;
	progress->failed = failed;
	if (progress->quiet ||
	    now - progress->shown < (progress->terminal ? TERMINAL_MS : PLAIN_MS))
		return;
	progress->shown = now;
	progress_format(progress, now, text, sizeof(text));
	if (progress->terminal)
		fprintf(stderr, "\r\033[K%s", text);
	else
		fprintf(stderr, "%s\n", text);
	fflush(stderr);
	progress->on_screen = progress->terminal;
}

void progress_clear(Progress *progress)
{
	if (progress->on_screen)
		fputs("\r\033[K", stderr);
	progress->on_screen = false;
}
