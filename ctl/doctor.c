/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Collects what is wrong, from here and from the daemon, mends what is safe if asked to, and prints
 * the rest with its remedy.
 */

#include <string.h>

#include "doctor.h"
#include "doctor_fix.h"
#include "output.h"
#include "validate.h"
#include "verbs.h"

#define FINDINGS_BYTES (512 * 1024)
#define FINDINGS_NODES 8192
#define TEXT_BYTES 4096

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

void finding_add(Doctor *doctor, Severity severity, const char *what, const char *text,
		 const char *evidence, const char *remedy)
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

/* LDIF has several lines, each of which has to begin where it is pasted. */
static void print_lines(const char *text)
{
	for (size_t n; *text != '\0'; text += n) {
		char line[TEXT_BYTES];

		n = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		text_print(stdout, line);
		n += text[n] == '\n';
		if (text[n] != '\0')
			putchar('\n');
	}
}

/* Findings are in English as they stand in --json; what is not known to the catalogue stays so. */
static const char *in_words(const char *text)
{
	return text[0] != '\0' ? gettext(text) : text;
}

static void print_part(const char *label, const char *text)
{
	if (!text)
		return;
	printf("    %s ", label);
	print_lines(text);
	putchar('\n');
}

static void print_finding(const JsonNode *finding, bool all, Count *count)
{
	const char *severity = json_get_string(finding, "severity"),
		   *text = json_get_string(finding, "text");
	const char *what = json_get_string(finding, "what"),
		   *remedy = json_get_string(finding, "remedy"), *word, *colour;

	severity = severity ? severity : "error";
	word = severity_word(severity, count);
	if (strcmp(severity, "ok") == 0 && !all)
		return;
	colour = colour_of(severity);
	printf("%s%s%s: ", colour, word, colour[0] != '\0' ? "\033[0m" : "");
	text_print(stdout, text ? in_words(text) : "?");
	fputs(" [", stdout);
	text_print(stdout, what ? what : "?");
	puts("]");
	print_part(_("seen:"), json_get_string(finding, "evidence"));
	print_part(_("mend:"), remedy ? in_words(remedy) : NULL);
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

static void doctor_host(Doctor *doctor)
{
	if (doctor->member) {
		doctor_fleet_member(doctor);
	} else {
		doctor_files(doctor);
		doctor_host_state(doctor);
		doctor_units(doctor);
		doctor_fleet_central(doctor);
	}
	doctor_pam(doctor);
	doctor_sshd(doctor);
}

static int doctor_look(Ctl *ctl, Doctor *doctor)
{
	AUTO_FREE char *memory = malloc(FINDINGS_BYTES);
	AUTO_FREE JsonNode *nodes = calloc(FINDINGS_NODES, sizeof(*nodes));
	Json json = { .nodes = nodes, .n_nodes_max = FINDINGS_NODES };
	JsonWriter w;
	Buf buf;

	if (!memory || !nodes)
		return EXIT_FAILED;
	buf_init(&buf, memory, FINDINGS_BYTES);
	w = JSON_WRITER(&buf);
	doctor->w = &w;
	json_open(&w, NULL, '{');
	json_open(&w, "findings", '[');
	doctor_host(doctor);
	doctor_daemon(ctl, doctor);
	if (ctl->options.test_mail)
		doctor_mail(ctl, doctor);
	json_close(&w, ']');
	if (doctor->fixes)
		fixes_put(doctor->fixes, &w);
	json_close(&w, '}');
	if (buf.overflow || json_parse(&json, memory, buf.len) != 0) {
		complain(_("There are more findings than can be held."));
		return EXIT_FAILED;
	}
	return print_findings(ctl, nodes).errors > 0 ? EXIT_FAILED : 0;
}

/* A first look at this host collects what can be mended; what is told is the look after that. */
static int doctor_mend(Ctl *ctl, Doctor *doctor)
{
	AUTO_FREE char *memory = malloc(FINDINGS_BYTES);
	JsonWriter w;
	Buf buf;
	int r;

	if (!memory)
		return EXIT_FAILED;
	buf_init(&buf, memory, FINDINGS_BYTES);
	w = JSON_WRITER(&buf);
	doctor->w = &w;
	doctor_host(doctor);
	doctor->collecting = false;
	r = fixes_apply(doctor->fixes);
	if (ctl->options.output == OUTPUT_TABLE)
		fixes_print(doctor->fixes);
	return r;
}

int verb_doctor(Ctl *ctl)
{
	CLEANUP(fixes_freep) Fixes *fixes = NULL;
	Doctor doctor = { .root = "", .member = fleet_member() };
	int r = 0, looked;

	if (ctl->options.dry_run && !ctl->options.fix)
		return complain_usage(ctl, _("--dry-run goes with --fix."));
	if (ctl->options.test_mail && !mail_address_valid(ctl->options.test_mail))
		return complain_usage(ctl, _("\"%s\" is no mail address."), ctl->options.test_mail);
	if (ctl->options.fix) {
		if (geteuid() != 0) {
			complain(_("--fix is for root."));
			return EXIT_REFUSED;
		}
		fixes = fixes_new(ctl->options.dry_run);
		if (!fixes)
			return EXIT_FAILED;
		doctor.fixes = fixes;
		doctor.collecting = true;
		r = doctor_mend(ctl, &doctor);
	}
	looked = doctor_look(ctl, &doctor);
	return r != 0 ? r : looked;
}
