/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes a filter file from sorted keys. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy_filter.h"

typedef struct BlocklistWriter BlocklistWriter;

/* n_keys: at least as many as will be added. */
int blocklist_writer_new(BlocklistWriter **ret, const char *output, FilterKey key, uint64_t n_keys);
/* Ascending, no duplicates. */
int blocklist_writer_add(BlocklistWriter *writer, uint64_t key);
int blocklist_writer_finish(BlocklistWriter *writer, uint64_t *ret_keys);
BlocklistWriter *blocklist_writer_free(BlocklistWriter *writer);

/* All or a negative errno; -EIO where the file is shorter. */
int blocklist_write_at(int fd, const void *bytes, size_t n, off_t at);
int blocklist_read_at(int fd, void *bytes, size_t n, off_t at);
