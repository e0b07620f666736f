/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests in order of when they are due: a binary heap in which each request knows its place. */
#pragma once

#include "request.h"

typedef struct Queue {
	Request **heap;
	size_t n;
	size_t size;
} Queue;

/* Room for that many in all, so that queue_push() cannot fail. */
int queue_reserve(Queue *queue, size_t n);
void queue_push(Queue *queue, Request *request);
void queue_remove(Queue *queue, Request *request);
Request *queue_first(const Queue *queue); /* NULL: empty */
/* Frees the memory, not the requests. */
void queue_deinit(Queue *queue);
