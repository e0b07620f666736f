/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor asks the daemon: its own findings, a redemption on the entry that is nobody's, a
 * mail for real.
 */

#include <string.h>

#include "doctor.h"

/*
 * The daemon's findings behind ours. That it does not answer is one more. True: a redemption was
 * tried.
 */
static bool daemon_ask(Ctl *ctl, Doctor *doctor)
{
	const JsonNode *list;
	VarlinkReply reply;
	bool tried = false;
	JsonWriter *w;

	if (ctl_open(ctl, "org.pwreset.Service.Diagnose", &w) != 0 ||
	    ctl_exchange(ctl, &reply) != 0) {
		finding_add(doctor, SEVERITY_ERROR, "daemon", N_("The daemon does not answer."),
			    NULL,
			    "systemctl enable --now pwreset-ctl.socket; journalctl -u pwresetd");
		return false;
	}
	if (reply.error && failure_exit(reply.error) == EXIT_REFUSED) {
		finding_add(doctor, SEVERITY_NOTICE, "not-root",
			    N_("The daemon was not asked about the directory: only root may."),
			    NULL, "sudo pwresetctl doctor");
		return false;
	}
	if (reply.error) {
		finding_add(doctor, SEVERITY_ERROR, "daemon",
			    N_("The daemon cannot look at the directory."), reply.error,
			    "journalctl -u 'pwreset*'");
		return false;
	}
	list = json_get(reply.parameters, "findings");
	if (list && list->type == JSON_ARRAY)
		JSON_FOREACH(it, list) {
			const char *what = json_get_string(it, "what");

			tried = tried || (what && strcmp(what, "canary") == 0);
			json_put_node(doctor->w, NULL, it);
		}
	return tried;
}

/* A host of the fleet has no daemon to ask, and tries no redemption. */
void doctor_daemon(Ctl *ctl, Doctor *doctor)
{
	bool tried = !doctor->member && daemon_ask(ctl, doctor);

	if (ctl->options.canary && !tried)
		finding_add(
			doctor, SEVERITY_ERROR, "canary",
			N_("No redemption was tried: there is no entry for it, or it was not reached."),
			NULL,
			N_("[directory] decoy-dn= with an entry among the people that nobody uses"));
}

static void mail_not_asked(Doctor *doctor, const char *evidence)
{
	finding_add(doctor, SEVERITY_ERROR, "mail", N_("The test mail could not be asked for."),
		    evidence, "journalctl -u 'pwreset*'");
}

/* Each step of the dialogue that failed, or that all went well. */
void doctor_mail(Ctl *ctl, Doctor *doctor)
{
	const char *address = ctl->options.test_mail;
	const JsonNode *steps;
	VarlinkReply reply;
	JsonWriter *w;

	if (ctl_open(ctl, "org.pwreset.Service.TestMail", &w) != 0) {
		mail_not_asked(doctor, address);
		return;
	}
	json_put_string(w, "address", address);
	if (ctl_exchange(ctl, &reply) != 0) {
		mail_not_asked(doctor, address);
		return;
	}
	if (reply.error) {
		mail_not_asked(doctor, reply.error);
		return;
	}
	if (json_get_bool(reply.parameters, "delivered", false))
		finding_add(doctor, SEVERITY_OK, "mail", N_("The relay has taken a test mail."),
			    address, NULL);
	steps = json_get(reply.parameters, "steps");
	if (!steps || steps->type != JSON_ARRAY)
		return;
	JSON_FOREACH(it, steps) {
		const char *step = json_get_string(it, "step"), *text = json_get_string(it, "text");
		char seen[1200];

		if (json_get_bool(it, "ok", false))
			continue;
		snprintf(seen, sizeof(seen), "%s: %s", step ? step : "?", text ? text : "?");
		finding_add(doctor, SEVERITY_ERROR, "mail", N_("A step of a test mail failed."),
			    seen, json_get_string(it, "remedy"));
	}
}
