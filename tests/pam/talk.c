/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scripted person and the folder of PAM files. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "talk.h"

const char answer_abort[] = "abort";
const char answer_null[] = "null";

/* What sshd sends in place of every reply of somebody it does not know: of the same length. */
static char *junk_copy(const char *answer)
{
	static const char junk[] = "\b\n\r\177INCORRECT";
	char *copy = strdup(answer);

	for (size_t i = 0; copy && copy[i]; i++)
		copy[i] = junk[i % (sizeof(junk) - 1)];
	return copy;
}

static void talk_write(Talk *talk, const char *kind, const char *text)
{
	size_t len = strlen(talk->transcript);

	if (!talk->quiet)
		snprintf(talk->transcript + len, sizeof(talk->transcript) - len, "%s: %s\n", kind,
			 text);
}

/* PAM_SUCCESS and *ret, which may stay NULL. */
static int talk_answer(Talk *talk, bool echo, char **ret)
{
	const char *answer = talk->replay;

	if (talk->aborted || (echo && talk->echo_on_fails))
		return PAM_CONV_ERR;
	if (!answer && talk->prompts < STEPS_MAX)
		answer = talk->answers[talk->prompts];
	if (!answer) {
		talk->exhausted = true;
		return PAM_CONV_ERR;
	}
	talk->prompts++;
	if (answer == answer_abort) {
		talk->aborted = true;
		return PAM_CONV_ERR;
	}
	if (answer != answer_null)
		*ret = talk->junk ? junk_copy(answer) : strdup(answer);
	return PAM_SUCCESS;
}

int talk_conv(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));
	Talk *talk = data;
	int r = PAM_SUCCESS;

	if (!responses)
		return PAM_BUF_ERR;
	for (int i = 0; i < n && r == PAM_SUCCESS; i++) {
		const char *text = messages[i]->msg;

		switch (messages[i]->msg_style) {
		case PAM_PROMPT_ECHO_OFF:
			talk_write(talk, "hidden", text);
			r = talk_answer(talk, false, &responses[i].resp);
			break;
		case PAM_PROMPT_ECHO_ON:
			talk_write(talk, "shown", text);
			r = talk_answer(talk, true, &responses[i].resp);
			break;
		case PAM_TEXT_INFO:
			if (!talk->drop_messages)
				talk_write(talk, "info", text);
			break;
		case PAM_ERROR_MSG:
			if (!talk->drop_messages)
				talk_write(talk, "error", text);
			break;
		default:
			r = PAM_CONV_ERR;
		}
	}
	if (r != PAM_SUCCESS) {
		free(responses);
		return r;
	}
	*ret = responses;
	return PAM_SUCCESS;
}

void stage_init(Stage *stage)
{
	strcpy(stage->folder, "/tmp/pwreset-pam-XXXXXX");
	if (!mkdtemp(stage->folder))
		abort();
	snprintf(stage->socket, sizeof(stage->socket), "%s/socket", stage->folder);
}

void stage_free(Stage *stage)
{
	char path[512];
	DIR *dir = opendir(stage->folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", stage->folder, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(stage->folder);
}

static void line_write(FILE *f, const Stage *stage, const char *p)
{
	for (; *p; p++) {
		if (*p != '%') {
			fputc(*p, f);
			continue;
		}
		p++;
		if (*p == 'M')
			fputs(getenv("PAM_MODULE") ?: PAM_MODULE, f);
		else if (*p == 'P')
			fputs(PAM_PROBE, f);
		else if (*p == 'S')
			fputs(stage->socket, f);
		else
			abort();
	}
}

void stage_service(const Stage *stage, const char *service, const char *lines)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", stage->folder, service);
	f = fopen(path, "we");
	if (!f)
		abort();
	line_write(f, stage, lines);
	fputc('\n', f);
	if (fclose(f) != 0)
		abort();
}

pam_handle_t *talk_start(const Stage *stage, const char *service, const char *user, Talk *talk)
{
	struct pam_conv conv = { talk_conv, talk };
	pam_handle_t *pamh = NULL;

	if (pam_start_confdir(service, user, &conv, stage->folder, &pamh) != PAM_SUCCESS)
		abort();
	return pamh;
}

int talk_authenticate(const Stage *stage, const char *service, const char *user, Talk *talk)
{
	pam_handle_t *pamh = talk_start(stage, service, user, talk);
	int r = pam_authenticate(pamh, 0);

	pam_end(pamh, r);
	return r;
}

int talk_chauthtok(const Stage *stage, const char *service, const char *user, Talk *talk, int flags)
{
	pam_handle_t *pamh = talk_start(stage, service, user, talk);
	int r = pam_chauthtok(pamh, flags);

	pam_end(pamh, r);
	return r;
}
