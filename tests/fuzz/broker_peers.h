/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files about peers. */
#pragma once

#include "broker_play.h"

extern Player players[PEERS_MAX];
extern bool strays; /* somebody has left with calls that nobody remembers */

void expects_open(void);
/* Works out what is to be expected of the call that has been sent, behind the player's others. */
void expect_message(Player *player, char *text, size_t len);
/* Who has to go when somebody comes to a door, or says Hello for a host (or NULL). */
Room room_expect(const Player *newcomer, const char *host);
/* That is who has gone, and nobody else; taken: the newcomer has its place. */
void room_check(const Room *room, const Player *newcomer, bool taken);
/* What has come is what had to come. text: the reply's parameters. */
void answer_check(Player *player, Expect *expect, const VarlinkReply *reply, const char *text);
/* Whoever need not be made to wait has been answered, and whose slot is over too. */
void answer_check_wait(const Player *player);
