/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Codes of the policy's reasons and hints, and their English texts, as one table for every program
 * that shows them. N_() marks what gettext shall translate; include after defining it, or have the
 * plain text.
 */
#pragma once

#include "policy.h"

#ifndef N_
#define N_(text) text
#endif

typedef struct PolicyText {
	uint32_t bit;
	const char *code;
	const char *text;
} PolicyText;

static const PolicyText policy_reason_texts[] = {
	{ POLICY_TOO_SHORT, "too-short", N_("It is too short.") },
	{ POLICY_TOO_LONG, "too-long", N_("It is longer than 511 bytes.") },
	{ POLICY_NOT_UTF8, "not-utf8", N_("It is not UTF-8 text.") },
	{ POLICY_NOT_NFC, "not-nfc", N_("It has accents as separate characters.") },
	{ POLICY_UNASSIGNED, "unassigned", N_("It has a character without a meaning.") },
	{ POLICY_CONTROL, "control", N_("It has an invisible character.") },
	{ POLICY_SPACE, "space", N_("It has a space that is not the space bar's.") },
	{ POLICY_COMMON, "common", N_("It is among the most common passwords.") },
	{ POLICY_LEAKED, "leaked", N_("It was found in leaked passwords.") },
	{ POLICY_PERSONAL, "personal", N_("It is made of your name or address.") },
	{ POLICY_OLD_PASSWORD, "old-password", N_("It resembles your old password.") },
	{ POLICY_SITE_WORD, "site-word", N_("It is made of this organisation's names.") },
	{ POLICY_KEYBOARD_WALK, "keyboard-walk", N_("It is a row of neighbouring keys.") },
	{ POLICY_REPEATS, "repeats", N_("It repeats itself.") },
	{ POLICY_SEQUENCE, "sequence", N_("It is a sequence such as abc or 123.") },
	{ POLICY_DICTIONARY, "dictionary", N_("It is a word with little around it.") },
	{ POLICY_TOO_GUESSABLE, "too-guessable", N_("It is too easy to guess.") },
};

static const PolicyText policy_hint_texts[] = {
	{ POLICY_HINT_LONGER, "longer", N_("Make it longer.") },
	{ POLICY_HINT_MORE_WORDS, "more-words", N_("Use four or more unrelated words.") },
	{ POLICY_HINT_NO_PERSONAL, "no-personal", N_("Leave out names and addresses.") },
	{ POLICY_HINT_NO_PATTERN, "no-pattern", N_("Leave out key rows, dates and repetitions.") },
	{ POLICY_HINT_NO_SUBSTITUTION, "no-substitution",
	  N_("Capitals, digits for letters and a final ! help little.") },
	{ POLICY_HINT_NOT_DERIVED, "not-derived", N_("Choose one that has nothing of the old.") },
	{ POLICY_HINT_OTHER_CHARACTERS, "other-characters",
	  N_("Use only characters that every keyboard gives.") },
};
