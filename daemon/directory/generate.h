/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passwords that are made here. */
#pragma once

#include "worker.h"

#define TEMPORARY_LIFE (24 * 3600) /* seconds that a temporary password is good */

/* XXXX-XXXX-XXXX-XXXX of CODE_ALPHABET in lower case: 80 bits, good to read out and to type. */
void password_generate(Secret *ret);
