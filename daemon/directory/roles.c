/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The matrix of roles. */
#include "roles.h"

#include <string.h>

enum { HELPDESK, ADMINISTRATOR, OWNER, ROOT, _ACTOR_N };

/* Whose account it is; the highest that applies. */
typedef enum Target {
	PERSON,
	STAFF_HELPDESK,
	STAFF_ADMINISTRATOR,
	IN_GROUP,
	SYSTEM,
	STAFF_OWNER,
	_TARGET_N
} Target;

/*
 * Everything that is not said here is refused. Helpdesk never sets a password, nor a PIN that it
 * would then verify.
 */
static const bool has_verb[_ACTOR_N][_VERB_N] = {
	[HELPDESK] = {
		[VERB_SHOW] = true,
		[VERB_SEND_LINK] = true,
		[VERB_REVOKE] = true,
		[VERB_UNLOCK] = true,
		[VERB_SET_MAIL] = true,
		[VERB_VERIFY_PIN] = true,
		[VERB_REMIND_USER_NAME] = true,
	},
	[ADMINISTRATOR] = {
		[VERB_SHOW] = true,
		[VERB_SEND_LINK] = true,
		[VERB_REVOKE] = true,
		[VERB_UNLOCK] = true,
		[VERB_SET_MAIL] = true,
		[VERB_SET_PASSWORD] = true,
				[VERB_SET_PIN] = true,
		[VERB_VERIFY_PIN] = true,
		[VERB_REMIND_USER_NAME] = true,
	},
	[OWNER] = {
		[VERB_SHOW] = true,
		[VERB_SEND_LINK] = true,
		[VERB_REVOKE] = true,
		[VERB_UNLOCK] = true,
		[VERB_SET_MAIL] = true,
		[VERB_SET_PASSWORD] = true,
				[VERB_SET_PIN] = true,
		[VERB_VERIFY_PIN] = true,
		[VERB_REMIND_USER_NAME] = true,
	},
	[ROOT] = {
		[VERB_SHOW] = true,
		[VERB_SEND_LINK] = true,
		[VERB_REVOKE] = true,
		[VERB_UNLOCK] = true,
		[VERB_SET_MAIL] = true,
		[VERB_SET_PASSWORD] = true,
				[VERB_SET_PIN] = true,
		[VERB_VERIFY_PIN] = true,
		[VERB_REMIND_USER_NAME] = true,
	},
};

static const bool may_touch[_ACTOR_N][_TARGET_N] = {
	[HELPDESK] = { [PERSON] = true },
	[ADMINISTRATOR] = {
		[PERSON] = true,
		[STAFF_HELPDESK] = true,
		[STAFF_ADMINISTRATOR] = true,
		[IN_GROUP] = true,
	},
	[OWNER] = {
		[PERSON] = true,
		[STAFF_HELPDESK] = true,
		[STAFF_ADMINISTRATOR] = true,
		[IN_GROUP] = true,
		[SYSTEM] = true,
		[STAFF_OWNER] = true,
	},
	[ROOT] = {
		[PERSON] = true,
		[STAFF_HELPDESK] = true,
		[STAFF_ADMINISTRATOR] = true,
		[IN_GROUP] = true,
		[SYSTEM] = true,
		[STAFF_OWNER] = true,
	},
};

static const struct {
	const char *name;
	Role role;
} actors[_ACTOR_N] = {
	[HELPDESK] = { "helpdesk", ROLE_HELPDESK },
	[ADMINISTRATOR] = { "administrator", ROLE_ADMINISTRATOR },
	[OWNER] = { "owner", ROLE_OWNER },
	[ROOT] = { "root", ROLE_ROOT },
};

unsigned role_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(actors); i++)
		if (strcmp(name, actors[i].name) == 0)
			return actors[i].role;
	return 0;
}

static Target target_of(const Account *account)
{
	if (account->privileged & ROLE_OWNER)
		return STAFF_OWNER;
	if (account->privileged & (ROLE_SYSTEM | ROLE_UNKNOWN))
		return SYSTEM;
	if (account->privileged & ROLE_GROUP)
		return IN_GROUP;
	if (account->privileged & ROLE_ADMINISTRATOR)
		return STAFF_ADMINISTRATOR;
	return account->privileged & ROLE_HELPDESK ? STAFF_HELPDESK : PERSON;
}

bool roles_have(Verb verb, unsigned roles)
{
	for (size_t i = 0; i < ARRAY_SIZE(actors); i++)
		if ((roles & actors[i].role) && has_verb[i][verb])
			return true;
	return false;
}

const char *roles_refusal(Verb verb, unsigned roles, const Account *account, bool oneself)
{
	Target target = target_of(account);

	if (!roles_have(verb, roles))
		return "role";
	if (oneself)
		return "oneself";
	for (size_t i = 0; i < ARRAY_SIZE(actors); i++)
		if ((roles & actors[i].role) && has_verb[i][verb] && may_touch[i][target])
			return NULL;
	return "privileged";
}
