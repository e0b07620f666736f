/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each test stands on: a stage with a service "login", and a daemon on its good day. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "macros.h"
#include "peer.h"
#include "talk.h"

typedef struct Fixture {
	Stage stage;
	Peer *peer;
} Fixture;

/* As the shipped profile has it, with pam_probe.so in the place of pam_unix. */
#define STACK_WITH(arguments)                                                                      \
	"auth [conv_err=die default=ignore] %M socket=%S " arguments "\n"                          \
	"auth required %P"
#define STACK STACK_WITH("")

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* Another daemon on the same socket; rules NULL: none. */
void fixture_peer(Fixture *f, const PeerRule *rules, uid_t uid);

/* Runs them, or says why not: the listener has to be root's. */
bool fixture_ready(const char *name);
#define FIXTURE_SKIPPED 77
#define FIXTURE_MAIN(name, tests)                                                                  \
	(fixture_ready(name) ? cmocka_run_group_tests_name(name, tests, NULL, NULL)                \
			     : FIXTURE_SKIPPED)
