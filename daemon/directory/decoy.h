/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same work for nobody as for somebody. */
#pragma once

#include "account.h"

/*
 * The reads and the write of charging a try, on the entry decoy-dn=; nothing when there is none. 0,
 * or a negative errno when the directory did not answer, which must not be told otherwise than for
 * somebody.
 */
int decoy_charge(Call *call);
