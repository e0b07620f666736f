/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Setup and teardown around each test. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

int fixture_setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	stage_init(&f->stage);
	stage_service(&f->stage, "login", STACK);
	stage_service(&f->stage, "other", "auth required pam_deny.so");
	f->peer = peer_start(f->stage.socket, peer_good, 0);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	Fixture *f = *state;

	peer_stop(f->peer);
	stage_free(&f->stage);
	free(f);
	return 0;
}

void fixture_peer(Fixture *f, const PeerRule *rules, uid_t uid)
{
	peer_stop(f->peer);
	f->peer = rules ? peer_start(f->stage.socket, rules, uid) : NULL;
}

bool fixture_ready(const char *name)
{
	if (geteuid() == 0)
		return true;
	printf("%s: skipped: the module speaks to a listener of root's only\n", name);
	return false;
}
