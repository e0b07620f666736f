/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same work for nobody as for somebody. */
#pragma once

#include "account.h"

/* The reads and the write of charging a try, on the entry decoy-dn=; nothing when there is none. */
void decoy_charge(Call *call);
