/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frame of the policy's data files: a header, then a payload that is mapped and read in place.
 * Byte order is the machine's; a file of the other order has a version that nobody knows.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define POLICY_FILE_VERSION 1U
#define POLICY_FILE_PARAMETERS 6U
/* Longer payloads are summed by policy_file_verify() only: each worker would read gigabytes. */
#define POLICY_FILE_SUMMED_MAX (UINT64_C(64) << 20)

typedef enum PolicyFileKind {
	POLICY_FILE_WORDS = 0x77,
	POLICY_FILE_FILTER = 0x66,
} PolicyFileKind;

typedef struct PolicyFileHeader {
	uint8_t magic[8];
	uint32_t version;
	uint32_t kind;
	uint64_t n_payload;
	uint64_t checksum; /* of the payload; against decay, not against forgery */
	uint32_t parameters[POLICY_FILE_PARAMETERS];
	uint64_t header_checksum; /* of all fields above */
} PolicyFileHeader;

_Static_assert(sizeof(PolicyFileHeader) == 64, "the payload is aligned to a cache line");

typedef struct PolicyFile {
	const PolicyFileHeader *header; /* the mapping */
	const uint8_t *payload;
	size_t n_payload;
	size_t n_mapping;
} PolicyFile;

/* Negative errno, or POLICY_E_FORMAT, POLICY_E_CORRUPT. */
int policy_file_open(PolicyFile *file, const char *path, PolicyFileKind kind);
void policy_file_close(PolicyFile *file);
/* Sums the payload whatever its length: 0 or POLICY_E_CORRUPT. */
int policy_file_verify(const PolicyFile *file);
uint64_t policy_file_checksum(const uint8_t *bytes, size_t n);
/* The same in pieces, for what is longer than memory: whole blocks, then the rest; begins with 0.
 */
#define POLICY_FILE_BLOCK (1U << 20)
uint64_t policy_file_checksum_block(uint64_t sum, const uint8_t *bytes, size_t n);
void policy_file_header(PolicyFileHeader *header, PolicyFileKind kind,
			const uint32_t parameters[static POLICY_FILE_PARAMETERS],
			uint64_t n_payload, uint64_t checksum);
