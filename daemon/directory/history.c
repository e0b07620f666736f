/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Earlier passwords: values are 1:KEY:SALT:TIME:VERIFIER. */
#include "history.h"

#include <string.h>

#include "stretch.h"

#define HISTORY_DERIVATIONS_MAX 2U /* one for each pepper key */

typedef struct Past {
	char key[PEPPER_ID_MAX + 1];
	char salt[STRETCH_SALT_TEXT + 1];
	int64_t time;
	uint8_t verifier[MAC_SIZE];
} Past;

static bool past_parse(const char *text, Past *ret)
{
	char time[24], verifier[MAC_TEXT + 1];
	size_t len = 0;

	/* The widths are those of the fields above. */
	if (sscanf(text, "1:%16[^:]:%22[^:]:%23[0-9]:%43[^:]", ret->key, ret->salt, time,
		   verifier) != 4)
		return false;
	return integer_parse(time, &ret->time) &&
	       base64url_decode(verifier, strlen(verifier), ret->verifier, sizeof(ret->verifier),
				&len) == 0 &&
	       len == sizeof(ret->verifier);
}

static int derive(const PepperKey *key, const char *salt, const Secret *password,
		  uint8_t ret[static MAC_SIZE])
{
	Mac mac;

	mac_init(&mac, key, "pwreset history 1");
	mac_add(&mac, password->bytes, password->len);
	return stretch(&mac, salt, ret);
}

typedef struct Derived {
	char key[PEPPER_ID_MAX + 1];
	char salt[STRETCH_SALT_TEXT + 1];
	uint8_t verifier[MAC_SIZE];
} Derived;

typedef struct DerivedList {
	Derived list[HISTORY_DERIVATIONS_MAX + 1];
	size_t n;
} DerivedList;

/*
 * What the password gives with that key and salt; NULL when the key is not here or there are too
 * many salts.
 */
static const Derived *derived_get(Call *call, DerivedList *done, const char *key_id,
				  const char *salt, const Secret *password, int *error)
{
	const PepperKey *key = pepper_key(&call->worker->pepper, key_id);
	Derived *derived;

	for (size_t i = 0; i < done->n; i++)
		if (strcmp(done->list[i].key, key_id) == 0 && strcmp(done->list[i].salt, salt) == 0)
			return &done->list[i];
	if (!key || done->n == ARRAY_SIZE(done->list))
		return NULL;
	derived = &done->list[done->n];
	*error = derive(key, salt, password, derived->verifier);
	if (*error < 0)
		return NULL;
	snprintf(derived->key, sizeof(derived->key), "%s", key_id);
	snprintf(derived->salt, sizeof(derived->salt), "%s", salt);
	done->n++;
	return derived;
}

int history_open(Call *call, const Account *account, const Secret *password, History *ret)
{
	const Attribute *values = entry_attribute(account->entry, "pwresetHistory");
	const char *current = pepper_current(&call->worker->pepper)->id;
	char salt[STRETCH_SALT_TEXT + 1] = "", verifier[MAC_TEXT + 1];
	const Derived *derived;
	DerivedList done = { 0 };
	History history = { 0 };
	int error = 0;

	for (size_t i = 0; values && i < values->n; i++) {
		Past past;

		if (!past_parse(values->values[i].bytes, &past))
			continue;
		if (strcmp(past.key, current) == 0)
			memcpy(salt, past.salt, sizeof(salt));
		derived = derived_get(call, &done, past.key, past.salt, password, &error);
		if (error == -ENOMEM)
			return error;
		if (derived &&
		    memory_equal(derived->verifier, past.verifier, sizeof(past.verifier)))
			history.reused = true;
	}
	if (!*salt)
		stretch_salt(salt);
	derived = derived_get(call, &done, current, salt, password, &error);
	if (!derived)
		return error < 0 ? error : -EIO;
	base64url_encode(derived->verifier, sizeof(derived->verifier), verifier, sizeof(verifier));
	snprintf(history.value, sizeof(history.value), "1:%s:%s:%lld:%s", current, salt,
		 (long long)call->caller.now, verifier);
	memory_wipe(&done, sizeof(done));
	*ret = history;
	return 0;
}

void history_put(Changes *changes, const Account *account, const History *history)
{
	const Attribute *values = entry_attribute(account->entry, "pwresetHistory");
	bool gone[ENTRY_VALUES_MAX] = { 0 };
	size_t left = values ? values->n : 0;

	while (left >= HISTORY_KEPT && left - HISTORY_KEPT < CHANGE_VALUES_MAX - 1) {
		int64_t time = INT64_MAX;
		size_t oldest = 0;

		for (size_t i = 0; i < values->n; i++) {
			Past past = { .time = INT64_MIN };

			if (gone[i] ||
			    (past_parse(values->values[i].bytes, &past) && past.time >= time))
				continue;
			time = past.time;
			oldest = i;
		}
		gone[oldest] = true;
		left--;
		changes_add(changes, CHANGE_DELETE, "pwresetHistory", values->values[oldest].bytes);
	}
	changes_add(changes, CHANGE_ADD, "pwresetHistory", history->value);
}
