/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's errors, as few cases as the pages tell apart. */
#pragma once

#include "varlink.h"

typedef enum Failure {
	FAILURE_NONE,
	FAILURE_UNAVAILABLE, /* certainly nothing was changed; also what we do not know */
	FAILURE_LOST,        /* no reply came, though the call may have been carried out */
	FAILURE_UNKNOWN,     /* the daemon itself does not know whether the password was written */
	FAILURE_TRY_LATER,
	FAILURE_REFUSED,
	FAILURE_LINK_DEAD,
	FAILURE_WRONG_PASSWORD,
	FAILURE_PASSWORD_REFUSED,
	FAILURE_ANSWER_REFUSED,
	FAILURE_NOT_ALLOWED,
} Failure;

Failure failure_of(int error, const VarlinkReply *reply);
