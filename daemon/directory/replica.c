/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* After a write: wait, for a short while, until the servers that logins ask have it too. */
#include <poll.h>
#include <string.h>

#include "event.h"
#include "write.h"

#define REPLICAS_MAX 16U
#define REPLICAS_WAIT_MS 3000
#define REPLICA_PAUSE_MS 50
#define REPLY_RESERVE_MS 300 /* of the call's time, kept for the answer */

static bool replica_has(Directory *replica, const char *dn, const char *operation)
{
	static const char *const attributes[] = { "pwresetEvent", NULL };
	CLEANUP(entry_freep) Entry *entry = NULL;
	Event event;

	return directory_read(replica, dn, NULL, attributes, &entry) == 0 &&
	       event_find_outcome(entry, operation, &event);
}

static void replica_wait(Call *call, const char *uri, const char *dn, int64_t until)
{
	CLEANUP(directory_freep) Directory *replica = NULL;

	if (directory_new(&replica, call->worker->config, uri, &call->worker->ldap_password) < 0)
		return;
	directory_set_deadline(replica, until);
	/* One that cannot be reached serves no login either. */
	if (directory_connect(replica) != 0)
		return;
	while (!replica_has(replica, dn, call->caller.operation) &&
	       directory_time_left(replica) > REPLICA_PAUSE_MS)
		poll(NULL, 0, REPLICA_PAUSE_MS);
}

void replicas_wait(Call *call, const Account *account)
{
	int64_t left = directory_time_left(call->worker->directory) - REPLY_RESERVE_MS;
	int64_t until =
		(int64_t)monotonic_ms() + (left < REPLICAS_WAIT_MS ? left : REPLICAS_WAIT_MS);
	AUTO_FREE char *uris = strdup(call->worker->config->directory.read_uri);
	char *state = NULL, *uri = uris ? strtok_r(uris, " \t", &state) : NULL;

	for (unsigned i = 0; uri && i < REPLICAS_MAX; i++, uri = strtok_r(NULL, " \t", &state))
		if ((int64_t)monotonic_ms() < until)
			replica_wait(call, uri, account->dn, until);
}
