/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing a new password: typed twice, handed to whoever judges or writes it, again with the
 * reasons when refused.
 */
#pragma once

#include "call.h"

typedef Outcome (*ChooseSubmit)(const Context *ctx, const Secret *password, Reasons *reasons,
				void *userdata);

/*
 * At most tries= rounds. OUTCOME_OK or OUTCOME_UNCERTAIN with *password set; OUTCOME_CANCELLED when
 * nothing was typed; OUTCOME_ENDED, OUTCOME_TRIES; else what submit returned.
 */
Outcome choose_password(const Context *ctx, ChooseSubmit submit, void *userdata, Secret *password);
