/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Charging a try of an entry that stands for all names that do not exist. */
#include "decoy.h"

#include <string.h>

#include "stored.h"

int decoy_charge(Call *call)
{
	static const char *const attributes[] = { "objectClass", "pwresetToken", NULL };
	const char *dn = call->worker->config->directory.decoy_dn;
	StoredToken token = {
		.kind = TOKEN_CODE, .expiry = call->caller.now, .tries = 1, .label = "22"
	};
	AUTO_CHANGES Changes changes = { 0 };
	CLEANUP(entry_freep) Entry *entry = NULL;
	uint8_t id[TOKEN_ID_SIZE];
	StoredTokens tokens;
	int r;

	if (!*dn)
		return 0;
	r = directory_read(call->worker->directory, dn, NULL, attributes, &entry);
	if (r != 0)
		return r < 0 ? r : 0;
	randombytes_buf(id, sizeof(id));
	randombytes_buf(token.mac, sizeof(token.mac));
	base64url_encode(id, sizeof(id), token.id, sizeof(token.id));
	snprintf(token.key, sizeof(token.key), "%s", pepper_current(&call->worker->pepper)->id);
	if (!entry_holds(entry, "objectClass", "pwresetAccount"))
		changes_add(&changes, CHANGE_ADD, "objectClass", "pwresetAccount");
	stored_read(entry, &tokens);
	for (size_t i = 0; i < tokens.n; i++)
		stored_delete(&changes, &tokens.list[i]);
	stored_add(&changes, &token);
	/* Lost races are as good as won ones: it is the time that counts. */
	r = directory_modify(call->worker->directory, dn, &changes, NULL);
	return r < 0 ? r : 0;
}
