/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Back-off of mails, recorded in the directory. */
#include "series.h"

#define BACKOFF_BASE 120 /* seconds after the first mails of a series, doubling */
#define BACKOFF_MAX 3600
#define BACKOFF_QUIET 7200
#define COUNT_MAX 32

static int64_t gap_after(int64_t count, int64_t free_mails)
{
	int64_t gap = BACKOFF_BASE;

	if (count < free_mails)
		return 0;
	for (int64_t i = free_mails; i < count && gap < BACKOFF_MAX; i++)
		gap *= 2;
	return gap < BACKOFF_MAX ? gap : BACKOFF_MAX;
}

int64_t series_left(const Call *call, const Entry *entry, Series *ret)
{
	int64_t gap, since;

	*ret = (Series){ 0 };
	if (!event_find_what(entry, "mailed", &ret->old))
		return 0;
	since = call->caller.now - ret->old.time;
	if (since >= BACKOFF_QUIET || !integer_parse(ret->old.ref, &ret->count) || ret->count < 0) {
		ret->count = 0;
		return 0;
	}
	gap = gap_after(ret->count, call->worker->config->recovery.live_requests);
	return since >= gap ? 0 : gap - since;
}

void series_put(const Call *call, const Series *series, Changes *changes)
{
	Event event = { .what = "mailed", .time = call->caller.now };
	char text[EVENT_VALUE_MAX];

	if (*series->old.what && event_format(&series->old, text, sizeof(text)) == 0)
		changes_add(changes, CHANGE_DELETE, "pwresetEvent", text);
	snprintf(event.ref, sizeof(event.ref), "%lld",
		 (long long)(series->count < COUNT_MAX ? series->count + 1 : COUNT_MAX));
	if (event_format(&event, text, sizeof(text)) == 0)
		changes_add(changes, CHANGE_ADD, "pwresetEvent", text);
}
