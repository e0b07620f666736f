/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The changes of one modify, put together in order. A failure (no memory, too many) is sticky in
 * error, so that a builder checks once, and directory_modify() refuses to send such a list: half an
 * operation must never go out.
 */
#pragma once

#include "entry.h"

#define CHANGES_MAX 32U
#define CHANGE_VALUES_MAX 32U

typedef enum ChangeOp { CHANGE_ADD, CHANGE_DELETE, CHANGE_REPLACE } ChangeOp;

typedef struct Change {
	ChangeOp op;
	const char *attribute; /* borrowed: a literal or from the configuration */
	Value values[CHANGE_VALUES_MAX];
	size_t n; /* 0: all values are deleted, or replaced by nothing */
} Change;

typedef struct Changes {
	Change list[CHANGES_MAX];
	size_t n;
	int error;
} Changes;

#define AUTO_CHANGES CLEANUP(changes_deinit)

/* Values are wiped. */
void changes_deinit(Changes *changes);

/*
 * One value more to the last change when that has the same operation and attribute, else a new
 * change.
 */
void changes_add(Changes *changes, ChangeOp op, const char *attribute, const char *value);
/* Deletes (or replaces by nothing) the whole attribute. */
void changes_clear(Changes *changes, ChangeOp op, const char *attribute);
void changes_printf(Changes *changes, ChangeOp op, const char *attribute, const char *format, ...)
	PRINTF(4, 5);
