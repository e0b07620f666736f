/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is damaged on purpose is also said, thousands of times: not while this is on. */
#pragma once

#include <stdbool.h>

void quiet(bool on);
