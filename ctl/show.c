/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of one account. */

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "output.h"
#include "verbs.h"

static const char *state_text(const char *state)
{
	static const char *const states[][2] = {
		{ "active", N_("active") },
		{ "never-activated", N_("never activated") },
		{ "expired", N_("expired") },
		{ "disabled", N_("disabled") },
		{ "locked", N_("locked by failures: see unlock") },
		{ "locked-by-administrator", N_("locked by an administrator") },
		{ "not-possible-here",
		  N_("not possible here: the password is kept elsewhere too") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(states[i][0], state) == 0)
			return _(states[i][1]);
	return state;
}

static void print_string(const JsonNode *record, const char *key, const char *label)
{
	const char *text = json_get_string(record, key);

	if (text)
		field_print(stdout, label, text);
}

static void print_integer(const JsonNode *record, const char *key, const char *label)
{
	char text[24];
	int64_t n;

	if (!json_get_integer(record, key, &n))
		return;
	snprintf(text, sizeof(text), "%" PRId64, n);
	field_print(stdout, label, text);
}

static void print_time(const JsonNode *record, const char *key, const char *label)
{
	char text[TIME_TEXT];
	int64_t n;

	if (!json_get_integer(record, key, &n))
		return;
	time_format(n, text, sizeof(text));
	field_print(stdout, label, text);
}

static bool is_over(const JsonNode *record, const char *key)
{
	int64_t n;

	return json_get_integer(record, key, &n) && n <= (int64_t)time(NULL);
}

static void print_bool(const JsonNode *record, const char *key, const char *label)
{
	field_print(stdout, label, json_get_bool(record, key, false) ? _("yes") : _("no"));
}

static void print_addresses(const JsonNode *list)
{
	bool any = false;

	if (list && list->type == JSON_ARRAY)
		JSON_FOREACH(it, list)
			if (it->type == JSON_STRING) {
				field_print(stdout, any ? "" : _("Addresses"), it->string);
				any = true;
			}
	if (!any)
		field_print(stdout, _("Addresses"), _("none"));
}

static void print_requests(const Ctl *ctl, const JsonNode *list)
{
	const char *const headers[] = { _("OPEN"), _("UNTIL"), _("TRIES LEFT"), _("ID") };
	CLEANUP(table_freep) Table *table = table_new(headers, ARRAY_SIZE(headers));

	if (!table || !list || list->type != JSON_ARRAY || list->n == 0)
		return;
	JSON_FOREACH(it, list) {
		int64_t expires = 0, tries = 0;
		char text[24];

		json_get_integer(it, "expires", &expires);
		json_get_integer(it, "triesLeft", &tries);
		snprintf(text, sizeof(text), "%" PRId64, tries);
		table_add(table, json_get_string(it, "kind"));
		table_add_time(table, expires);
		table_add(table, text);
		table_add(table, json_get_string(it, "id"));
	}
	putchar('\n');
	table_print(table, stdout, !ctl->options.no_legend);
}

static void print_events(const Ctl *ctl, const JsonNode *list)
{
	const char *const headers[] = { _("TIME"), _("WHAT HAPPENED"), _("BY") };
	CLEANUP(table_freep) Table *table = table_new(headers, ARRAY_SIZE(headers));

	if (!table || !list || list->type != JSON_ARRAY || list->n == 0)
		return;
	JSON_FOREACH(it, list) {
		const char *what = json_get_string(it, "what"), *by = json_get_string(it, "by");
		char who[300];
		int64_t time = 0;

		json_get_integer(it, "time", &time);
		who_format(by ? by : "", who, sizeof(who));
		table_add_time(table, time);
		table_add(table, what ? event_text(what) : NULL);
		table_add(table, who);
	}
	putchar('\n');
	table_print(table, stdout, !ctl->options.no_legend);
}

int verb_show(Ctl *ctl)
{
	const JsonNode *reply, *record;
	int r;

	r = ctl_call_user(ctl, "org.pwreset.Admin.Show", ctl->args[0], &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	record = json_get(reply, "record");
	print_string(record, "user", _("User"));
	print_string(record, "name", _("Name"));
	print_string(record, "dn", _("Entry"));
	print_integer(record, "uidNumber", _("UID"));
	if (json_get_string(record, "state"))
		field_print(stdout, _("State"), state_text(json_get_string(record, "state")));
	print_bool(record, "privileged", _("Privileged"));
	print_addresses(json_get(record, "addresses"));
	print_time(record, "passwordChanged", _("Password changed"));
	print_time(record, "passwordExpires",
		   is_over(record, "passwordExpires") ? _("Password expired")
						      : _("Password expires"));
	print_time(record, "temporaryUntil", _("Temporary, until"));
	print_bool(record, "mustChange", _("Must change it"));
	print_integer(record, "earlierPasswords", _("Earlier passwords"));
	print_integer(record, "failures", _("Failed logins"));
	print_time(record, "lockedSince", _("Locked since"));
	print_integer(record, "questions", _("Secret questions"));
	print_integer(record, "questionTriesLeft", _("Tries left for them"));
	print_integer(record, "savedCodes", _("Saved codes"));
	print_bool(record, "pin", _("PIN"));
	print_requests(ctl, json_get(record, "requests"));
	print_events(ctl, json_get(record, "events"));
	return 0;
}
