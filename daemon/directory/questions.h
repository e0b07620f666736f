/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by asking and enrolling. */
#pragma once

#include "answer.h"

/* The verifier of all answers together, in the order of the ids. -ENOMEM, -ENOKEY. */
int questions_derive(const Call *call, const Account *account, const StoredQuestions *questions,
		     const Answer *answers, uint8_t ret[static MAC_SIZE]);
