/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arguments of the PAM line: one table, and nothing that is not in it. */

#include <string.h>

#include "args.h"

typedef enum ArgType { ARG_FLAG, ARG_NUMBER, ARG_PATH, ARG_LIST, ARG_SSSD } ArgType;

typedef struct Arg {
	const char *name;
	ArgType type;
	size_t offset;
	unsigned min, max;
	unsigned unit; /* what the number is multiplied by */
} Arg;

static const Arg arg_table[] = {
	{ "socket", ARG_PATH, offsetof(Args, socket) },
	{ "services", ARG_LIST, offsetof(Args, services) },
	{ "timeout", ARG_NUMBER, offsetof(Args, timeout_ms), 1, ARGS_TIMEOUT_MAX_S, 1000 },
	{ "tries", ARG_NUMBER, offsetof(Args, tries), 1, ARGS_TRIES_MAX, 1 },
	{ "nudge", ARG_NUMBER, offsetof(Args, nudge_days), 1, ARGS_NUDGE_MAX_DAYS, 1 },
	{ "sssd", ARG_SSSD, offsetof(Args, sssd_ask) },
	{ "faillock", ARG_FLAG, offsetof(Args, faillock) },
	{ "policy_only", ARG_FLAG, offsetof(Args, policy_only) },
	{ "use_authtok", ARG_FLAG, offsetof(Args, use_authtok) },
	{ "enforce_for_root", ARG_FLAG, offsetof(Args, enforce_for_root) },
};

/* The value behind "=", "" for a bare name, NULL when it is another argument. */
static const char *arg_value(const Arg *arg, const char *text)
{
	size_t len = strlen(arg->name);

	if (strncmp(text, arg->name, len) != 0)
		return NULL;
	if (arg->type == ARG_FLAG)
		return text[len] == '\0' ? "" : NULL;
	return text[len] == '=' && text[len + 1] != '\0' ? text + len + 1 : NULL;
}

/* At most three digits, so that it cannot overflow. */
static int number_parse(const Arg *arg, const char *text, unsigned *ret)
{
	unsigned n = 0;
	size_t len = strlen(text);

	if (len > 3 || strspn(text, "0123456789") != len)
		return -EINVAL;
	for (; *text; text++)
		n = n * 10 + (unsigned)(*text - '0');
	if (n < arg->min || n > arg->max)
		return -EINVAL;
	*ret = n * arg->unit;
	return 0;
}

static int arg_assign(const Arg *arg, const char *value, Args *args)
{
	void *target = (char *)args + arg->offset;

	switch (arg->type) {
	case ARG_FLAG:
		*(bool *)target = true;
		return 0;
	case ARG_NUMBER:
		return number_parse(arg, value, target);
	case ARG_PATH:
		if (value[0] != '/' || strlen(value) > ARGS_SOCKET_MAX)
			return -EINVAL;
		*(const char **)target = value;
		return 0;
	case ARG_LIST:
		*(const char **)target = value;
		return 0;
	case ARG_SSSD:
		if (strcmp(value, "ask") != 0 && strcmp(value, "aside") != 0)
			return -EINVAL;
		*(bool *)target = strcmp(value, "ask") == 0;
		return 0;
	}
	return -EINVAL;
}

static int arg_parse(Args *args, const char *text, uint32_t *seen)
{
	for (size_t i = 0; i < ARRAY_SIZE(arg_table); i++) {
		const char *value = arg_value(&arg_table[i], text);

		if (!value)
			continue;
		if (*seen & UINT32_C(1) << i)
			return -EINVAL;
		*seen |= UINT32_C(1) << i;
		return arg_assign(&arg_table[i], value, args);
	}
	return -EINVAL;
}

int args_parse(Args *args, int argc, const char **argv, const char **bad)
{
	Args new = {
		.socket = ARGS_SOCKET,
		.services = ARGS_SERVICES,
		.timeout_ms = ARGS_TIMEOUT_S * 1000,
		.tries = ARGS_TRIES,
	};
	uint32_t seen = 0;

	for (int i = 0; i < argc; i++)
		if (arg_parse(&new, argv[i], &seen) < 0) {
			*bad = argv[i];
			return -EINVAL;
		}
	*args = new;
	return 0;
}

bool args_has_service(const Args *args, const char *service)
{
	size_t len = strlen(service);

	if (len == 0)
		return false;
	for (const char *p = args->services; *p;) {
		size_t n = strcspn(p, ",");

		if (n == len && memcmp(p, service, len) == 0)
			return true;
		p += n;
		p += *p == ',';
	}
	return false;
}
