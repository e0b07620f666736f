/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A socket that somebody else listens on for us: accepted from, never listen()ed on, which would
 * change whose it is.
 */
#pragma once

#include "methods.h"

typedef struct Broker Broker;
typedef struct Listener Listener;

/* Takes fd. */
int listener_new(Listener **ret, Broker *broker, Socket socket, int passed);
Listener *listener_free(Listener *listener);

/* The passed descriptor must be a listening Unix stream socket: 0, or -ENOTSOCK. */
int listener_check(int fd);
/*
 * Accepts and drops what waits, so that a service that cannot start is not started over and over
 * for the same client.
 */
void listener_drain(int fd);
