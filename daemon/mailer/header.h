/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header fields of a mail (RFC 5322, 2047): the one place that writes them, so that no value can
 * end a line or begin another field. Lines are folded at 78 columns.
 */
#pragma once

#include "buf.h"

/* Words for people: as they are when they are plain ASCII, else as encoded words. The text has no
 * controls. */
void header_put_text(Buf *out, const char *name, const char *text);
/* An address with an optional display name. */
void header_put_address(Buf *out, const char *name, const char *display, const char *address);
/* A value of ours, in ASCII and short. */
void header_put(Buf *out, const char *name, const char *value);
