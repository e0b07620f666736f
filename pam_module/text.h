/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that a person reads, in the languages that ship, compiled in. Not gettext: it would
 * bind a domain for the whole process, keep memory and open files behind dlclose(), and read
 * LANGUAGE and catalogues in programs that are privileged. Lines have at most TEXT_LINE_MAX
 * characters, because greeters cut what is longer.
 */
#pragma once

#include <stddef.h>

#define TEXT_LINE_MAX 50

typedef enum Language { LANGUAGE_EN, LANGUAGE_ES, LANGUAGE_DE, LANGUAGE_FR, LANGUAGE_N } Language;

typedef enum TextId {
	/* Prompts of the recovery, in the order of the dialogue. */
	TEXT_OFFER,
	TEXT_OFFER_MAIL,
	TEXT_CODE,
	TEXT_CODE_AGAIN,
	TEXT_OFFER_QUESTIONS,
	TEXT_QUESTIONS_AGAIN,
	TEXT_SAVED_CODE,
	TEXT_SAVED_CODE_AGAIN,
	/* Prompts of a new password, everywhere. */
	TEXT_CURRENT,
	TEXT_NEW,
	TEXT_NEW_AGAIN_MISMATCH,
	TEXT_NEW_AGAIN_REFUSED,
	TEXT_RETYPE,
	/* Messages. */
	TEXT_MAILED,
	TEXT_CHANGED,
	TEXT_NOTHING_CHANGED,
	TEXT_RECOVERY_UNAVAILABLE,
	TEXT_PASSWORD_UNAVAILABLE,
	TEXT_TRY_LATER,
	TEXT_TOO_MANY_TRIES,
	TEXT_TOO_LATE,
	TEXT_UNCERTAIN,
	TEXT_WRONG_CURRENT,
	TEXT_MISMATCH,
	TEXT_ANOTHER,
	TEXT_NOT_ALLOWED,
	TEXT_NOT_ALLOWED_ROOT,
	TEXT_UNCHECKED,
	TEXT_NUDGE,
	/* Why a password is refused, in the order of pwreset-policy(7). */
	TEXT_TOO_SHORT,
	TEXT_TOO_LONG,
	TEXT_NOT_UTF8,
	TEXT_NOT_NFC,
	TEXT_UNASSIGNED,
	TEXT_CONTROL,
	TEXT_SPACE,
	TEXT_COMMON,
	TEXT_LEAKED,
	TEXT_PERSONAL,
	TEXT_OLD_PASSWORD,
	TEXT_SITE_WORD,
	TEXT_KEYBOARD_WALK,
	TEXT_REPEATS,
	TEXT_SEQUENCE,
	TEXT_DICTIONARY,
	TEXT_TOO_GUESSABLE,
	TEXT_HISTORY,
	TEXT_TOO_YOUNG,
	TEXT_DIRECTORY_POLICY,
	/* What would help. */
	TEXT_HINT_LONGER,
	TEXT_HINT_MORE_WORDS,
	TEXT_HINT_NO_PERSONAL,
	TEXT_HINT_NO_PATTERN,
	TEXT_HINT_NO_SUBSTITUTION,
	TEXT_HINT_NOT_DERIVED,
	TEXT_HINT_OTHER_CHARACTERS,
	TEXT_N,
} TextId;

/* Never NULL. */
const char *text_get(TextId id, Language language);

/*
 * For a code of the policy; one that is not known here becomes "too guessable", or no hint at all
 * (TEXT_N).
 */
TextId text_of_reason(const char *code);
TextId text_of_hint(const char *code);

/*
 * Breaks a text from elsewhere at its spaces, in place, into lines of at most TEXT_LINE_MAX
 * characters, the last with room for a space behind it. A longer word stays whole.
 */
void text_wrap(char *text);

/*
 * What the program's own locale says, as far as it set one: English where it did not, where the
 * language does not ship, and where its terminal is not UTF-8. The environment is not looked at.
 */
Language language_of_program(void);
/* RFC 5646: "en" and so on. */
const char *language_tag(Language language);
