/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Somebody logs in, as any program has it done by libpam: login FOLDER SERVICE USER. Prompts go out
 * as lines that begin with "?", and are answered by a line each; what else is said goes out behind
 * "!". No answer any more: the person has gone. Exit status 0: let in.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_appl.h>

#include "macros.h"

#define ANSWER_MAX 1024

static char *answer_read(void)
{
	char line[ANSWER_MAX];

	if (!fgets(line, sizeof(line), stdin))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return strdup(line);
}

static int converse(int n, const struct pam_message **messages, struct pam_response **ret,
		    UNUSED void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	for (int i = 0; responses && i < n; i++) {
		bool prompt = messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
			      messages[i]->msg_style == PAM_PROMPT_ECHO_ON;

		printf("%c%s\n", prompt ? '?' : '!', messages[i]->msg);
		fflush(stdout);
		if (!prompt)
			continue;
		responses[i].resp = answer_read();
		if (responses[i].resp)
			continue;
		while (i-- > 0)
			free(responses[i].resp);
		free(responses);
		return PAM_CONV_ERR;
	}
	*ret = responses;
	return responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

int main(int argc, char **argv)
{
	const struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;
	int r;

	if (argc != 4)
		return EXIT_FAILURE;
	r = pam_start_confdir(argv[2], argv[3], &conv, argv[1], &pamh);
	if (r == PAM_SUCCESS)
		r = pam_authenticate(pamh, 0);
	pam_end(pamh, r);
	return r == PAM_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
