/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ways to prove who one is without the password: a mailed code, secret questions, a saved code.
 */
#pragma once

#include "call.h"

/*
 * Offers one way after the other until one gives a grant (OUTCOME_OK). OUTCOME_CANCELLED when the
 * person went past the last; OUTCOME_ENDED, OUTCOME_TRIES, OUTCOME_TRY_LATER, or
 * OUTCOME_UNAVAILABLE otherwise.
 */
Outcome ways_walk(const Context *ctx, Secret *grant);
