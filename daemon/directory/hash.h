/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stored form of a password, by [directory] hash=. */
#pragma once

#include "worker.h"

/* ret: the value for userPassword; with hash=server that is the password itself. -ENOMEM, -EIO. */
int hash_make(const Config *config, const Secret *password, Secret *ret);
