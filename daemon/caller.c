/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Written once, so that no call can come without it or with another. */

#include "caller.h"
#include "identity.h"

void caller_write(JsonWriter *w, const Caller *caller)
{
	json_open(w, "caller", '{');
	json_put_integer(w, "uid", caller->uid);
	roles_write(w, "roles", caller->roles);
	json_put_string(w, "via", caller->via);
	if (caller->host)
		json_put_string(w, "host", caller->host);
	json_put_integer(w, "now", caller->now);
	json_put_integer(w, "deadline", caller->deadline_ms);
	json_put_string(w, "operation", caller->operation);
	json_close(w, '}');
}
