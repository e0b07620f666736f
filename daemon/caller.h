/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.pwreset.Directory.Caller: who stands behind a call, as the broker has established it. */
#pragma once

#include "json.h"

typedef struct Caller {
	int64_t uid; /* -1: none that counts */
	unsigned roles;
	const char *via;
	const char *host; /* NULL: none */
	int64_t now;
	int64_t deadline_ms;
	const char *operation;
} Caller;

/* The member "caller" of the object that is open. */
void caller_write(JsonWriter *w, const Caller *caller);
