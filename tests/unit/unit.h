/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cmocka wants before it, and itself. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
