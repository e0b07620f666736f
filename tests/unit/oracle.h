/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jansson behind names that do not collide with ours. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Oracle Oracle; /* json_t */

Oracle *oracle_load(const char *text, size_t len, bool reject_duplicates);
void oracle_free(Oracle *value);

/* 'n' null, 'b' boolean, 'i' integer, 'r' real, 's' string, 'a' array, 'o' object */
char oracle_type(const Oracle *value);
bool oracle_bool(const Oracle *value);
int64_t oracle_integer(const Oracle *value);
const char *oracle_string(const Oracle *value, size_t *ret_len);
size_t oracle_size(const Oracle *value);
const Oracle *oracle_element(const Oracle *array, size_t i);
const Oracle *oracle_member(const Oracle *object, const char *key);
bool oracle_equal(const Oracle *a, const Oracle *b);

/*
 * Whether there is a real, a container deeper than depth_max or an object of more than members_max
 * members in it.
 */
bool oracle_beyond(const Oracle *value, size_t depth_max, size_t members_max);
