/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of the policy's reasons and hints. */
#include <string.h>

#include "policy_text.h"

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static const PolicyText *text_find(const PolicyText *texts, size_t n, uint32_t bit)
{
	for (size_t i = 0; i < n; i++)
		if (texts[i].bit == bit)
			return &texts[i];
	return NULL;
}

const char *policy_reason_code(PolicyReason reason)
{
	const PolicyText *t = text_find(policy_reason_texts, LENGTH(policy_reason_texts), reason);

	return t ? t->code : NULL;
}

const char *policy_reason_text(PolicyReason reason)
{
	const PolicyText *t = text_find(policy_reason_texts, LENGTH(policy_reason_texts), reason);

	return t ? t->text : NULL;
}

const char *policy_hint_code(PolicyHint hint)
{
	const PolicyText *t = text_find(policy_hint_texts, LENGTH(policy_hint_texts), hint);

	return t ? t->code : NULL;
}

const char *policy_hint_text(PolicyHint hint)
{
	const PolicyText *t = text_find(policy_hint_texts, LENGTH(policy_hint_texts), hint);

	return t ? t->text : NULL;
}

bool policy_reasons_format(uint32_t reasons, char *buf, size_t size)
{
	size_t n = 0;

	if (size == 0)
		return false;
	for (size_t i = 0; i < LENGTH(policy_reason_texts); i++) {
		const char *code = policy_reason_texts[i].code;
		size_t n_code = strlen(code);

		if (!(reasons & policy_reason_texts[i].bit))
			continue;
		if (n + (n > 0) + n_code >= size)
			return false;
		if (n > 0)
			buf[n++] = ' ';
		memcpy(buf + n, code, n_code);
		n += n_code;
	}
	buf[n] = '\0';
	return true;
}
