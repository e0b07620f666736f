/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Append, commit, rewrite. Reading is ledger_replay.c's. */

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger_private.h"
#include "log.h"

#define PENDING_MIN (16 * 1024)
#define SPILL_AT (1024 * 1024)

uint32_t crc32c(const char *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82f63b78 & -(crc & 1));
	}
	return ~crc;
}

int ledger_open(Ledger **ret, int dir_fd, const char *name, LedgerReplay replay, void *userdata)
{
	CLEANUP(ledger_freep) Ledger *ledger = calloc(1, sizeof(*ledger));
	struct stat st;
	int r;

	if (!ledger)
		return -ENOMEM;
	ledger->dir_fd = dir_fd;
	ledger->name = name;
	ledger->fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (ledger->fd < 0 && errno == EROFS)
		ledger->fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (ledger->fd < 0 && errno != ENOENT)
		return -errno;
	if (ledger->fd >= 0) {
		if (fstat(ledger->fd, &st) < 0)
			return -errno;
		if (!S_ISREG(st.st_mode))
			return -EBADF;
		r = ledger_replay(ledger, replay, userdata);
		if (r < 0)
			return r;
	}
	*ret = STEAL(ledger);
	return 0;
}

Ledger *ledger_free(Ledger *ledger)
{
	if (!ledger)
		return NULL;
	closep(&ledger->fd);
	free(ledger->pending);
	free(ledger);
	return NULL;
}

JsonWriter *ledger_begin(Ledger *ledger)
{
	buf_init(&ledger->buf, ledger->line, sizeof(ledger->line));
	buf_puts(&ledger->buf, "00000000 ");
	ledger->writer = JSON_WRITER(&ledger->buf);
	json_open(&ledger->writer, NULL, '{');
	return &ledger->writer;
}

static int pending_reserve(Ledger *ledger, size_t more)
{
	size_t size = ledger->pending_size > 0 ? ledger->pending_size : PENDING_MIN;
	char *p;

	if (ledger->pending_len + more > LEDGER_PENDING_MAX)
		return -ENOBUFS;
	while (size < ledger->pending_len + more)
		size *= 2;
	if (size == ledger->pending_size)
		return 0;
	p = realloc(ledger->pending, size);
	if (!p)
		return -ENOMEM;
	ledger->pending = p;
	ledger->pending_size = size;
	return 0;
}

int ledger_end(Ledger *ledger, size_t *ret_size)
{
	Buf *buf = &ledger->buf;
	char sum[FRAME_LEN + 1];
	int r;

	json_close(&ledger->writer, '}');
	buf_putc(buf, '\n');
	if (buf->overflow)
		return -EMSGSIZE;
	snprintf(sum, sizeof(sum), "%08" PRIx32 " ",
		 crc32c(buf->data + FRAME_LEN, buf->len - FRAME_LEN - 1));
	memcpy(buf->data, sum, FRAME_LEN);
	r = pending_reserve(ledger, buf->len);
	if (r < 0) {
		ledger->damaged = true;
		return r;
	}
	memcpy(ledger->pending + ledger->pending_len, buf->data, buf->len);
	ledger->pending_len += buf->len;
	if (ret_size)
		*ret_size = buf->len;
	return ledger->spills && ledger->pending_len > SPILL_AT ? ledger_commit(ledger, false) : 0;
}

bool ledger_pending(const Ledger *ledger)
{
	return ledger->pending_len > 0;
}

void ledger_forget(Ledger *ledger)
{
	ledger->pending_len = 0;
}

static int dir_sync(const Ledger *ledger)
{
	return fsync(ledger->dir_fd) < 0 ? -errno : 0;
}

static int bytes_write(int fd, const char *bytes, size_t len, off_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		bytes += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

static void name_new(const Ledger *ledger, char *ret, size_t size)
{
	snprintf(ret, size, "%s.new", ledger->name);
}

static int file_create(Ledger *ledger)
{
	ledger->fd = openat(ledger->dir_fd, ledger->name,
			    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ledger->fd < 0)
		return -errno;
	ledger->size = 0;
	return dir_sync(ledger);
}

int ledger_commit(Ledger *ledger, bool sync)
{
	int r = 0;

	if (ledger->pending_len == 0)
		return 0;
	if (ledger->fd < 0)
		r = file_create(ledger);
	if (r == 0)
		r = bytes_write(ledger->fd, ledger->pending, ledger->pending_len,
				(off_t)ledger->size);
	if (r == 0 && sync && fdatasync(ledger->fd) < 0)
		r = -errno;
	if (r == 0) {
		ledger->size += ledger->pending_len;
	} else {
		/* Whatever came through must not be taken for a record at the next start. */
		if (ledger->fd >= 0 && ftruncate(ledger->fd, (off_t)ledger->size) < 0)
			log_line(LOG_ERR, "%s: cannot be cut back after a failed write: %m",
				 ledger->name);
		ledger->damaged = true;
	}
	ledger->pending_len = 0;
	return r;
}

static int rewrite_into(Ledger *new, LedgerWriteAll write_all, void *userdata)
{
	int r;

	r = write_all(new, userdata);
	if (r < 0)
		return r;
	r = ledger_commit(new, false);
	if (r < 0)
		return r;
	return fsync(new->fd) < 0 ? -errno : 0;
}

int ledger_rewrite(Ledger *ledger, LedgerWriteAll write_all, void *userdata)
{
	CLEANUP(ledger_freep) Ledger *new = calloc(1, sizeof(*new));
	char name[64];
	int r;

	if (!new)
		return -ENOMEM;
	name_new(ledger, name, sizeof(name));
	new->dir_fd = ledger->dir_fd;
	new->name = name;
	new->spills = true;
	new->fd = openat(ledger->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			 0600);
	if (new->fd < 0)
		return -errno;
	r = rewrite_into(new, write_all, userdata);
	if (r == 0 && renameat(ledger->dir_fd, name, ledger->dir_fd, ledger->name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(ledger->dir_fd, name, 0);
		return r;
	}
	closep(&ledger->fd);
	ledger->fd = steal_fd(&new->fd);
	ledger->size = new->size;
	ledger->pending_len = 0;
	ledger->damaged = false;
	return dir_sync(ledger);
}

int ledger_remove(Ledger *ledger)
{
	if (ledger->fd < 0)
		return 0;
	if (unlinkat(ledger->dir_fd, ledger->name, 0) < 0 && errno != ENOENT)
		return -errno;
	closep(&ledger->fd);
	ledger->fd = -1;
	ledger->size = 0;
	ledger->damaged = false;
	return 0;
}

size_t ledger_size(const Ledger *ledger)
{
	return ledger->size;
}

bool ledger_damaged(const Ledger *ledger)
{
	return ledger->damaged;
}
