/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which language to answer in: RFC 4647 lookup over an Accept-Language header. */
#pragma once

#include "macros.h"

#define LANGUAGES_MAX 16        /* languages that a site can have */
#define LANGUAGE_RANGES_MAX 32  /* ranges of a header that are looked at */
#define ACCEPT_LANGUAGE_MAX 512 /* bytes of a header that are kept */

/* The index of the best of n tags for the header, or -1 when none of them is wanted. */
int language_negotiate(const char *accept, const char *const *tags, size_t n);

/* The index of the tag, or of its prefix ("de" for "de-AT"), or -1. */
int language_match(const char *tag, size_t len, const char *const *tags, size_t n);
