/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of a request out of the spool: attempt noted on the disk, token minted by a directory
 * worker, mail sent by a mailer worker, request struck out. Killed at any instant it starts again,
 * with the same token id and Message-ID; how often that may happen is bounded.
 */
#pragma once

#include "macros.h"

/* attempts of unknown outcome, each a possible duplicate, after which a request is given up */
#define DELIVERY_UNKNOWN_MAX 8

typedef struct Broker Broker;
typedef struct Delivery Delivery;

int delivery_new(Delivery **ret, Broker *broker);
Delivery *delivery_free(Delivery *delivery); /* when nothing waits for the spool: spool_settle() */
DEFINE_CLEANUP(Delivery *, delivery_free)

/* Something may be due; looked into from the loop. */
void delivery_wake(Delivery *delivery);
/* A request is between the spool and the relay. */
bool delivery_busy(const Delivery *delivery);
/* Starts nothing new. */
void delivery_stop(Delivery *delivery);
