/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One's own account: what is set up. */

#include <inttypes.h>
#include <string.h>

#include "output.h"
#include "verbs.h"

static const char *address_state(const char *state)
{
	if (strcmp(state, "valid") == 0)
		return _("valid");
	if (strcmp(state, "waiting") == 0)
		return _("counts 24 hours after it was confirmed");
	if (strcmp(state, "unconfirmed") == 0)
		return _("not confirmed: pwresetctl confirm-mail");
	return state;
}

static void print_addresses(const JsonNode *list)
{
	bool any = false;

	if (list && list->type == JSON_ARRAY)
		JSON_FOREACH(it, list) {
			const char *address = json_get_string(it, "address"),
				   *state = json_get_string(it, "state");
			char text[400];

			snprintf(text, sizeof(text), "%s (%s%s)", address ? address : "?",
				 json_get_bool(it, "own", false) ? _("recovery address, ") : "",
				 state ? address_state(state) : "?");
			field_print(stdout, any ? "" : _("Addresses"), text);
			any = true;
		}
	if (!any)
		field_print(stdout, _("Addresses"), _("none"));
}

static void print_number(const JsonNode *reply, const char *key, const char *label)
{
	char text[24];
	int64_t n;

	if (!json_get_integer(reply, key, &n))
		return;
	snprintf(text, sizeof(text), "%" PRId64, n);
	field_print(stdout, label, text);
}

static void print_missing(const JsonNode *list)
{
	bool any = false;

	if (!list || list->type != JSON_ARRAY)
		return;
	JSON_FOREACH(it, list) {
		if (it->type != JSON_STRING)
			continue;
		field_print(stdout, any ? "" : _("Missing"), missing_text(it->string));
		any = true;
	}
}

int verb_status(Ctl *ctl)
{
	const JsonNode *reply;
	char text[TIME_TEXT];
	int64_t changed;
	int r;

	r = ctl_call_user(ctl, "org.pwreset.Account.Status", NULL, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	field_print(stdout, _("User"),
		    json_get_string(reply, "user") ? json_get_string(reply, "user") : "?");
	print_addresses(json_get(reply, "addresses"));
	print_number(reply, "questions", _("Secret questions"));
	print_number(reply, "savedCodes", _("Saved codes"));
	if (json_get_integer(reply, "passwordChanged", &changed)) {
		time_format(changed, text, sizeof(text));
		field_print(stdout, _("Password changed"), text);
	}
	print_missing(json_get(reply, "missing"));
	return 0;
}
