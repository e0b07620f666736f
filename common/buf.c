/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Appending to memory of the caller; once something did not fit, nothing more is appended. */

#include <stdarg.h>
#include <string.h>

#include "buf.h"
#include "secret.h"

void buf_init(Buf *buf, void *memory, size_t size)
{
	*buf = (Buf){ .data = memory, .size = size };
	if (size > 0)
		buf->data[0] = '\0';
}

void buf_wipe(Buf *buf)
{
	if (!buf)
		return;
	/* It only grows, and what did not fit was wiped at once: nothing stands behind the end. */
	memory_wipe(buf->data, buf->len < buf->size ? buf->len + 1 : buf->size);
	buf->len = 0;
	buf->overflow = false;
}

void buf_append(Buf *buf, const void *bytes, size_t len)
{
	if (buf->overflow)
		return;
	if (buf->size <= buf->len || len > buf->size - buf->len - 1) {
		buf->overflow = true;
		return;
	}
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void buf_puts(Buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_putc(Buf *buf, char c)
{
	buf_append(buf, &c, 1);
}

void buf_printf(Buf *buf, const char *format, ...)
{
	size_t room;
	va_list args;
	int n;

	if (buf->overflow)
		return;
	room = buf->size - buf->len;
	va_start(args, format);
	n = vsnprintf(room > 0 ? buf->data + buf->len : NULL, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room) {
		/* What was written in part is none of the text. */
		if (room > 0)
			memory_wipe(buf->data + buf->len, room);
		buf->overflow = true;
		return;
	}
	buf->len += (size_t)n;
}
