/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collects what is wrong, from here and from the daemon, and prints it with the remedy. */

#include <string.h>

#include "doctor.h"
#include "output.h"
#include "verbs.h"

#define FINDINGS_BYTES (512 * 1024)
#define FINDINGS_NODES 8192

static const char *const severities[] = {
	[SEVERITY_OK] = "ok",
	[SEVERITY_NOTICE] = "notice",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

static void put_clean(JsonWriter *w, const char *key, const char *text)
{
	AUTO_FREE char *clean = text ? text_clean(text) : NULL;

	if (clean)
		json_put_string(w, key, clean);
}

void finding_add(Doctor *doctor, Severity severity, const char *what, const char *text, const char *evidence,
		 const char *remedy)
{
	JsonWriter *w = doctor->w;

	json_open(w, NULL, '{');
	json_put_string(w, "severity", severities[severity]);
	json_put_string(w, "what", what);
	put_clean(w, "text", text);
	put_clean(w, "evidence", evidence);
	put_clean(w, "remedy", remedy);
	json_close(w, '}');
}

/* The daemon's findings behind ours. That it does not answer is one more. */
static void doctor_daemon(Ctl *ctl, Doctor *doctor)
{
	const JsonNode *list;
	VarlinkReply reply;
	JsonWriter *w;

	if (ctl_open(ctl, "org.pwreset.Service.Diagnose", &w) != 0 || ctl_exchange(ctl, &reply) != 0) {
		finding_add(doctor, SEVERITY_ERROR, "daemon", _("The daemon does not answer."), NULL,
			    "systemctl enable --now pwreset-ctl.socket; journalctl -u pwresetd");
		return;
	}
	if (reply.error && failure_exit(reply.error) == EXIT_REFUSED) {
		finding_add(doctor, SEVERITY_NOTICE, "not-root",
			    _("The daemon was not asked about the directory: only root may."), NULL, "sudo pwresetctl doctor");
		return;
	}
	if (reply.error) {
		finding_add(doctor, SEVERITY_ERROR, "daemon", _("The daemon cannot look at the directory."), reply.error,
			    "journalctl -u 'pwreset*'");
		return;
	}
	list = json_get(reply.parameters, "findings");
	if (list && list->type == JSON_ARRAY)
		JSON_FOREACH(it, list)
			json_put_node(doctor->w, NULL, it);
}

typedef struct Count {
	unsigned errors, warnings;
} Count;

static const char *severity_word(const char *severity, Count *count)
{
	if (strcmp(severity, "error") == 0) {
		count->errors++;
		return _("ERROR");
	}
	if (strcmp(severity, "warning") == 0) {
		count->warnings++;
		return _("warning");
	}
	return strcmp(severity, "notice") == 0 ? _("notice") : _("ok");
}

static const char *colour_of(const char *severity)
{
	if (!isatty(STDOUT_FILENO))
		return "";
	if (strcmp(severity, "error") == 0)
		return "\033[1;31m";
	return strcmp(severity, "warning") == 0 ? "\033[1;33m" : "";
}

static void print_part(const char *label, const char *text)
{
	if (!text)
		return;
	printf("    %s ", label);
	text_print(stdout, text);
	putchar('\n');
}

static void print_finding(const JsonNode *finding, bool all, Count *count)
{
	const char *severity = json_get_string(finding, "severity"), *text = json_get_string(finding, "text");
	const char *what = json_get_string(finding, "what"), *word, *colour;

	severity = severity ? severity : "error";
	word = severity_word(severity, count);
	if (strcmp(severity, "ok") == 0 && !all)
		return;
	colour = colour_of(severity);
	printf("%s%s%s: ", colour, word, colour[0] != '\0' ? "\033[0m" : "");
	text_print(stdout, text ? text : "?");
	fputs(" [", stdout);
	text_print(stdout, what ? what : "?");
	puts("]");
	print_part(_("seen:"), json_get_string(finding, "evidence"));
	print_part(_("mend:"), json_get_string(finding, "remedy"));
}

static Count print_findings(const Ctl *ctl, const JsonNode *root)
{
	bool table = ctl->options.output == OUTPUT_TABLE;
	Count count = { 0 };

	JSON_FOREACH(it, json_get(root, "findings")) {
		const char *severity = json_get_string(it, "severity");

		if (table)
			print_finding(it, ctl->options.all, &count);
		else
			severity_word(severity ? severity : "error", &count);
	}
	if (!table)
		json_print(stdout, root, ctl->options.output);
	else if (count.errors + count.warnings == 0)
		puts(_("Nothing is wrong."));
	else
		printf(_("Errors: %u, warnings: %u.\n"), count.errors, count.warnings);
	return count;
}

int verb_doctor(Ctl *ctl)
{
	AUTO_FREE char *memory = malloc(FINDINGS_BYTES);
	AUTO_FREE JsonNode *nodes = calloc(FINDINGS_NODES, sizeof(*nodes));
	Json json = { .nodes = nodes, .n_nodes_max = FINDINGS_NODES };
	JsonWriter w;
	Doctor doctor = { .root = "", .w = &w };
	Buf buf;

	if (!memory || !nodes)
		return EXIT_FAILED;
	buf_init(&buf, memory, FINDINGS_BYTES);
	w = JSON_WRITER(&buf);
	json_open(&w, NULL, '{');
	json_open(&w, "findings", '[');
	doctor_files(&doctor);
	doctor_units(&doctor);
	doctor_pam(&doctor);
	doctor_sshd(&doctor);
	doctor_daemon(ctl, &doctor);
	json_close(&w, ']');
	json_close(&w, '}');
	if (buf.overflow || json_parse(&json, memory, buf.len) != 0) {
		complain(_("There are more findings than can be held."));
		return EXIT_FAILED;
	}
	return print_findings(ctl, nodes).errors > 0 ? EXIT_FAILED : 0;
}
