/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by library.c, which uses the templates, and library_load.c, which reads them. */
#pragma once

#include "library.h"

#define LIBRARY_FALLBACK "en" /* always complete */
#define LIBRARY_TAG_MAX 16

typedef struct KindTemplates {
	Template *subject; /* all three or none */
	Template *text;
	Template *html;
} KindTemplates;

struct Language {
	char tag[LIBRARY_TAG_MAX + 1];
	LanguageWords words;
	Template *layout_text;
	Template *layout_html;
	KindTemplates kinds[_KIND_MAX];
};

struct Library {
	size_t n_languages;
	Language languages[LIBRARY_LANGUAGES_MAX];
	Buf scratch;
};

#define LIBRARY_SCRATCH_SIZE (64 * 1024)
