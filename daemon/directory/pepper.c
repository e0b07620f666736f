/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pepper's file, and keyed digests under it. */
#include "pepper.h"

#include <string.h>

#include "secret.h"
#include "validate.h"

#define PEPPER_FILE_MAX 256U
#define REMEDY "; 'pwresetctl pepper' prints a line for it"

static void complain_line(IniComplaint complain, void *userdata, unsigned line, const char *message)
{
	complain(&(IniPlace){ .file = "credential pepper", .line = line }, message, userdata);
}

static bool id_valid(const char *id, size_t len)
{
	return len > 0 && len <= PEPPER_ID_MAX &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") >=
		       len;
}

static const char *key_parse(PepperKey *key, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t id_len, key_len = 0;

	if (!colon)
		return "must be KEYID:BASE64" REMEDY;
	id_len = (size_t)(colon - line);
	if (!id_valid(line, id_len))
		return "the key's name must have 1 to 16 letters, digits, '-' or '_'" REMEDY;
	if (base64_decode(colon + 1, len - id_len - 1, key->bytes, sizeof(key->bytes), &key_len) <
		    0 ||
	    key_len != PEPPER_KEY_SIZE)
		return "the key must be 32 bytes in base64" REMEDY;
	memcpy(key->id, line, id_len);
	key->id[id_len] = '\0';
	return NULL;
}

int pepper_parse(Pepper *ret, const char *text, IniComplaint complain, void *userdata)
{
	Pepper pepper = { 0 };
	const char *message = NULL;
	unsigned line = 0;

	while (*text != '\0' && !message) {
		size_t len = strcspn(text, "\n");

		line++;
		if (pepper.n == PEPPER_KEYS_MAX)
			message = "has more than two lines: keep the current key and the previous "
				  "one";
		else if (!(message = key_parse(&pepper.keys[pepper.n], text, len)))
			pepper.n++;
		text += len + (text[len] == '\n');
	}
	if (!message && pepper.n == 0)
		message = "is empty" REMEDY;
	if (!message && pepper.n == 2 && strcmp(pepper.keys[0].id, pepper.keys[1].id) == 0)
		message = "two keys have the same name: values made with one could not be told "
			  "from the other's";
	if (message) {
		complain_line(complain, userdata, line, message);
		pepper_wipe(&pepper);
		return -EBADMSG;
	}
	*ret = pepper;
	pepper_wipe(&pepper);
	return 0;
}

int pepper_load(Pepper *ret, IniComplaint complain, void *userdata)
{
	char text[PEPPER_FILE_MAX];
	size_t len = 0;
	int r = credential_read("pepper", text, sizeof(text) - 1, &len, complain, userdata);

	if (r == -ENOENT)
		complain_line(complain, userdata, 0,
			      "there is none: put it in /etc/pwreset/credentials/pepper, mode "
			      "0600, the same on every "
			      "host that runs pwresetd" REMEDY);
	if (r < 0)
		return r;
	text[len] = '\0';
	r = strlen(text) == len ? pepper_parse(ret, text, complain, userdata) : -EBADMSG;
	memory_wipe(text, sizeof(text));
	return r;
}

void pepper_wipe(Pepper *pepper)
{
	memory_wipe(pepper, sizeof(*pepper));
}

const PepperKey *pepper_key(const Pepper *pepper, const char *id)
{
	for (size_t i = 0; i < pepper->n; i++)
		if (strcmp(pepper->keys[i].id, id) == 0)
			return &pepper->keys[i];
	return NULL;
}

void mac_init(Mac *mac, const PepperKey *key, const char *domain)
{
	crypto_auth_hmacsha256_init(&mac->state, key->bytes, sizeof(key->bytes));
	mac_add_text(mac, domain);
}

void mac_add(Mac *mac, const void *bytes, size_t len)
{
	uint8_t prefix[8];

	for (size_t i = 0; i < sizeof(prefix); i++)
		prefix[i] = (uint8_t)((uint64_t)len >> (8 * i));
	crypto_auth_hmacsha256_update(&mac->state, prefix, sizeof(prefix));
	crypto_auth_hmacsha256_update(&mac->state, bytes, len);
}

void mac_add_text(Mac *mac, const char *text)
{
	mac_add(mac, text ? text : "", text ? strlen(text) : 0);
}

void mac_finish(Mac *mac, uint8_t ret[static MAC_SIZE])
{
	crypto_auth_hmacsha256_final(&mac->state, ret);
	memory_wipe(mac, sizeof(*mac));
}
