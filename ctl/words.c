/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codes of the service, in words. */

#include <string.h>

#include "ctl.h"

typedef struct Word {
	const char *code, *text;
} Word;

static const Word reasons[] = {
	{ "ok", N_("a link is on its way") },
	{ "no-such-user", N_("there is no such user") },
	{ "ambiguous", N_("several people match: the directory needs mending") },
	{ "privileged", N_("the account is privileged, and out of your reach") },
	{ "oneself", N_("that is your own account: somebody else has to do it") },
	{ "no-address", N_("no e-mail address is on file: see set-mail") },
	{ "never-activated", N_("the account was never activated") },
	{ "expired", N_("the account has expired") },
	{ "disabled", N_("the account is disabled") },
	{ "locked", N_("the account is locked") },
	{ "domain-not-allowed",
	  N_("addresses of that domain are not for helpdesk to set ([mail] helpdesk-domains=)") },
	{ "not-enrolled", N_("it is not set up for this account") },
	{ "not-possible-here", N_("this directory cannot do that") },
	{ "cannot-be-temporary",
	  N_("neither a policy with pwdMustChange nor shadow attributes would have a temporary password changed: see send-link, or set-password --generate") },
	{ "used", N_("it was used") },
	{ "revoked", N_("it was revoked") },
	{ "unknown", N_("it is not known, or its text is damaged") },
	{ NULL, NULL },
};

static const Word policy_reasons[] = {
	{ "too-short", N_("It is too short.") },
	{ "too-long", N_("It is longer than 511 bytes.") },
	{ "not-utf8", N_("It is not UTF-8 text.") },
	{ "not-nfc", N_("It has accents as separate characters.") },
	{ "unassigned", N_("It has a character without a meaning.") },
	{ "control", N_("It has an invisible character.") },
	{ "space", N_("It has a space that is not the space bar's.") },
	{ "common", N_("It is among the most common passwords.") },
	{ "leaked", N_("It was found in leaked passwords.") },
	{ "personal", N_("It is made of your name or address.") },
	{ "old-password", N_("It resembles your old password.") },
	{ "site-word", N_("It is made of this organisation's names.") },
	{ "keyboard-walk", N_("It is a row of neighbouring keys.") },
	{ "repeats", N_("It repeats itself.") },
	{ "sequence", N_("It is a sequence such as abc or 123.") },
	{ "dictionary", N_("It is a word with little around it.") },
	{ "too-guessable", N_("It is too easy to guess.") },
	{ "history", N_("It was used before.") },
	{ "too-young", N_("The last change was too short a while ago.") },
	{ "directory-policy", N_("The directory's own rules refuse it.") },
	{ NULL, NULL },
};

static const Word policy_hints[] = {
	{ "longer", N_("Make it longer.") },
	{ "more-words", N_("Use four or more unrelated words.") },
	{ "no-personal", N_("Leave out names and addresses.") },
	{ "no-pattern", N_("Leave out key rows, dates and repetitions.") },
	{ "no-substitution", N_("Capitals, digits for letters and a final ! help little.") },
	{ "not-derived", N_("Choose one that has nothing of the old.") },
	{ "other-characters", N_("Use only characters that every keyboard gives.") },
	{ NULL, NULL },
};

static const Word answer_reasons[] = {
	{ "empty", N_("it is empty") },
	{ "too-short", N_("it is too short") },
	{ "common", N_("too many people would give it") },
	{ "personal", N_("it is made of your name or address") },
	{ "in-question", N_("the question contains it") },
	{ "duplicate", N_("it was given before, or the question was") },
	{ NULL, NULL },
};

static const Word missing[] = {
	{ "mail", N_("no recovery address: pwresetctl enroll mail ADDRESS") },
	{ "questions", N_("no secret questions: pwresetctl enroll questions") },
	{ "codes", N_("no saved codes: pwresetctl enroll codes") },
	{ NULL, NULL },
};

static const Word events[] = {
	{ "changed", N_("new password") },
	{ "set", N_("new password, set by staff") },
	{ "temporary", N_("temporary password") },
	{ "revoked", N_("links and codes revoked") },
	{ "unlocked", N_("unlocked") },
	{ "address", N_("recovery address set") },
	{ "confirmed", N_("recovery address confirmed") },
	{ "questions", N_("secret questions set up") },
	{ "codes", N_("saved codes set up") },
	{ "pin", N_("PIN set") },
	{ "mailed", N_("mailed") },
	{ "reminded", N_("reminded of the password's end") },
	{ NULL, NULL },
};

static const char *word_find(const Word *words, const char *code)
{
	for (; words->code; words++)
		if (strcmp(words->code, code) == 0)
			return _(words->text);
	return code;
}

const char *reason_text(const char *code)
{
	return word_find(reasons, code);
}

const char *policy_reason_text(const char *code)
{
	return word_find(policy_reasons, code);
}

const char *policy_hint_text(const char *code)
{
	return word_find(policy_hints, code);
}

const char *answer_reason_text(const char *code)
{
	return word_find(answer_reasons, code);
}

const char *missing_text(const char *code)
{
	return word_find(missing, code);
}

const char *event_text(const char *code)
{
	return word_find(events, code);
}
