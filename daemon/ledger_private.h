/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the writing and the reading half of the ledger. */
#pragma once

#include "ledger.h"

#define FRAME_LEN 9 /* eight digits and the blank */

struct Ledger {
	int dir_fd;
	const char *name;
	int fd; /* -1: there is no file yet */
	size_t size;
	bool damaged;
	/*
	 * writes what waits when it becomes much: a rewrite, which nobody reads before it is whole
	 */
	bool spills;
	char *pending;
	size_t pending_len;
	size_t pending_size;
	Buf buf; /* over line, the record being written */
	JsonWriter writer;
	char line[LEDGER_LINE_MAX];
};

uint32_t crc32c(const char *bytes, size_t len);

/* Reads the whole file, sets size and damaged, and cuts off a torn end. */
int ledger_replay(Ledger *ledger, LedgerReplay replay, void *userdata);
