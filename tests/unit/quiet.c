/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include "macros.h"
#include "quiet.h"

void quiet(bool on)
{
	static int was = -1;

	fflush(stderr);
	if (on) {
		was = dup(STDERR_FILENO);
		assert_non_null(freopen("/dev/null", "w", stderr));
	} else {
		assert_true(dup2(was, STDERR_FILENO) >= 0);
		close(was);
	}
}
