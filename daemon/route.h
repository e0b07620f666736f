/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of an admitted call: answered here, spooled, or passed to a worker. */
#pragma once

#include "call.h"

void route_call(Call *call);

/* A notice is in the spool that tells of what the call does. */
bool route_has_notice(const Call *call);
/*
 * The peer has gone: true when no worker has seen the call, which is taken back with its notices.
 */
bool route_withdraw(Call *call);
