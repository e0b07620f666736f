/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All templates of all languages: DIR/LANG/KIND.txt (first line "Subject: …", then an empty one),
 * KIND.html, and around them layout.txt and layout.html. A file in the site's folder stands for the
 * shipped one of the same name. Everything is read, resolved and checked at the start.
 */
#pragma once

#include "language.h"
#include "template.h"

#define LIBRARY_LANGUAGES_MAX 64

typedef struct Library Library;
typedef struct Language Language;

/* One rendered mail, in memory of its own; wipe it after use. */
typedef struct MailText {
	const char *language; /* the tag */
	Buf subject;
	Buf text;
	Buf html;
} MailText;

/* 0, or -EBADMSG/-EPERM/-ENOENT after complaints that name file and line. site may not exist. */
int library_load(Library **ret, const char *shipped, const char *site, IniComplaint complain,
		 void *userdata);
Library *library_free(Library *library);
DEFINE_CLEANUP(Library *, library_free)

/* The best language that has the kind for a tag or a list as in Accept-Language (and
 * preferredLanguage, RFC 2798): pt-BR, else pt, else English. wanted may be NULL or nonsense. */
const Language *library_choose(const Library *library, MailKind kind, const char *wanted);

/* The names that are made (when, until, lasts, language …) are filled in here. -EMSGSIZE: does not
 * fit. */
int library_render(const Library *library, const Language *language, MailKind kind,
		   const Values *values, int64_t now, MailText *ret);

int mail_text_init(MailText *text); /* -ENOMEM */
void mail_text_wipe(MailText *text);
void mail_text_deinit(MailText *text);
