/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An append-only text buffer over memory of the caller. Overflow is sticky, so that a writer checks
 * once.
 */
#pragma once

#include "macros.h"

typedef struct Buf {
	char *data; /* not owned; always NUL-terminated at len when size > 0 */
	size_t len; /* without the NUL */
	size_t size;
	bool overflow;
} Buf;

#define BUF(array) ((Buf){ .data = (array), .size = sizeof(array) })

void buf_init(Buf *buf, void *memory, size_t size);

/* Wipes what was appended since buf_init(), before which the memory held nothing secret. */
void buf_wipe(Buf *buf);

/* Appending past the end sets overflow and appends nothing. */
void buf_append(Buf *buf, const void *bytes, size_t len);
void buf_puts(Buf *buf, const char *text);
void buf_putc(Buf *buf, char c);
void buf_printf(Buf *buf, const char *format, ...) PRINTF(2, 3);
