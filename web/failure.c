/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's errors, as few cases as the pages tell apart. */
#include <string.h>

#include "failure.h"

static const struct {
	const char *error;
	Failure failure;
} failure_table[] = {
	{ "org.pwreset.Failure.Refused", FAILURE_REFUSED },
	{ "org.pwreset.Failure.LinkDead", FAILURE_LINK_DEAD },
	{ "org.pwreset.Failure.WrongPassword", FAILURE_WRONG_PASSWORD },
	{ "org.pwreset.Failure.PasswordRefused", FAILURE_PASSWORD_REFUSED },
	{ "org.pwreset.Failure.TryLater", FAILURE_TRY_LATER },
	{ "org.pwreset.Failure.Unavailable", FAILURE_UNAVAILABLE },
	{ "org.pwreset.Failure.OutcomeUnknown", FAILURE_UNKNOWN },
	{ "org.pwreset.Failure.NotAllowed", FAILURE_NOT_ALLOWED },
	{ "org.pwreset.Account.AnswerRefused", FAILURE_ANSWER_REFUSED },
};

Failure failure_of(int error, const VarlinkReply *reply)
{
	if (error < 0)
		return error == -EHOSTDOWN ? FAILURE_UNAVAILABLE : FAILURE_LOST;
	if (!reply->error)
		return FAILURE_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(failure_table); i++)
		if (strcmp(failure_table[i].error, reply->error) == 0)
			return failure_table[i].failure;
	return FAILURE_UNAVAILABLE;
}
