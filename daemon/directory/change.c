/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Building the changes of one modify. */
#include "change.h"

#include <stdarg.h>
#include <string.h>

#include "secret.h"

void changes_deinit(Changes *changes)
{
	for (size_t i = 0; i < changes->n; i++)
		for (size_t j = 0; j < changes->list[i].n; j++) {
			memory_wipe(changes->list[i].values[j].bytes,
				    changes->list[i].values[j].len);
			free(changes->list[i].values[j].bytes);
		}
	changes->n = 0;
	changes->error = 0;
}

static Change *changes_open(Changes *changes, ChangeOp op, const char *attribute)
{
	Change *change;

	if (changes->error < 0)
		return NULL;
	if (changes->n == CHANGES_MAX) {
		changes->error = -E2BIG;
		return NULL;
	}
	change = &changes->list[changes->n++];
	change->op = op;
	change->attribute = attribute;
	change->n = 0;
	return change;
}

void changes_clear(Changes *changes, ChangeOp op, const char *attribute)
{
	(void)changes_open(changes, op, attribute);
}

void changes_add(Changes *changes, ChangeOp op, const char *attribute, const char *value)
{
	Change *change = changes->n > 0 ? &changes->list[changes->n - 1] : NULL;
	char *copy;

	if (!change || change->op != op || strcmp(change->attribute, attribute) != 0 ||
	    change->n == 0)
		change = changes_open(changes, op, attribute);
	if (!change)
		return;
	if (change->n == CHANGE_VALUES_MAX) {
		changes->error = -E2BIG;
		return;
	}
	copy = strdup(value);
	if (!copy) {
		changes->error = -ENOMEM;
		return;
	}
	change->values[change->n++] = (Value){ .len = strlen(copy), .bytes = copy };
}

void changes_printf(Changes *changes, ChangeOp op, const char *attribute, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		changes->error = -E2BIG;
	else
		changes_add(changes, op, attribute, text);
	memory_wipe(text, sizeof(text));
}
