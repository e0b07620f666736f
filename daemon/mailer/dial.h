/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the addresses of the relay to a connection that has everything the configuration demands. */
#pragma once

#include "relay.h"

/*
 * Connects, starts TLS where it is demanded, and reads the greeting. Says each step in the trace.
 * 0, or a negative errno after a failed step.
 */
int dial(Wire **ret, const RelaySettings *settings, const SmtpAddresses *addresses,
	 TlsVerdict *verdict, Deadline deadline, Trace *trace);

/* A failed read or write, as a step that failed. */
void dial_trace_error(Trace *trace, const char *step, int error);
