/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls, replies and parameters as Varlink words them. */

#include <string.h>

#include "varlink.h"

/*
 * "org.example.interface.Method": what may go into tables, replies and logs without further
 * thought.
 */
static bool name_valid(const char *name)
{
	size_t len = strlen(name);
	const char *dot = strrchr(name, '.');

	if (len > VARLINK_NAME_MAX || !dot || dot == name || dot[1] == '\0')
		return false;
	for (const char *p = name; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && *p != '.' && *p != '-')
			return false;
	return true;
}

static int take_name(const JsonNode *value, const char **ret)
{
	if (value->type != JSON_STRING || !name_valid(value->string))
		return -EBADMSG;
	*ret = value->string;
	return 0;
}

static int take_parameters(const JsonNode *value, const JsonNode **ret)
{
	if (value->type == JSON_NULL)
		return 0;
	if (value->type != JSON_OBJECT)
		return -EBADMSG;
	*ret = value;
	return 0;
}

static int take_bool(const JsonNode *value, bool *ret)
{
	if (value->type != JSON_BOOL)
		return -EBADMSG;
	*ret = value->boolean;
	return 0;
}

int varlink_call_parse(VarlinkCall *call, const JsonNode *root)
{
	VarlinkCall c = { 0 };
	const JsonNode *key, *value;
	bool upgrade = false;
	int r = 0;

	if (root->type != JSON_OBJECT)
		return -EBADMSG;
	key = json_first(root);
	for (uint32_t i = 0; i < root->n && r == 0; i++, key = json_next(value)) {
		value = json_next(key);
		if (strcmp(key->string, "method") == 0)
			r = take_name(value, &c.method);
		else if (strcmp(key->string, "parameters") == 0)
			r = take_parameters(value, &c.parameters);
		else if (strcmp(key->string, "oneway") == 0)
			r = take_bool(value, &c.oneway);
		else if (strcmp(key->string, "more") == 0)
			r = take_bool(value, &c.more);
		else if (strcmp(key->string, "upgrade") == 0)
			r = take_bool(value, &upgrade);
		else
			r = -EBADMSG;
	}
	if (r != 0 || !c.method || upgrade || (c.oneway && c.more))
		return -EBADMSG;
	*call = c;
	return 0;
}

int varlink_reply_parse(VarlinkReply *reply, const JsonNode *root)
{
	VarlinkReply a = { 0 };
	const JsonNode *key, *value;
	int r = 0;

	if (root->type != JSON_OBJECT)
		return -EBADMSG;
	key = json_first(root);
	for (uint32_t i = 0; i < root->n && r == 0; i++, key = json_next(value)) {
		value = json_next(key);
		if (strcmp(key->string, "error") == 0)
			r = take_name(value, &a.error);
		else if (strcmp(key->string, "parameters") == 0)
			r = take_parameters(value, &a.parameters);
		else if (strcmp(key->string, "continues") == 0)
			r = take_bool(value, &a.continues);
		else
			r = -EBADMSG;
	}
	if (r != 0 || (a.error && a.continues))
		return -EBADMSG;
	*reply = a;
	return 0;
}

void varlink_open_call(JsonWriter *w, const char *method, bool more)
{
	json_open(w, NULL, '{');
	json_put_string(w, "method", method);
	if (more)
		json_put_bool(w, "more", true);
	json_open(w, "parameters", '{');
}

void varlink_open_reply(JsonWriter *w, bool continues)
{
	json_open(w, NULL, '{');
	if (continues)
		json_put_bool(w, "continues", true);
	json_open(w, "parameters", '{');
}

void varlink_open_error(JsonWriter *w, const char *error)
{
	json_open(w, NULL, '{');
	json_put_string(w, "error", error);
	json_open(w, "parameters", '{');
}

void varlink_close(JsonWriter *w)
{
	json_close(w, '}');
	json_close(w, '}');
}

static const VarlinkField *field_find(const VarlinkField *fields, const char *name)
{
	for (const VarlinkField *f = fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static bool field_accepts(const VarlinkField *field, const JsonNode *value)
{
	if (value->type == JSON_NULL)
		return !field->mandatory;
	if (value->type != field->type)
		return false;
	return field->max == 0 || (field->type != JSON_STRING && field->type != JSON_ARRAY) ||
	       value->n <= field->max;
}

static void field_assign(const VarlinkField *field, const JsonNode *value, void *target)
{
	void *at = (char *)target + field->offset;

	switch (value->type) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		*(bool *)at = value->boolean;
		break;
	case JSON_INTEGER:
		*(int64_t *)at = value->integer;
		break;
	case JSON_STRING:
		*(const char **)at = value->string;
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		*(const JsonNode **)at = value;
		break;
	}
}

int varlink_dispatch(const JsonNode *parameters, const VarlinkField *fields, void *target,
		     const char **bad)
{
	const JsonNode *key;
	uint32_t n = parameters ? parameters->n : 0;

	/* All is checked before anything is set. */
	key = parameters ? json_first(parameters) : NULL;
	for (uint32_t i = 0; i < n; i++, key = json_next(json_next(key))) {
		const VarlinkField *field = field_find(fields, key->string);

		if (!field || !field_accepts(field, json_next(key))) {
			*bad = key->string;
			return 1;
		}
	}
	for (const VarlinkField *f = fields; f->name; f++)
		if (f->mandatory && !json_get(parameters, f->name)) {
			*bad = f->name;
			return 1;
		}

	key = parameters ? json_first(parameters) : NULL;
	for (uint32_t i = 0; i < n; i++, key = json_next(json_next(key)))
		field_assign(field_find(fields, key->string), json_next(key), target);
	return 0;
}
