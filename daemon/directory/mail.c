/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mail as Mint answers it: template, language, addresses, and the values of the template's
 * names.
 */
#include <pwd.h>
#include <string.h>

#include "mint.h"

#define ORIGIN_MAX 255U

void mail_to_recovery(Call *call, const Account *account, const Addresses *addresses, MailTo *ret)
{
	ret->n = 0;
	if (account->typed_address) {
		ret->list[ret->n++] = account->typed_address;
		return;
	}
	for (size_t i = 0; i < addresses->n; i++)
		if (address_counts(&addresses->list[i], call->caller.now))
			ret->list[ret->n++] = addresses->list[i].text;
}

void mail_to_keep(const Addresses *addresses, MailTo *to)
{
	for (size_t i = 0; i < to->n; i++)
		for (size_t j = 0; j < addresses->n; j++)
			if (strcmp(to->list[i], addresses->list[j].text) == 0)
				to->list[i] = addresses->list[j].text;
}

void mail_to_told(Call *call, const Addresses *addresses, MailTo *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < addresses->n; i++) {
		const Address *address = &addresses->list[i];

		if (address_counts(address, call->caller.now) ||
		    address->state == ADDRESS_WAITING ||
		    (address->state == ADDRESS_FORMER && call->caller.now < address->time))
			ret->list[ret->n++] = address->text;
	}
}

static JsonWriter *answer_open(Call *call)
{
	if (!call->list)
		return serve_reply(call->serve);
	json_open(call->list, NULL, '{');
	return call->list;
}

static int answer_close(Call *call)
{
	if (!call->list)
		return serve_send(call->serve);
	json_close(call->list, '}');
	return 0;
}

int mint_fail(Call *call, int r)
{
	return call->list ? MINT_E_STOPPED : fail_directory(call, r);
}

int mint_skip(Call *call, const char *reason, int64_t after)
{
	JsonWriter *w = answer_open(call);

	json_put_string(w, "skip", reason);
	if (after > 0)
		json_put_integer(w, "after", after);
	return answer_close(call);
}

/* The account's own language, else the one that was asked in, else English. */
static void language_choose(const Account *account, const MintRequest *request,
			    char ret[static LANGUAGE_MAX + 1])
{
	const char *own = entry_text(account->entry, "preferredLanguage");

	snprintf(ret, LANGUAGE_MAX + 1, "%.*s", own ? (int)strcspn(own, ",; ") : 0, own ? own : "");
	if (!language_valid(ret))
		snprintf(ret, LANGUAGE_MAX + 1, "%s", request->language);
	if (!language_valid(ret))
		snprintf(ret, LANGUAGE_MAX + 1, "en");
}

static const char *person_name(const Account *account)
{
	static const char *const names[] = { "displayName", "cn" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *text = entry_text(account->entry, names[i]);

		if (text && text_valid(text, ORIGIN_MAX))
			return text;
	}
	return account->name;
}

static void put_text(JsonWriter *w, const char *key, const char *value)
{
	json_put_string(w, key, value && text_valid(value, ORIGIN_MAX) ? value : "");
}

static void put_number(JsonWriter *w, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	json_put_string(w, key, text);
}

/* The broker knows staff by uid; a person who reads the mail knows them by name. */
static void put_requester(JsonWriter *w, const char *requester)
{
	char buffer[4096];
	struct passwd record, *found = NULL;
	int64_t uid;

	if (integer_parse(requester, &uid) && uid >= 0 && uid < UINT32_MAX &&
	    getpwuid_r((uid_t)uid, &record, buffer, sizeof(buffer), &found) == 0 && found)
		put_text(w, "requester", record.pw_name);
	else
		put_text(w, "requester", requester);
}

/* A link on the site's own page: the origin comes from the configuration, never from a request. */
static void put_link(JsonWriter *w, const char *key, const char *origin, const char *path,
		     const char *ticket)
{
	char text[1024];
	size_t len = strlen(origin);

	while (len > 0 && origin[len - 1] == '/')
		len--;
	if (ticket)
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(len < 512 ? len : 512), origin, path,
			 ticket);
	json_put_string(w, key, ticket ? text : "");
	memory_wipe(text, sizeof(text));
}

int mint_mail(Call *call, const MintRequest *request, const Account *account, const MailTo *to,
	      const MailValues *values)
{
	const Config *config = call->worker->config;
	char language[LANGUAGE_MAX + 1];
	JsonWriter *w = answer_open(call);

	language_choose(account, request, language);
	json_open(w, "mail", '{');
	json_put_string(w, "id", request->id);
	json_put_string(w, "template", request->kind);
	json_put_string(w, "language", language);
	json_open(w, "to", '[');
	for (size_t i = 0; i < to->n; i++)
		json_put_string(w, NULL, to->list[i]);
	json_close(w, ']');
	json_open(w, "values", '{');
	json_put_string(w, "user", account->name);
	json_put_string(w, "name", person_name(account));
	put_link(w, "link", config->web.origin, "/r/", values->link);
	put_link(w, "revoke", config->web.origin, "/revoke/", values->revoke);
	json_put_string(w, "code", values->code ? values->code : "");
	json_put_string(w, "password", values->password ? values->password : "");
	put_number(w, "minutes", values->minutes);
	put_number(w, "time", request->created);
	put_text(w, "host", json_get_string(request->origin, "host"));
	put_text(w, "address", json_get_string(request->origin, "address"));
	put_text(w, "service", json_get_string(request->origin, "service"));
	put_text(w, "contact", config->web.contact);
	put_text(w, "site", config->web.site_name);
	put_requester(w, request->requester);
	put_link(w, "page", config->web.origin, "/", "");
	json_put_string(w, "mail", values->mail ? values->mail : "");
	if (values->set_up)
		json_put_string(w, values->set_up, "yes");
	if (values->unsure)
		json_put_string(w, "unsure", "yes");
	json_close(w, '}');
	json_close(w, '}');
	return answer_close(call);
}
