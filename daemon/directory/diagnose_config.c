/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advice on choices of the configuration: all are allowed, some have a price. */
#include "diagnose.h"

#define NIST_ONLY_FACTOR 15U

void diagnose_config(Diagnosis *diagnosis)
{
	const Config *config = diagnosis->call->worker->config;

	if (config->recovery.questions == CONFIG_QUESTIONS_ALONE)
		finding(diagnosis, SEVERITY_WARNING, "questions-alone",
			"Secret questions open an account by themselves: OWASP ASVS 6.4.2 and NIST "
			"SP 800-63B-4 advise "
			"against it.",
			"[recovery] questions=alone", "[recovery] questions=with-code, or off");
	else if (config->recovery.questions == CONFIG_QUESTIONS_AUTO)
		finding(diagnosis, SEVERITY_NOTICE, "questions-alone",
			"At a console or greeter secret questions open an account by themselves: "
			"OWASP ASVS 6.4.2 and "
			"NIST SP 800-63B-4 advise against it.",
			"[recovery] questions=auto", "[recovery] questions=with-code, or off");
	if (config->policy.min_length < NIST_ONLY_FACTOR)
		finding(diagnosis, SEVERITY_NOTICE, "min-length",
			"NIST SP 800-63B-4 asks for 15 characters where the password is the only "
			"factor; the strength "
			"estimate decides here first.",
			NULL, "[policy] min-length=15");
	if (!*config->directory.decoy_dn)
		finding(diagnosis, SEVERITY_NOTICE, "no-decoy",
			"Tries for names that do not exist write nothing; the fixed slot of "
			"answers hides most of that, "
			"an entry to charge hides the rest.",
			NULL, "[directory] decoy-dn= with the name of an entry that nobody uses");
	if (!*config->directory.privileged_groups && !*config->roles.owner &&
	    !*config->roles.administrator)
		finding(diagnosis, SEVERITY_WARNING, "nobody-privileged",
			"No group is privileged: administrators of other systems could be reset by "
			"mail like anybody.",
			NULL,
			"[directory] privileged-groups= with the groups of your administrators");
}
