/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staff verbs for one person, or the same for several. */

#include <string.h>

#include "output.h"
#include "prompt.h"
#include "validate.h"
#include "verbs.h"

#define ADMIN "org.pwreset.Admin."

/*
 * The same call for each argument; the first failure is the exit status, the others are tried
 * nevertheless.
 */
static int for_each_user(Ctl *ctl, const char *method, const char *done)
{
	int result = 0;

	for (int i = 0; i < ctl->n_args; i++) {
		const JsonNode *reply;
		int r;

		r = ctl_call_user(ctl, method, ctl->args[i], &reply);
		if (r != 0) {
			if (ctl->n_args > 1)
				complain(_("That was %s."), ctl->args[i]);
			result = result != 0 ? result : r;
			if (r == EXIT_UNREACHABLE)
				break;
		} else if (!output_json(ctl, reply) && !ctl->options.quiet) {
			text_print(stdout, ctl->args[i]);
			printf(": %s\n", done);
		}
	}
	return result;
}

int verb_revoke(Ctl *ctl)
{
	return for_each_user(ctl, ADMIN "Revoke", _("no link, code or grant is open any more"));
}

int verb_unlock(Ctl *ctl)
{
	return for_each_user(ctl, ADMIN "Unlock",
			     _("not locked by failures, and questions can be tried again"));
}

int verb_remind_username(Ctl *ctl)
{
	return for_each_user(ctl, ADMIN "RemindUserName",
			     _("the user name is on its way to the addresses on file"));
}

int verb_set_mail(Ctl *ctl)
{
	const JsonNode *reply;
	JsonWriter *w;
	int r;

	if (!mail_address_valid(ctl->args[1]))
		return complain_usage(ctl, _("\"%s\" is no mail address."), ctl->args[1]);
	r = ctl_open(ctl, ADMIN "SetMail", &w);
	if (r != 0)
		return r;
	json_put_string(w, "user", ctl->args[0]);
	json_put_string(w, "address", ctl->args[1]);
	if (ctl->options.once)
		json_put_bool(w, "once", true);
	r = ctl_call(ctl, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	if (!ctl->options.quiet)
		puts(ctl->options.once ? _("The address is set, for one recovery within 24 hours.")
				       : _("The address is set."));
	return 0;
}

static int print_password(const Ctl *ctl, const JsonNode *reply)
{
	AUTO_SECRET Secret password = SECRET_NULL;
	const char *text = json_get_string(reply, "password");

	if (output_json(ctl, reply))
		return 0;
	if (!text) {
		if (!ctl->options.quiet)
			puts(ctl->options.mail ? _("A new password is on its way.")
					       : _("The password is set."));
		return 0;
	}
	if (secret_from_base64(&password, text) < 0) {
		complain(_(
			"The password was set, but the service shows it in a form that this tool does not know."));
		return EXIT_FAILED;
	}
	if (!ctl->options.quiet)
		fputs(_("New password: "), stdout);
	text_print(stdout, password.bytes);
	fputc('\n', stdout);
	return 0;
}

int verb_set_password(Ctl *ctl)
{
	AUTO_SECRET Secret password = SECRET_NULL;
	bool generate = ctl->options.generate || ctl->options.mail;
	const JsonNode *reply;
	JsonWriter *w;
	int r;

	if (generate && ctl->options.from_stdin)
		return complain_usage(
			ctl,
			_("--stdin is for a password of yours; --generate and --mail make one."));
	if (ctl->options.generate && ctl->options.mail)
		return complain_usage(
			ctl, _("--generate shows the password, --mail mails it: choose one."));
	if (!generate) {
		r = prompt_new_secret(&password, _("New password: "), _("Retype new password: "),
				      ctl->options.from_stdin);
		if (r < 0)
			return prompt_complain(r);
	}
	r = ctl_open(ctl, ADMIN "SetPassword", &w);
	if (r != 0)
		return r;
	json_put_string(w, "user", ctl->args[0]);
	if (!generate)
		put_secret(w, "password", &password);
	if (ctl->options.temporary)
		json_put_bool(w, "temporary", true);
	if (ctl->options.mail)
		json_put_bool(w, "mail", true);
	r = ctl_call(ctl, &reply);
	return r != 0 ? r : print_password(ctl, reply);
}

static bool pin_valid(const Secret *pin)
{
	return pin->len >= 4 && pin->len <= 12 && strspn(pin->bytes, "0123456789") == pin->len;
}

static int call_pin(Ctl *ctl, const char *method, const Secret *pin, const JsonNode **reply)
{
	JsonWriter *w;
	int r;

	if (!pin_valid(pin)) {
		complain(_("A PIN has 4 to 12 digits."));
		return EXIT_USAGE;
	}
	r = ctl_open(ctl, method, &w);
	if (r != 0)
		return r;
	json_put_string(w, "user", ctl->args[0]);
	json_put_string_n(w, "pin", pin->bytes, pin->len);
	return ctl_call(ctl, reply);
}

int verb_set_pin(Ctl *ctl)
{
	AUTO_SECRET Secret pin = SECRET_NULL;
	const JsonNode *reply;
	int r;

	r = prompt_new_secret(&pin, _("New PIN: "), _("Retype new PIN: "), ctl->options.from_stdin);
	if (r < 0)
		return prompt_complain(r);
	r = call_pin(ctl, ADMIN "SetPin", &pin, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	if (!ctl->options.quiet)
		puts(_("The PIN is set."));
	return 0;
}

int verb_verify_pin(Ctl *ctl)
{
	AUTO_SECRET Secret pin = SECRET_NULL;
	const JsonNode *reply;
	int r;

	r = prompt_secret(&pin, _("PIN: "), PROMPT_HIDDEN, ctl->options.from_stdin);
	if (r < 0)
		return prompt_complain(r);
	r = call_pin(ctl, ADMIN "VerifyPin", &pin, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	if (!ctl->options.quiet)
		puts(_("The PIN is right."));
	return 0;
}
