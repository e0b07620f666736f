/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a blocklist filter from lists of any length, in any order: 19 MiB of memory, then twice a
 * 256th of all keys (62 MiB for a billion), and eight bytes an entry of disk space beside the
 * output while it works. The output appears whole, by a rename, or not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy_filter.h"

typedef struct BlocklistBuild BlocklistBuild;

typedef enum BlocklistInput {
	BLOCKLIST_PASSWORDS, /* a password a line, any bytes */
	BLOCKLIST_HASHES,    /* hexadecimal digest of the filter's kind, then ":COUNT" or nothing */
} BlocklistInput;

enum {
	_BLOCKLIST_E_SUCCESS = 0,
	BLOCKLIST_E_SYNTAX, /* the line of which blocklist_build_line() is the number */
	BLOCKLIST_E_FULL,   /* more than 2^32 - 1 entries */
	BLOCKLIST_E_EMPTY,  /* nothing was fed */
	BLOCKLIST_E_CANCELLED,
};

/* Called now and then; bytes and lines read so far. A result other than 0 cancels. */
typedef int (*BlocklistProgress)(uint64_t n_bytes, uint64_t n_lines, void *userdata);

int blocklist_build_new(BlocklistBuild **ret, const char *output, FilterKey key,
			BlocklistProgress progress, void *userdata);
/* Hashes seen fewer times than this are left out; the default takes all. */
void blocklist_build_set_min_count(BlocklistBuild *build, uint64_t min_count);
/* Reads to the end; the last line needs no newline. Repeatable, for several lists. */
int blocklist_build_read(BlocklistBuild *build, int fd, BlocklistInput input);
/* Writes the output. *ret_entries: without duplicates. Afterwards only free is allowed. */
int blocklist_build_finish(BlocklistBuild *build, uint64_t *ret_entries);
uint64_t blocklist_build_line(const BlocklistBuild *build);
BlocklistBuild *blocklist_build_free(BlocklistBuild *build);

static inline void blocklist_build_freep(BlocklistBuild **build)
{
	blocklist_build_free(*build);
}
