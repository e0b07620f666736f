/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the running spool and the reading of its file. */
#pragma once

#include "spool.h"

#define SPOOL_OP_ADD "add"
#define SPOOL_OP_TRY "try"
#define SPOOL_OP_LATER "later"
#define SPOOL_OP_DONE "done"

/* Reads the file; hands over each request that is still alive, and the ledger to go on with. */
typedef int (*SpoolTake)(Request *request, void *userdata);
int spool_replay(Ledger **ret, int dir_fd, const char *name, int64_t now_ms, SpoolTake take,
		 void *userdata);
