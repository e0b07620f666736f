/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking for secrets: on the terminal without echo, or by lines of stdin; never in argv or the
 * environment.
 */
#pragma once

#include "secret.h"

typedef enum PromptMode {
	PROMPT_HIDDEN,
	PROMPT_VISIBLE, /* what a person has to see to type it right, such as a mailed code */
} PromptMode;

/*
 * Asks once. from_stdin: the next line of stdin, without a word. 0; -ENOTTY without a terminal;
 * -ECANCELED for an empty end of input; -E2BIG; -EINTR after ^C.
 */
int prompt_secret(Secret *secret, const char *text, PromptMode mode, bool from_stdin);
/* Asks twice on a terminal until both are the same, once on stdin. */
int prompt_new_secret(Secret *secret, const char *text, const char *again, bool from_stdin);
/* Words for what prompt_*() returned; returns the exit code. */
int prompt_complain(int error);
