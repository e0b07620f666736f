/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PAM module between a person and a daemon who both say anything: libpam and the client are
 * stand-ins here, and each prompt and each call takes the next piece of the input (pieces end with
 * a NUL). The first byte chooses entry point and arguments. Nothing but a "yes" of the daemon is
 * ever a success, auth is never one, and every dialogue ends.
 */

#include <stdarg.h>
#include <stdio.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include "client.h"
#include "fuzz.h"
#include "secret.h"
#include "validate.h"

#define PROMPTS_MAX 128 /* far above what tries= allows */
#define CALLS_MAX 128
#define DATA_MAX 8
#define FAILS '\xff' /* a piece that begins so is no reply at all */

typedef struct Data {
	char *name;
	void *data;
	void (*cleanup)(pam_handle_t *pamh, void *data, int status);
} Data;

struct pam_handle {
	const char *next, *end; /* of the input */
	char *items[PAM_AUTHTOK_TYPE + 1];
	Data data[DATA_MAX];
	unsigned prompts, calls;
	bool accepted; /* the daemon has said yes to a password */
};

struct Client {
	Buf buf;
	char memory[VARLINK_MESSAGE_MAX];
	JsonWriter writer;
	bool judges; /* the method is one that accepts or writes a password */
	bool checks; /* … by a member of its reply */
	char *text;
	JsonNode nodes[512];
};

/* Where the stand-ins of the client find the input; the module itself has no such thing. */
static pam_handle_t *current;

/* The next piece as a string of its own, or NULL when there is none or it fails. */
static char *piece_take(pam_handle_t *pamh)
{
	const char *start = pamh->next;
	size_t len;

	if (start >= pamh->end)
		return NULL;
	len = strnlen(start, (size_t)(pamh->end - start));
	pamh->next = start + len + 1;
	if (len > 0 && start[0] == FAILS)
		return NULL;
	return fuzz_text((const uint8_t *)start, len);
}

int client_connect(Client **ret, const char *path, bool root_peer, unsigned timeout_ms)
{
	assert(path[0] == '/' && root_peer && timeout_ms > 0);
	assert(++current->calls <= CALLS_MAX);
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

Client *client_free(Client *client)
{
	if (client)
		free(client->text);
	free(client);
	return NULL;
}

JsonWriter *client_open(Client *client, const char *method, bool more)
{
	static const char *const judging[] = { "SetPassword", "Change", "SetByRoot", "Check" };
	const char *name = strrchr(method, '.') + 1;

	for (size_t i = 0; i < ARRAY_SIZE(judging); i++)
		client->judges |= strcmp(name, judging[i]) == 0;
	client->checks = strcmp(name, "Check") == 0;
	buf_init(&client->buf, client->memory, sizeof(client->memory));
	client->writer = JSON_WRITER(&client->buf);
	varlink_open_call(&client->writer, method, more);
	return &client->writer;
}

int client_call(Client *client, unsigned timeout_ms, VarlinkReply *reply)
{
	Json json = { .nodes = client->nodes, .n_nodes_max = ARRAY_SIZE(client->nodes) };

	assert(timeout_ms > 0);
	varlink_close(&client->writer);
	/* Whatever was typed, the call can be said and is JSON. */
	assert(!client->buf.overflow && utf8_valid(client->buf.data, client->buf.len));
	client->text = piece_take(current);
	if (!client->text)
		return -ETIMEDOUT;
	if (json_parse(&json, client->text, strlen(client->text)) != 0 ||
	    varlink_reply_parse(reply, client->nodes) < 0)
		return -EBADMSG;
	if (client->judges && !reply->error)
		current->accepted |=
			!client->checks || json_get_bool(reply->parameters, "accepted", false);
	return 0;
}

int pam_get_item(const pam_handle_t *pamh, int item, const void **ret)
{
	*ret = pamh->items[item];
	return PAM_SUCCESS;
}

int pam_set_item(pam_handle_t *pamh, int item, const void *value)
{
	free(pamh->items[item]);
	pamh->items[item] = value ? strdup(value) : NULL;
	return PAM_SUCCESS;
}

static Data *data_find(pam_handle_t *pamh, const char *name)
{
	for (size_t i = 0; i < DATA_MAX; i++)
		if (pamh->data[i].name && strcmp(pamh->data[i].name, name) == 0)
			return &pamh->data[i];
	for (size_t i = 0; i < DATA_MAX; i++)
		if (!pamh->data[i].name) {
			pamh->data[i].name = strdup(name);
			return &pamh->data[i];
		}
	abort();
}

int pam_set_data(pam_handle_t *pamh, const char *name, void *data,
		 void (*cleanup)(pam_handle_t *, void *, int))
{
	Data *entry = data_find(pamh, name);

	if (entry->cleanup)
		entry->cleanup(pamh, entry->data, 0);
	entry->data = data;
	entry->cleanup = cleanup;
	return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t *pamh, const char *name, const void **ret)
{
	for (size_t i = 0; i < DATA_MAX; i++)
		if (pamh->data[i].name && strcmp(pamh->data[i].name, name) == 0) {
			*ret = pamh->data[i].data;
			return PAM_SUCCESS;
		}
	return PAM_NO_MODULE_DATA;
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	char text[2048];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	assert(utf8_valid(text, strlen(text)));
	if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG)
		return PAM_SUCCESS;
	assert(++pamh->prompts <= PROMPTS_MAX);
	*response = piece_take(pamh);
	return *response ? PAM_SUCCESS : PAM_CONV_ERR;
}

int pam_get_authtok(pam_handle_t *pamh, int item, const char **authtok, const char *prompt)
{
	char *text = NULL;

	if (!pamh->items[item]) {
		if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &text, "%s", prompt ? prompt : "") !=
		    PAM_SUCCESS)
			return PAM_AUTHTOK_ERR;
		pam_set_item(pamh, item, text);
		free(text);
	}
	*authtok = pamh->items[item];
	return PAM_SUCCESS;
}

int pam_get_user(pam_handle_t *pamh, const char **user, UNUSED const char *prompt)
{
	*user = pamh->items[PAM_USER];
	return PAM_SUCCESS;
}

void pam_syslog(UNUSED const pam_handle_t *pamh, UNUSED int priority, UNUSED const char *format,
		...)
{
}

int pam_modutil_check_user_in_passwd(UNUSED pam_handle_t *pamh, UNUSED const char *user,
				     UNUSED const char *file)
{
	return PAM_PERM_DENIED;
}

struct passwd *pam_modutil_getpwnam(UNUSED pam_handle_t *pamh, UNUSED const char *user)
{
	return NULL;
}

static void handle_end(pam_handle_t *pamh)
{
	for (size_t i = 0; i < DATA_MAX; i++) {
		if (pamh->data[i].cleanup)
			pamh->data[i].cleanup(pamh, pamh->data[i].data, 0);
		free(pamh->data[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pamh->items); i++)
		free(pamh->items[i]);
}

static void auth_run(pam_handle_t *pamh, int argc, const char **argv, bool faillock)
{
	int r = pam_sm_authenticate(pamh, 0, argc, argv);

	assert(r == PAM_IGNORE || r == PAM_CONV_ERR || (faillock && r == PAM_AUTHTOK_RECOVERY_ERR));
	if (r == PAM_AUTHTOK_RECOVERY_ERR)
		assert(pamh->items[PAM_AUTHTOK]);
}

static void chauthtok_run(pam_handle_t *pamh, int argc, const char **argv, uint8_t choice)
{
	int flags = choice & 0x10 ? PAM_CHANGE_EXPIRED_AUTHTOK : 0;
	int r = PAM_SUCCESS;

	if (choice & 0x20)
		r = pam_sm_chauthtok(pamh, flags | PAM_PRELIM_CHECK, argc, argv);
	r = pam_sm_chauthtok(pamh, flags | PAM_UPDATE_AUTHTOK, argc, argv);
	/* Root is told of a bad password and obeyed, where only the policy is asked. */
	if (r == PAM_SUCCESS)
		assert((choice & 0x20) &&
		       (pamh->accepted || ((choice & 0x02) && !(choice & 0x10))));
	assert(r != PAM_IGNORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *argv[4] = { "socket=/nowhere", "sssd=ask" };
	pam_handle_t pamh = { 0 };
	int argc = 2;
	char *copy;

	if (size == 0)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	pamh.next = copy;
	pamh.end = copy + size - 1;
	current = &pamh;
	pam_set_item(&pamh, PAM_USER, "alice");
	pam_set_item(&pamh, PAM_SERVICE, "login");
	if (data[0] & 0x02)
		argv[argc++] = "policy_only";
	if (data[0] & 0x04)
		argv[argc++] = "faillock";
	if (data[0] & 0x01)
		chauthtok_run(&pamh, argc, argv, data[0]);
	else
		auth_run(&pamh, argc, argv, data[0] & 0x04);
	handle_end(&pamh);
	free(copy);
	return 0;
}
