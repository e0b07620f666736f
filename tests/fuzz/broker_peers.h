/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files about peers. */
#pragma once

#include "broker_play.h"

extern Player players[PEERS_MAX];
extern bool strays; /* somebody has left with calls that nobody remembers */

void expects_open(void);
/* Works out what is to be expected of the call that has been sent, behind the player's others. */
void expect_message(Player *player, char *text, size_t len);
/* What has come is what had to come. text: the reply's parameters. */
void answer_check(Player *player, Expect *expect, const VarlinkReply *reply, const char *text);
/* Whoever need not be made to wait has been answered, and whose slot is over too. */
void answer_check_wait(const Player *player);
