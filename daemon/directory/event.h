/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwresetEvent: the last outcomes of an account. Values are what:time:operation:ref:by. The marker
 * of a password write is one of them: found by its operation, it tells what became of a modify
 * whose reply was lost.
 */
#pragma once

#include "change.h"
#include "token.h"

#define EVENTS_MAX 10U /* outcomes kept */
#define EVENT_WHAT_MAX 24U
#define EVENT_REF_MAX 64U
#define EVENT_BY_MAX 64U
#define EVENT_VALUE_MAX 256U

typedef struct Event {
	char what[EVENT_WHAT_MAX];
	int64_t time;
	char operation[TOKEN_ID_TEXT + 1];
	char ref[EVENT_REF_MAX]; /* the id of the token used, or what the event needs */
	char by[EVENT_BY_MAX];   /* "": the person */
	bool shadow;             /* of a temporary password: its end stands in shadowExpire */
} Event;

/* A check of the current password is under way: prove.c. */
#define EVENT_PROOF "proof"

bool event_parse(const char *value, Event *ret);
int event_format(const Event *event, char *ret, size_t size);

/* The event of that operation. */
bool event_find_operation(const Entry *entry, const char *operation, Event *ret);
/* The same, if it is its end: that a password was being checked says nothing of what came of it. */
bool event_find_outcome(const Entry *entry, const char *operation, Event *ret);
/* The event by which a token of that id ended: "changed", "revoked" ….  */
bool event_find_ref(const Entry *entry, const char *ref, Event *ret);
bool event_find_what(const Entry *entry, const char *what, Event *ret);
/* It says how things stand rather than what happened. */
bool event_is_standing(const Event *event);
/* The temporary password that is in force, if one is. */
bool event_find_temporary(const Entry *entry, Event *ret);
/*
 * When anything last happened that kills the account's tokens; 0: never. Events of that ref (NULL:
 * none) do not count.
 */
int64_t event_last_kill(const Entry *entry, const char *except_ref);

/* Adds it, and deletes the oldest ones above the limit. */
void event_put(Changes *changes, const Entry *entry, const Event *event);
