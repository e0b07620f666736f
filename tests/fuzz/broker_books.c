/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The books: who was promised a mail, which requests were minted, of which operations somebody must
 * be told.
 */

#include "broker_work.h"
#include "fuzz.h"

#define REQUESTS_MAX 1024
#define OPERATIONS_MAX 1024
#define PROMISES_MAX 256

typedef struct Promise {
	RequestKind kind;
	char user[USER_NAME_MAX + 1];
	int least, most, got;
} Promise;

static Asked asked[REQUESTS_MAX];
static Operation operations[OPERATIONS_MAX];
static Promise promises[PROMISES_MAX];
static size_t n_asked, n_operations, n_promises;

void books_open(void)
{
	n_asked = n_operations = n_promises = 0;
}

void books_close(void)
{
	for (size_t i = 0; i < n_asked; i++)
		free(asked[i].mail);
}

static Promise *promise_find(RequestKind kind, const char *user)
{
	for (size_t i = 0; i < n_promises; i++)
		if (promises[i].kind == kind && strcmp(promises[i].user, user) == 0)
			return promises + i;
	assert(n_promises < PROMISES_MAX);
	promises[n_promises] = (Promise){ .kind = kind };
	snprintf(promises[n_promises].user, sizeof(promises[0].user), "%s", user);
	return promises + n_promises++;
}

void promise(RequestKind kind, const char *user, int least, int most)
{
	Promise *p = promise_find(kind, user);

	p->least += least;
	p->most += most;
	assert(p->got <= p->most);
}
void promise_kept(RequestKind kind, const char *user)
{
	Promise *p = promise_find(kind, user);

	assert(++p->got <= p->most);
}

void promises_check(bool in_time)
{
	for (size_t i = 0; in_time && i < n_promises; i++)
		assert(promises[i].got >= promises[i].least);
	/* Not sent, not answered with a reason: then it was given up for a reason. */
	for (size_t i = 0; in_time && i < n_asked; i++)
		assert(asked[i].ended ||
		       asked[i].unsure + world_restarts() >= DELIVERY_UNKNOWN_MAX);
	for (size_t i = 0; i < n_operations; i++) {
		const Operation *o = operations + i;
		unsigned told = 0;

		if (o->fate == FATE_REFUSED)
			continue;
		for (size_t j = 0; j < n_asked; j++)
			told += strcmp(asked[j].id, o->id) == 0;
		/* Of what has happened somebody is told; whether it has, Mint finds out. */
		assert(told > 0);
	}
}

Asked *asked_find(RequestKind kind, const char *id)
{
	for (size_t i = 0; i < n_asked; i++)
		if ((kind == REQUEST_NONE || asked[i].kind == kind) && strcmp(asked[i].id, id) == 0)
			return asked + i;
	return NULL;
}

Asked *asked_add(RequestKind kind, const char *id)
{
	Asked *a = asked + n_asked;

	assert(n_asked < REQUESTS_MAX);
	n_asked++;
	*a = (Asked){ .kind = kind };
	snprintf(a->id, sizeof(a->id), "%s", id);
	return a;
}

Operation *operation_find(const char *id)
{
	for (size_t i = 0; i < n_operations; i++)
		if (strcmp(operations[i].id, id) == 0)
			return operations + i;
	return NULL;
}

void operation_add(const char *id, const Rule *rule)
{
	Operation *operation = operations + n_operations;

	assert(n_operations < OPERATIONS_MAX);
	n_operations++;
	*operation = (Operation){ .rule = rule, .fate = FATE_GIVEN };
	snprintf(operation->id, sizeof(operation->id), "%s", id);
}

bool is_notice(RequestKind kind)
{
	return kind == REQUEST_CHANGED || kind == REQUEST_ENROLLED ||
	       kind == REQUEST_MAIL_CHANGED || kind == REQUEST_MAIL_CONFIRM;
}
