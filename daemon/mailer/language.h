/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a language says dates and durations: LANG/language.conf beside the templates. */
#pragma once

#include "ini.h"

#define LANGUAGE_WHEN_MAX 96 /* bytes of a date, with the NUL */
#define LANGUAGE_LASTS_MAX 64

typedef enum LanguageWord {
	WORD_MINUTE,
	WORD_MINUTES,
	WORD_HOUR,
	WORD_HOURS,
	WORD_DAY,
	WORD_DAYS,
	_WORD_MAX,
} LanguageWord;

typedef struct LanguageWords {
	char direction[4]; /* ltr, rtl */
	char months[12][24];
	char first[8];                /* the first day of a month: "1", "1er" */
	char date[LANGUAGE_WHEN_MAX]; /* {day} {month} {year} {hour} {minute} {offset} */
	char words[_WORD_MAX][24];
} LanguageWords;

/* 0, or -EBADMSG after a complaint (unknown key, bad value, a key that is missing). */
int language_parse(LanguageWords *ret, const char *file, const char *text, size_t len,
		   IniComplaint complain, void *userdata);

/* "21 November 2026, 19:40 (UTC+01:00)", in the time zone of this host. */
int language_date(const LanguageWords *words, int64_t time, char *ret, size_t size);
/* "30 minutes", "24 hours", "5 days": never more than it is. */
void language_duration(const LanguageWords *words, int64_t minutes, char *ret, size_t size);
