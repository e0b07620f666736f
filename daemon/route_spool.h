/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where calls meet the spool: requests, notices, and what is spooled after a worker's consent. */
#pragma once

#include "call.h"

/* ROUTE_SPOOL. */
void route_spool(Call *call);

/* Spools the method's notices, if it has any, and submits the call when they are on the disk. */
void route_notices_add(Call *call, unsigned deadline_ms);
void route_notices_release(Call *call); /* it happened */
void route_notices_drop(Call *call);    /* it did not */
void route_notices_leave(Call *call);   /* nobody knows: Mint will find out */

/*
 * The worker has consented and its answer is written: true when something is spooled first, and the
 * call is seen to.
 */
bool route_spool_after(Call *call, const JsonNode *reply);

/* By route.c: gives the call to a worker. */
void route_submit(Call *call);
