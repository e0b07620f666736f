/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection to a worker: a call out, an answer in. */

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "log.h"
#include "worker_private.h"

static uint64_t link_now(const Pool *pool)
{
	uint64_t now = 0;

	(void)sd_event_now(pool->event, CLOCK_MONOTONIC, &now);
	return now;
}

static int link_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return steal_fd(&fd);
}

static void link_unlist(Link *link)
{
	Link **at = &link->pool->links;

	while (*at && *at != link)
		at = &(*at)->next;
	if (*at) {
		*at = link->next;
		link->pool->n_links--;
	}
}

static Work *link_take_back(Link *link)
{
	Work *work = STEAL(link->work);

	if (work) {
		work->link = NULL;
		link->pool->busy[work->spec.urgency]--;
	}
	return work;
}

void link_close(Link *link)
{
	Work *work = link_take_back(link);

	if (work) {
		sd_event_source_disable_unref(work->timer);
		free(work);
	}
	link_unlist(link);
	sd_event_source_disable_unref(link->io);
	sd_event_source_disable_unref(link->timer);
	varlink_stream_free(link->stream);
	free(link);
}

/* The worker is of no use any more; r says why. */
static void link_fail(Link *link, int r, bool sent)
{
	Pool *pool = link->pool;
	Work *work = link_take_back(link);
	bool answered = link->answered;

	link_close(link);
	if (!work)
		return;
	if (!answered)
		pool_worker_died(pool);
	/*
	 * A worker that had gone before the call was written in full has not seen it. Nobody waits
	 * for what was abandoned.
	 */
	if (!sent && !work->retried && work->spec.done) {
		work->retried = true;
		work_requeue(work);
		return;
	}
	pool_wake(pool);
	work_finish(work, r, sent, NULL);
}

static void link_rest(Link *link)
{
	sd_event_source_set_time_relative(link->timer, POOL_IDLE_US);
	sd_event_source_set_enabled(link->timer, SD_EVENT_ONESHOT);
	sd_event_source_set_io_events(link->io, EPOLLIN);
}

static void link_flush(Link *link)
{
	int r = varlink_stream_flush(link->stream);

	if (r < 0)
		link_fail(link, r, false);
	else
		sd_event_source_set_io_events(link->io, r == 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void link_read(Link *link)
{
	Pool *pool = link->pool;
	const JsonNode *root;
	VarlinkReply reply;
	Work *work;
	int r;

	r = varlink_stream_read(link->stream, &root);
	if (r == 0)
		return;
	if (r < 0) {
		link_fail(link, r, !varlink_stream_pending(link->stream));
		return;
	}
	if (!link->work || varlink_stream_pending(link->stream) ||
	    varlink_reply_parse(&reply, root) < 0 || reply.continues) {
		log_line(LOG_ERR, "A %s worker does not keep to the protocol and is dropped.",
			 pool->name);
		link_fail(link, -EBADMSG, true);
		return;
	}
	link->answered = true;
	pool_worker_answered(pool);
	work = link_take_back(link);
	link_rest(link);
	pool_wake(pool);
	/*
	 * The reply lives in the stream, which is not read before the loop turns; a link in it must
	 * not lie there for longer.
	 */
	work_finish(work, 0, true, &reply);
	varlink_stream_done(link->stream);
	if (link_now(pool) - link->opened > POOL_LIFE_US)
		link_close(link);
}

static int on_io(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events, void *userdata)
{
	Link *link = userdata;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		link_read(link);
	else if (events & EPOLLOUT)
		link_flush(link);
	return 0;
}

static int on_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	Link *link = userdata;

	if (link->work) {
		log_line(LOG_WARNING, "A %s worker has overrun its deadline and is dropped.",
			 link->pool->name);
		/* What was not even taken from the socket may be lying there still. */
		link->answered = true;
		link_fail(link, -ETIMEDOUT, true);
	} else {
		link_close(link);
	}
	return 0;
}

int link_open(Pool *pool, Link **ret)
{
	AUTO_CLOSE int fd = link_connect(pool->path);
	Link *link;
	int r;

	if (fd < 0)
		return fd;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->pool = pool;
	link->opened = link_now(pool);
	r = varlink_stream_new(&link->stream, fd);
	if (r == 0)
		r = sd_event_add_io(pool->event, &link->io, steal_fd(&fd), EPOLLIN, on_io, link);
	if (r >= 0)
		r = sd_event_add_time_relative(pool->event, &link->timer, CLOCK_MONOTONIC,
					       POOL_IDLE_US, 1, on_timer, link);
	if (r < 0) {
		link_close(link);
		return r;
	}
	link->next = pool->links;
	pool->links = link;
	pool->n_links++;
	*ret = link;
	return 0;
}

void link_give(Link *link, Work *work)
{
	uint64_t now = link_now(link->pool), left;
	const JsonNode *root;
	JsonWriter w;
	Buf *buf;

	left = work->deadline > now ? work->deadline - now : 0;
	link->work = work;
	work->link = link;
	link->pool->busy[work->spec.urgency]++;
	sd_event_source_set_time(link->timer, work->deadline);
	sd_event_source_set_enabled(link->timer, SD_EVENT_ONESHOT);
	/*
	 * A worker that has something to say before it is asked has gone, or its words would be
	 * taken for the answer.
	 */
	if (varlink_stream_read(link->stream, &root) != 0) {
		link_fail(link, -ECONNRESET, false);
		return;
	}
	buf = varlink_stream_message(link->stream);
	if (buf) {
		w = JSON_WRITER(buf);
		work->spec.write(&w, (unsigned)(left / 1000), work->spec.userdata);
	}
	if (!buf || varlink_stream_commit(link->stream) < 0) {
		/*
		 * Too long with what the broker adds, or no memory: the worker is as good as
		 * before.
		 */
		link_take_back(link);
		link_rest(link);
		work_finish(work, -EMSGSIZE, false, NULL);
		return;
	}
	link_flush(link);
}
