/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outcomes in the entry. */
#include "event.h"

#include <string.h>

/*
 * Kept as long as they are in force, however many others come, and taken away by those who put them
 * there.
 */
static const char *const standing[] = { "temporary", "mailed", "reminded", EVENT_PROOF };

static const char *const killing[] = { "changed", "set", "revoked", "address" };

static bool one_of(const char *what, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(what, names[i]) == 0)
			return true;
	return false;
}

static bool part(const char **text, char *ret, size_t size)
{
	size_t len = strcspn(*text, ":");

	if (len >= size)
		return false;
	memcpy(ret, *text, len);
	ret[len] = '\0';
	*text += len + ((*text)[len] == ':');
	return true;
}

int event_format(const Event *event, char *ret, size_t size)
{
	char by[EVENT_BY_MAX];
	int n;

	snprintf(by, sizeof(by), "%s", event->by);
	/* The separator, and what an IA5 string cannot hold. */
	for (char *p = by; *p != '\0'; p++)
		if (*p == ':' || *p <= ' ' || *p >= 0x7f)
			*p = '_';
	n = snprintf(ret, size, "%s:%lld:%s:%s:%s", event->what, (long long)event->time,
		     event->operation, event->ref, by);
	return n < 0 || (size_t)n >= size ? -E2BIG : 0;
}

bool event_parse(const char *value, Event *ret)
{
	char time[24], again[EVENT_VALUE_MAX];
	const char *whole = value;
	Event event = { 0 };

	if (!part(&value, event.what, sizeof(event.what)) || !part(&value, time, sizeof(time)) ||
	    !part(&value, event.operation, sizeof(event.operation)) ||
	    !part(&value, event.ref, sizeof(event.ref)) ||
	    !part(&value, event.by, sizeof(event.by)) || *value != '\0' ||
	    !integer_parse(time, &event.time))
		return false;
	/* One spelling each: a value is later deleted by what is written from these fields. */
	if (event_format(&event, again, sizeof(again)) < 0 || strcmp(again, whole) != 0)
		return false;
	event.shadow = strncmp(event.ref, "shadow.", 7) == 0;
	*ret = event;
	return true;
}

typedef enum EventField { EVENT_WHAT, EVENT_OPERATION, EVENT_OUTCOME, EVENT_REF } EventField;

static bool find(const Entry *entry, EventField field, const char *text, Event *ret)
{
	const Attribute *values = entry_attribute(entry, "pwresetEvent");
	bool found = false;

	for (size_t i = 0; values && i < values->n; i++) {
		Event event;
		const char *have;

		if (!event_parse(values->values[i].bytes, &event))
			continue;
		if (field == EVENT_OUTCOME && strcmp(event.what, EVENT_PROOF) == 0)
			continue;
		have = field == EVENT_WHAT  ? event.what
		       : field == EVENT_REF ? event.ref
					    : event.operation;
		if (strcmp(have, text) != 0 || (found && event.time < ret->time))
			continue;
		*ret = event;
		found = true;
	}
	return found;
}

bool event_find_operation(const Entry *entry, const char *operation, Event *ret)
{
	return find(entry, EVENT_OPERATION, operation, ret);
}

bool event_find_outcome(const Entry *entry, const char *operation, Event *ret)
{
	return find(entry, EVENT_OUTCOME, operation, ret);
}

bool event_find_ref(const Entry *entry, const char *ref, Event *ret)
{
	return find(entry, EVENT_REF, ref, ret);
}

bool event_find_what(const Entry *entry, const char *what, Event *ret)
{
	return find(entry, EVENT_WHAT, what, ret);
}

bool event_is_standing(const Event *event)
{
	return one_of(event->what, standing, ARRAY_SIZE(standing));
}

bool event_find_temporary(const Entry *entry, Event *ret)
{
	return event_find_what(entry, "temporary", ret);
}

int64_t event_last_kill(const Entry *entry, const char *except_ref)
{
	const Attribute *values = entry_attribute(entry, "pwresetEvent");
	int64_t last = 0;

	for (size_t i = 0; values && i < values->n; i++) {
		Event event;

		if (event_parse(values->values[i].bytes, &event) && event.time > last &&
		    !(except_ref && strcmp(event.ref, except_ref) == 0) &&
		    one_of(event.what, killing, ARRAY_SIZE(killing)))
			last = event.time;
	}
	return last;
}

void event_put(Changes *changes, const Entry *entry, const Event *event)
{
	const Attribute *values = entry_attribute(entry, "pwresetEvent");
	bool gone[ENTRY_VALUES_MAX] = { 0 };
	char text[EVENT_VALUE_MAX];
	size_t kept = 0, n = values ? values->n : 0;

	if (event_format(event, text, sizeof(text)) < 0) {
		changes->error = -E2BIG;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		Event old;

		kept += !event_parse(values->values[i].bytes, &old) || !event_is_standing(&old);
	}
	for (; kept >= EVENTS_MAX; kept--) {
		size_t oldest = n;
		int64_t time = INT64_MAX;

		for (size_t i = 0; i < n; i++) {
			Event old = { 0 };
			bool known = event_parse(values->values[i].bytes, &old);

			if (gone[i] || (known && event_is_standing(&old)))
				continue;
			if (!known || old.time < time) {
				time = known ? old.time : INT64_MIN;
				oldest = i;
			}
		}
		if (oldest == n)
			break;
		gone[oldest] = true;
		changes_add(changes, CHANGE_DELETE, "pwresetEvent", values->values[oldest].bytes);
	}
	changes_add(changes, CHANGE_ADD, "pwresetEvent", text);
}
