/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening, checking and framing the policy's data files. */
#include "policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"

#define MAGIC "PWRESET\n"
/* The full Pwned Passwords list takes about 5 GiB. */
#define FILE_MAX (UINT64_C(16) << 30)

/*
 * Four independent lanes: as fast as memory, since each short-lived worker runs over the files.
 * Multiplications by odd constants and the shifts make every single changed bit show.
 */
uint64_t policy_file_checksum_block(uint64_t sum, const uint8_t *bytes, size_t n)
{
	static const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t lanes[4] = { sum, sum ^ 1, sum ^ 2, n };
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		uint64_t block[4];

		memcpy(block, bytes + i, sizeof(block));
		for (size_t k = 0; k < 4; k++) {
			lanes[k] = (lanes[k] ^ block[k]) * odd;
			lanes[k] ^= lanes[k] >> 29;
		}
	}
	for (; i < n; i++) {
		lanes[i & 3] = (lanes[i & 3] ^ bytes[i]) * odd;
		lanes[i & 3] ^= lanes[i & 3] >> 29;
	}
	for (size_t k = 1; k < 4; k++) {
		lanes[0] = (lanes[0] ^ lanes[k]) * odd;
		lanes[0] ^= lanes[0] >> 31;
	}
	return lanes[0];
}

uint64_t policy_file_checksum(const uint8_t *bytes, size_t n)
{
	uint64_t sum = 0;

	for (size_t at = 0; at < n; at += POLICY_FILE_BLOCK)
		sum = policy_file_checksum_block(
			sum, bytes + at, n - at < POLICY_FILE_BLOCK ? n - at : POLICY_FILE_BLOCK);
	return sum;
}

static uint64_t header_checksum(const PolicyFileHeader *header)
{
	return policy_file_checksum((const uint8_t *)header,
				    offsetof(PolicyFileHeader, header_checksum));
}

void policy_file_header(PolicyFileHeader *header, PolicyFileKind kind,
			const uint32_t parameters[static POLICY_FILE_PARAMETERS],
			uint64_t n_payload, uint64_t checksum)
{
	*header = (PolicyFileHeader){
		.version = POLICY_FILE_VERSION,
		.kind = kind,
		.n_payload = n_payload,
		.checksum = checksum,
	};
	memcpy(header->magic, MAGIC, sizeof(header->magic));
	memcpy(header->parameters, parameters, sizeof(header->parameters));
	header->header_checksum = header_checksum(header);
}

static int file_check(const PolicyFile *file, PolicyFileKind kind)
{
	const PolicyFileHeader *header = file->header;

	if (memcmp(header->magic, MAGIC, sizeof(header->magic)) != 0 || header->kind != kind ||
	    header->version != POLICY_FILE_VERSION)
		return POLICY_E_FORMAT;
	if (header->header_checksum != header_checksum(header) ||
	    header->n_payload != file->n_payload)
		return POLICY_E_CORRUPT;
	return header->n_payload <= POLICY_FILE_SUMMED_MAX ? policy_file_verify(file) : 0;
}

int policy_file_verify(const PolicyFile *file)
{
	uint64_t checksum = policy_file_checksum(file->payload, file->n_payload);

	return checksum == file->header->checksum ? 0 : POLICY_E_CORRUPT;
}

int policy_file_open(PolicyFile *file, const char *path, PolicyFileKind kind)
{
	PolicyFile opened = {};
	struct stat st;
	void *mapping;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size <= sizeof(PolicyFileHeader) ||
	    (uint64_t)st.st_size > FILE_MAX) {
		close(fd);
		return POLICY_E_FORMAT;
	}
	opened.n_mapping = (size_t)st.st_size;
	mapping = mmap(NULL, opened.n_mapping, PROT_READ, MAP_SHARED, fd, 0);
	r = mapping == MAP_FAILED ? -errno : 0;
	close(fd);
	if (r < 0)
		return r;

	opened.header = mapping;
	opened.payload = (const uint8_t *)mapping + sizeof(PolicyFileHeader);
	opened.n_payload = opened.n_mapping - sizeof(PolicyFileHeader);
	r = file_check(&opened, kind);
	if (r) {
		policy_file_close(&opened);
		return r;
	}
	*file = opened;
	return 0;
}

void policy_file_close(PolicyFile *file)
{
	if (!file || !file->header)
		return;
	/* munmap() takes no const; the mapping is ours. */
	munmap((void *)(uintptr_t)file->header, file->n_mapping);
	*file = (PolicyFile){};
}
