/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts of the page in every language. A language is a folder with a file texts.conf; the
 * shipped ones are complete (a missing text refuses to start), the site's own replace single texts
 * or add a whole language.
 */
#pragma once

#include "ini.h"
#include "language.h"
#include "validate.h"

#define TEXTS_FILE "texts.conf"
#define TEXTS_FALLBACK "en" /* what nobody's Accept-Language asked for is answered in */

typedef enum TextId {
#define TEXT(id, section, key, names) TEXT_##id,
#include "texts.def"
#undef TEXT
	_TEXT_MAX
} TextId;

typedef struct Language {
	char tag[LANGUAGE_MAX + 1];
	char *texts[_TEXT_MAX];
} Language;

typedef struct Texts {
	Language *languages; /* sorted by tag */
	size_t n;
	const char *tags[LANGUAGES_MAX];
	size_t fallback;
} Texts;

/*
 * Reads shipped/LANG/texts.conf for every folder, then site/LANG/texts.conf where it exists (site
 * itself need not). -EBADMSG, -ENOENT or -EPERM after at least one complaint with file and line.
 */
int texts_load(Texts **ret, const char *shipped, const char *site, IniComplaint complain,
	       void *userdata);
Texts *texts_free(Texts *texts);
DEFINE_CLEANUP(Texts *, texts_free)

/* The language for an Accept-Language header, NULL where it names none of ours. */
const Language *texts_negotiate(const Texts *texts, const char *accept);
const Language *texts_find(const Texts *texts, const char *tag);

static inline const char *text_of(const Language *language, TextId id)
{
	return language->texts[id];
}

/* The text of "section" "key", for codes that come from the daemon; -1 when there is none. */
int text_lookup(const char *section, const char *key);
