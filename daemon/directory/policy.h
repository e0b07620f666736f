/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The password policy: one engine, one verdict, for the prompt, the page, the tool and enrolment.
 * It never transforms a password: what it does not take, it refuses with a reason.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes; checked before anything else is computed. */
#define POLICY_PASSWORD_MAX 511U
/* Beyond these the surplus words of a person or a site are ignored; see policy_check(). */
#define POLICY_PERSON_WORDS_MAX 32U
#define POLICY_SITE_WORDS_MAX 256U
#define POLICY_WORD_MAX 255U

#define POLICY_MIN_LENGTH_DEFAULT 8U
#define POLICY_MIN_BITS_DEFAULT 40U

/* Where meson installs the shipped files, below the package's data directory. */
#define POLICY_BLOCKLIST_NAME "blocklist.filter"
#define POLICY_WORDS_NAME "blocklist.words"

/*
 * Positive results of policy_open(): the file named by policy_open_failed_path() is the cause.
 * Negative ones are errno values (-ENOENT and the like, -ENOMEM). Either way: refuse to start.
 */
enum {
	_POLICY_E_SUCCESS = 0,
	POLICY_E_FORMAT, /* not one of our files, or of a version that this program does not know */
	POLICY_E_CORRUPT, /* checksum, size or structure is wrong */
	POLICY_E_CONFIG,  /* a limit is out of range */
};

/* Bits of PolicyVerdict.reasons, in the order in which their texts are shown to a person. */
typedef enum PolicyReason {
	POLICY_TOO_SHORT = 1U << 0,
	POLICY_TOO_LONG = 1U << 1,
	POLICY_NOT_UTF8 = 1U << 2,
	POLICY_NOT_NFC = 1U << 3,
	POLICY_UNASSIGNED = 1U << 4,
	POLICY_CONTROL = 1U << 5,
	POLICY_SPACE = 1U << 6,
	POLICY_COMMON = 1U << 7,
	POLICY_LEAKED = 1U << 8,
	POLICY_PERSONAL = 1U << 9,
	POLICY_OLD_PASSWORD = 1U << 10,
	POLICY_SITE_WORD = 1U << 11,
	POLICY_KEYBOARD_WALK = 1U << 12,
	POLICY_REPEATS = 1U << 13,
	POLICY_SEQUENCE = 1U << 14,
	POLICY_DICTIONARY = 1U << 15,
	POLICY_TOO_GUESSABLE = 1U << 16,
	_POLICY_REASON_MAX = 1U << 16,
} PolicyReason;

/* Bits of PolicyVerdict.hints: what would help. */
typedef enum PolicyHint {
	POLICY_HINT_LONGER = 1U << 0,
	POLICY_HINT_MORE_WORDS = 1U << 1,
	POLICY_HINT_NO_PERSONAL = 1U << 2,
	POLICY_HINT_NO_PATTERN = 1U << 3,
	POLICY_HINT_NO_SUBSTITUTION = 1U << 4,
	POLICY_HINT_NOT_DERIVED = 1U << 5,
	POLICY_HINT_OTHER_CHARACTERS = 1U << 6,
	_POLICY_HINT_MAX = 1U << 6,
} PolicyHint;

typedef struct Policy Policy;
typedef struct PolicyConfig PolicyConfig;
typedef struct PolicyInput PolicyInput;
typedef struct PolicyVerdict PolicyVerdict;

/* All strings are read during policy_open() only. Zero limits mean the defaults. */
struct PolicyConfig {
	const char *blocklist_path;      /* shipped filter; required */
	const char *words_path;          /* shipped dictionary; required */
	const char *site_blocklist_path; /* a filter of the site's own, or NULL */
	const char *const
		*site_words; /* UTF-8: the organisation's names and the like; may be NULL */
	size_t n_site_words;
	unsigned min_length; /* code points, 1 … 64 */
	unsigned min_bits;   /* 20 … 100 */
};

/* Borrowed for the call. No pointer needs a terminator where a length stands beside it. */
struct PolicyInput {
	const uint8_t *password;
	size_t n_password;
	/* NUL-terminated UTF-8: login, GECOS, cn, sn, givenName, mail addresses, host names. */
	const char *const *person_words;
	size_t n_person_words;
	const uint8_t *old_password; /* or NULL */
	size_t n_old_password;
};

struct PolicyVerdict {
	bool accepted;
	uint32_t reasons; /* PolicyReason bits; 0 exactly when accepted */
	uint32_t hints;   /* PolicyHint bits; may be set with accepted too */
	unsigned bits;    /* log2 of the guesses that the estimate takes; 0 where none was made */
};

int policy_open(Policy **ret, const PolicyConfig *config);
/* After policy_open() failed: the file that cannot be used, NULL when it was something else. */
const char *policy_open_failed_path(const PolicyConfig *config);
Policy *policy_free(Policy *policy);

/*
 * Always gives a verdict; every copy that is made of the password is wiped before the return, but
 * for libzxcvbn's own of at most 40 bytes, freed as it is: call it where no core is ever dumped.
 * Words that are too long or not UTF-8, and those above the limits, are ignored: they can only make
 * a verdict stricter, and a strange directory value must not stop a person.
 */
void policy_check(const Policy *policy, const PolicyInput *input, PolicyVerdict *ret);

/* Stable identifiers such as "too-short"; NULL for what is not exactly one known bit. */
const char *policy_reason_code(PolicyReason reason);
const char *policy_hint_code(PolicyHint hint);
/* English, untranslated: hand it to gettext. NULL as above. */
const char *policy_reason_text(PolicyReason reason);
const char *policy_hint_text(PolicyHint hint);
/* "common leaked"-like list of codes, space-separated; false when size is too small. */
bool policy_reasons_format(uint32_t reasons, char *buf, size_t size);

static inline void policy_freep(Policy **policy)
{
	policy_free(*policy);
}
