/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An append-only file of records, a line each: CRC-32C in hexadecimal, a blank, a JSON object, a
 * newline (which JSON never contains). What was torn by a crash or damaged on the disk costs the
 * records concerned and no other.
 *
 * Records gather in memory and go out together, so that all of a loop turn cost one sync.
 */
#pragma once

#include "json.h"

#define LEDGER_LINE_MAX 8192                 /* bytes of a record with its frame */
#define LEDGER_PENDING_MAX (4 * 1024 * 1024) /* bytes that may wait for ledger_commit() */

typedef struct Ledger Ledger;

/*
 * Called for each good record at opening; negative errno ends it, positive: the record makes no
 * sense, count it.
 */
typedef int (*LedgerReplay)(const JsonNode *record, void *userdata);
/* Called to write all that is still worth keeping, by ledger_begin() and ledger_end(). */
typedef int (*LedgerWriteAll)(Ledger *ledger, void *userdata);

/*
 * dir_fd is borrowed and must outlive the ledger; name: a literal. A missing file is an empty one.
 * What is found damaged is logged.
 */
int ledger_open(Ledger **ret, int dir_fd, const char *name, LedgerReplay replay, void *userdata);
Ledger *ledger_free(Ledger *ledger);
DEFINE_CLEANUP(Ledger *, ledger_free)

/* The writer of a new record, inside its braces. */
JsonWriter *ledger_begin(Ledger *ledger);
/*
 * Puts it to those that wait; *ret_size (may be NULL): its bytes. -EMSGSIZE, -ENOBUFS, -ENOMEM: it
 * was not.
 */
int ledger_end(Ledger *ledger, size_t *ret_size);

bool ledger_pending(const Ledger *ledger);
void ledger_forget(Ledger *ledger); /* what waits */
/*
 * Writes what waits, to the disk itself with sync. On failure nothing of it is in the file, and all
 * of it is forgotten.
 */
int ledger_commit(Ledger *ledger, bool sync);

/*
 * Replaces the file by what write_all writes (what waited is dropped): the old or the new one is
 * there at any instant.
 */
int ledger_rewrite(Ledger *ledger, LedgerWriteAll write_all, void *userdata);
/* Removes the file; the next commit makes it again. */
int ledger_remove(Ledger *ledger);

size_t ledger_size(const Ledger *ledger); /* of the file, bytes */
/* True when a rewrite would mend something: damage was found, or a record could not be written. */
bool ledger_damaged(const Ledger *ledger);
