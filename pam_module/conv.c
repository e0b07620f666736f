/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conversation; every reply is wiped where it arrived. */

#include <string.h>

#include <security/pam_ext.h>

#include "buf.h"
#include "conv.h"

#define MESSAGE_MAX 1024 /* bytes */

Reply conv_ask(const Context *ctx, bool echo, const char *prompt, Secret *text)
{
	char *answer = NULL;
	Reply reply;
	size_t len;
	int r;

	secret_wipe(text);
	r = pam_prompt(ctx->pamh, echo ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, &answer, "%s",
		       prompt);
	if (!answer)
		return REPLY_END;
	len = strlen(answer);
	if (r != PAM_SUCCESS)
		reply = REPLY_END;
	else if (len == 0)
		reply = REPLY_EMPTY;
	else if (secret_set(text, answer, len) < 0)
		reply = REPLY_TOO_LONG;
	else
		reply = REPLY_TEXT;
	memory_wipe(answer, len);
	free(answer);
	return reply;
}

Reply conv_choose(const Context *ctx, TextId prompt)
{
	AUTO_SECRET Secret text = SECRET_NULL;
	Reply reply = conv_ask(ctx, true, text_get(prompt, ctx->language), &text);

	return reply == REPLY_TOO_LONG ? REPLY_TEXT : reply;
}

void conv_info(const Context *ctx, TextId text)
{
	if (!ctx->silent)
		pam_info(ctx->pamh, "%s", text_get(text, ctx->language));
}

void conv_error(const Context *ctx, TextId text)
{
	conv_errors(ctx, &text, 1);
}

void conv_errors(const Context *ctx, const TextId *texts, size_t n)
{
	char memory[MESSAGE_MAX];
	Buf message;

	if (ctx->silent || n == 0)
		return;
	buf_init(&message, memory, sizeof(memory));
	for (size_t i = 0; i < n; i++)
		buf_printf(&message, "%s%s", i > 0 ? "\n" : "", text_get(texts[i], ctx->language));
	if (!message.overflow)
		pam_error(ctx->pamh, "%s", message.data);
}
