/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has been sent something in which run of IT's, for a day, so that an interrupted run of ten
 * thousand can be started again and nobody gets two mails. Keyed hashes in the file "batches", the
 * oldest making room when there are too many.
 */
#pragma once

#include "ledger.h"

#define BATCH_MAX (128 * 1024) /* markers */
#define BATCH_KEEP_S (24 * 60 * 60)
#define BATCH_NAME_MAX 64 /* bytes of a run's name */

typedef struct Batch Batch;

int batch_new(Batch **ret, int dir_fd, int64_t now);
Batch *batch_free(Batch *batch);
DEFINE_CLEANUP(Batch *, batch_free)

/*
 * Notes it. 1: it was noted already; 0: it was not; negative errno: could not be. Goes to the disk
 * by batch_commit().
 */
int batch_add(Batch *batch, const char *requester, const char *name, const char *user, int64_t now);
/*
 * The mark of what batch_add() noted last, for the record in the spool: that one is on the disk
 * before the note is.
 */
uint64_t batch_mark(const Batch *batch);
/*
 * Notes a mark out of the spool again, should the last process have died in between. 0 or negative
 * errno.
 */
int batch_restore(Batch *batch, uint64_t mark, int64_t noted);
/* On failure what was noted since the last commit is forgotten. */
int batch_commit(Batch *batch);
/* Forgets what was noted since the last commit. */
void batch_revert(Batch *batch);
/* Drops what is older than a day and removes or rewrites the file. */
void batch_tidy(Batch *batch, int64_t now);
