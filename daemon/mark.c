/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file is one line of fixed length, overwritten in place: time in seconds, then the counters.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "log.h"
#include "mark.h"

#define MARK_FILE "mark"
#define MARK_SIZE 84     /* four numbers of 20 digits, three blanks, a newline */
#define MARK_BEHIND_S 60 /* a clock that is further behind is worth a warning */

static int64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int mark_read(Mark *mark)
{
	char text[MARK_SIZE + 1] = "";
	uint64_t values[4];
	char *p = text, *end;
	ssize_t n;

	n = pread(mark->fd, text, MARK_SIZE, 0);
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if (n != MARK_SIZE || text[MARK_SIZE - 1] != '\n')
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		errno = 0;
		values[i] = strtoull(p, &end, 10);
		if (errno != 0 || end != p + 20)
			return -EBADMSG;
		p = end + 1;
	}
	if (values[0] > INT64_MAX / 1000000)
		return -EBADMSG;
	mark->kept_s = (int64_t)values[0];
	mark->counters = (Counters){ .sent = values[1], .failed = values[2], .refused = values[3] };
	return 0;
}

void mark_init(Mark *mark, int dir_fd)
{
	int64_t behind;
	int r;

	*mark = MARK_NULL;
	mark->wall_us = clock_us(CLOCK_REALTIME);
	mark->steady_us = clock_us(CLOCK_BOOTTIME);
	mark->fd = openat(dir_fd, MARK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
			  0600);
	if (mark->fd < 0) {
		log_line(LOG_WARNING, "The time mark cannot be kept: %s: %m", MARK_FILE);
		return;
	}
	r = mark_read(mark);
	if (r < 0) {
		log_line(LOG_WARNING, "The time mark is unreadable and starts anew: %s: %s",
			 MARK_FILE, strerror(-r));
		return;
	}
	behind = mark->kept_s - mark->wall_us / 1000000;
	if (behind > MARK_BEHIND_S)
		log_line(LOG_WARNING,
			 "The clock is %" PRId64
			 " s behind the time mark. Set it; if the mark is wrong, stop pwresetd and "
			 "remove the file \"%s\" from its state directory.",
			 behind, MARK_FILE);
	if (behind >= 0)
		mark->wall_us = mark->kept_s * 1000000;
}

void mark_deinit(Mark *mark)
{
	mark_keep(mark, true);
	closep(&mark->fd);
	*mark = MARK_NULL;
}

void mark_keep(Mark *mark, bool sync)
{
	char text[MARK_SIZE + 1];

	if (mark->fd < 0)
		return;
	mark->kept_s = mark->wall_us / 1000000;
	snprintf(text, sizeof(text),
		 "%020" PRId64 " %020" PRIu64 " %020" PRIu64 " %020" PRIu64 "\n", mark->kept_s,
		 mark->counters.sent, mark->counters.failed, mark->counters.refused);
	if (pwrite(mark->fd, text, MARK_SIZE, 0) != MARK_SIZE ||
	    (sync && fdatasync(mark->fd) < 0)) {
		log_line(LOG_WARNING, "The time mark cannot be kept: %s: %m", MARK_FILE);
		closep(&mark->fd);
		mark->fd = -1;
	}
}

int64_t mark_now_us(Mark *mark)
{
	int64_t wall = clock_us(CLOCK_REALTIME), steady = clock_us(CLOCK_BOOTTIME);
	int64_t going_on = mark->wall_us + (steady - mark->steady_us);

	mark->wall_us = wall > going_on ? wall : going_on;
	mark->steady_us = steady;
	if (mark->wall_us / 1000000 != mark->kept_s)
		mark_keep(mark, false);
	return mark->wall_us;
}

int64_t mark_now_ms(Mark *mark)
{
	return mark_now_us(mark) / 1000;
}

int64_t mark_now(Mark *mark)
{
	return mark_now_us(mark) / 1000000;
}
