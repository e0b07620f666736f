/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call with "more" on many people: passed to the workers in parts, one after the other, each
 * answered when what it promises is on the disk. The next part waits until the peer has taken the
 * last answer, so that a reader who is slow or gone stops the work and not our memory.
 */
#pragma once

#include "json.h"
#include "validate.h"

typedef struct Call Call;

typedef struct Bulk {
	bool on;                       /* the peer has asked for parts, and the method has them */
	bool continues;                /* the answer that is being written is not the last */
	uint32_t done;                 /* users who are answered for (SendLink) */
	uint32_t part;                 /* users in the part under way */
	unsigned parts;                /* answered */
	char after[USER_NAME_MAX + 1]; /* where the next part begins (Find, RemindExpiry) */
} Bulk;

void bulk_begin(Call *call);
/* Users whom the worker is asked about at once. */
uint32_t bulk_users(const Call *call);
/* The parameters of the part, for a worker. */
void bulk_write(JsonWriter *w, const Call *call);
/* The worker's answer to it: is there more to come? -EBADMSG: it makes no sense. */
int bulk_note(Call *call, const JsonNode *reply);
/* By the peer, when it has taken the answer to a part. */
void bulk_go_on(Call *call);
