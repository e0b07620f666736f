/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The heap. */

#include "queue.h"

#define QUEUE_MIN 64

int queue_reserve(Queue *queue, size_t n)
{
	size_t size = queue->size > 0 ? queue->size : QUEUE_MIN;
	Request **p;

	if (n <= queue->size)
		return 0;
	while (size < n)
		size *= 2;
	/* Pointers it is. NOLINTNEXTLINE(bugprone-sizeof-expression) */
	p = reallocarray(queue->heap, size, sizeof(*p));
	if (!p)
		return -ENOMEM;
	queue->heap = p;
	queue->size = size;
	return 0;
}

static void queue_place(Queue *queue, size_t at, Request *request)
{
	queue->heap[at] = request;
	request->position = (uint32_t)at;
}

static void queue_rise(Queue *queue, size_t at, Request *request)
{
	while (at > 0 && queue->heap[(at - 1) / 2]->due > request->due) {
		queue_place(queue, at, queue->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	queue_place(queue, at, request);
}

static void queue_sink(Queue *queue, size_t at, Request *request)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < queue->n && queue->heap[child + 1]->due < queue->heap[child]->due)
			child++;
		if (child >= queue->n || queue->heap[child]->due >= request->due)
			break;
		queue_place(queue, at, queue->heap[child]);
		at = child;
	}
	queue_place(queue, at, request);
}

void queue_push(Queue *queue, Request *request)
{
	queue_rise(queue, queue->n++, request);
}

void queue_remove(Queue *queue, Request *request)
{
	size_t at = request->position;
	Request *last = queue->heap[--queue->n];

	if (last == request)
		return;
	if (at > 0 && queue->heap[(at - 1) / 2]->due > last->due)
		queue_rise(queue, at, last);
	else
		queue_sink(queue, at, last);
}

Request *queue_first(const Queue *queue)
{
	return queue->n > 0 ? queue->heap[0] : NULL;
}

void queue_deinit(Queue *queue)
{
	free(queue->heap);
	*queue = (Queue){ 0 };
}
