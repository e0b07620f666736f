/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the text of a link or grant to its account and its live token. */
#pragma once

#include "stored.h"

#define TICKET_E_DEAD 0x2001 /* *ret_dead says why, in the words of LinkDead */

typedef struct OpenTicket {
	Ticket ticket;
	Account account;
	StoredToken token;
} OpenTicket;

#define AUTO_OPEN_TICKET CLEANUP(open_ticket_deinit)
void open_ticket_deinit(OpenTicket *open);

/*
 * 0: the secret is right, the token lives and the account may recover. TICKET_E_DEAD, or a result
 * of directory_*().
 */
int ticket_open(Call *call, const char *text, OpenTicket *ret, const char **ret_dead);
/*
 * LinkDead for a link; Refused for a grant, and for what cannot be told apart where only grants
 * exist.
 */
int ticket_fail(Call *call, const OpenTicket *open, const char *dead);
