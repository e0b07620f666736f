/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether what a notice tells of has happened, when nobody lived to hear it: the operation left its
 * mark in the entry, though perhaps on a server that has not passed it on yet, or had not passed on
 * an earlier one. So every server of uri= and read-uri= is asked.
 */
#pragma once

#include "event.h"
#include "mint.h"

typedef enum Trace {
	TRACE_FOUND = 0x2d,
	TRACE_NONE = 0x53, /* each server has answered, and none has it */
	TRACE_DOUBT = 0x6a /* not each has answered, or no mark of it can be seen here */
} Trace;

/* account: as the server that the worker is connected to has it. ret: set for TRACE_FOUND. */
Trace trace_look(Call *call, const MintRequest *request, const Account *account, Event *ret);

/*
 * Answers that it is to be asked again later; when the servers have now been asked twice, and none
 * had it, that it was not done.
 */
int trace_skip(Call *call, const MintRequest *request, Trace trace);
