/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file that includes jansson.h. */

#include <jansson.h>

#include "oracle.h"

/* jansson's accessors take no const. */
static json_t *value_of(const Oracle *value)
{
	return (json_t *)(uintptr_t)value;
}

Oracle *oracle_load(const char *text, size_t len, bool reject_duplicates)
{
	return (Oracle *)json_loadb(
		text, len, JSON_DECODE_ANY | (reject_duplicates ? JSON_REJECT_DUPLICATES : 0),
		NULL);
}

void oracle_free(Oracle *value)
{
	json_decref((json_t *)value);
}

char oracle_type(const Oracle *value)
{
	switch (json_typeof(value_of(value))) {
	case JSON_OBJECT:
		return 'o';
	case JSON_ARRAY:
		return 'a';
	case JSON_STRING:
		return 's';
	case JSON_INTEGER:
		return 'i';
	case JSON_REAL:
		return 'r';
	case JSON_TRUE:
	case JSON_FALSE:
		return 'b';
	case JSON_NULL:
		return 'n';
	}
	return '\0';
}

bool oracle_bool(const Oracle *value)
{
	return json_is_true(value_of(value));
}

int64_t oracle_integer(const Oracle *value)
{
	return json_integer_value(value_of(value));
}

const char *oracle_string(const Oracle *value, size_t *ret_len)
{
	*ret_len = json_string_length(value_of(value));
	return json_string_value(value_of(value));
}

size_t oracle_size(const Oracle *value)
{
	return json_is_array(value_of(value)) ? json_array_size(value_of(value))
					      : json_object_size(value_of(value));
}

const Oracle *oracle_element(const Oracle *array, size_t i)
{
	return (const Oracle *)json_array_get(value_of(array), i);
}

const Oracle *oracle_member(const Oracle *object, const char *key)
{
	return (const Oracle *)json_object_get(value_of(object), key);
}

bool oracle_equal(const Oracle *a, const Oracle *b)
{
	return json_equal(value_of(a), value_of(b));
}

bool oracle_beyond(const Oracle *value, size_t depth_max, size_t members_max)
{
	json_t *v = value_of(value), *child;
	const char *key;
	size_t i;

	if (json_is_real(v))
		return true;
	if (!json_is_array(v) && !json_is_object(v))
		return false;
	if (depth_max == 0 || json_object_size(v) > members_max)
		return true;
	json_array_foreach(v, i, child) if (oracle_beyond((const Oracle *)child, depth_max - 1,
							  members_max)) return true;
	json_object_foreach(v, key, child) if (oracle_beyond((const Oracle *)child, depth_max - 1,
							     members_max)) return true;
	return false;
}
