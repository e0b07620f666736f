/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verb fleet: which hosts there are and how they stand; adding, removing and letting in again.
 */

#include "fleet.h"

#include <inttypes.h>
#include <string.h>

#include "names.h"
#include "output.h"
#include "verbs.h"

#define SERVICE "org.pwreset.Service."

static bool names_hold(const Names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcasecmp(names->list[i], name) == 0)
			return true;
	return false;
}

/* The hosts of FLEET_KEYS, each once. A file that is not there has none. */
static int hosts_read(Names *hosts)
{
	char line[FLEET_LINE_MAX], host[HOST_NAME_MAX_LEN + 1];
	FILE *file = fopen(FLEET_KEYS, "re");
	int r = 0;

	if (!file && errno != ENOENT) {
		complain("%s: %s", FLEET_KEYS, strerror(errno));
		return EXIT_FAILED;
	}
	while (r == 0 && file && fgets(line, sizeof(line), file))
		if (fleet_line_host(line, host) && !names_hold(hosts, host))
			r = names_add(hosts, host);
	if (file)
		fclose(file);
	return r;
}

static int host_call(Ctl *ctl, const char *method, const char *host, const JsonNode **ret)
{
	JsonWriter *w;
	int r;

	r = ctl_open(ctl, method, &w);
	if (r != 0)
		return r;
	json_put_string(w, "host", host);
	return ctl_call(ctl, ret);
}

static void row_add(Table *table, const char *host, const JsonNode *reply)
{
	int64_t connections = 0, guesses = 0, seconds = 0;
	char text[32];

	json_get_integer(reply, "connections", &connections);
	json_get_integer(reply, "guesses", &guesses);
	json_get_integer(reply, "seconds", &seconds);
	table_add(table, host);
	snprintf(text, sizeof(text), "%" PRId64, connections);
	table_add(table, text);
	snprintf(text, sizeof(text), "%" PRId64, guesses);
	table_add(table, text);
	if (seconds > 0)
		span_format(seconds, text, sizeof(text));
	table_add(table, seconds > 0 ? text : NULL);
}

static int fleet_list(Ctl *ctl)
{
	const char *const headers[] = { _("HOST"), _("CONNECTIONS"), _("WRONG GUESSES"),
					_("CUT OFF FOR") };
	CLEANUP(table_freep) Table *table = table_new(headers, ARRAY_SIZE(headers));
	AUTO_NAMES Names hosts = { 0 };
	int r;

	if (!table)
		return EXIT_FAILED;
	r = hosts_read(&hosts);
	for (size_t i = 0; r == 0 && i < hosts.n; i++) {
		const JsonNode *reply;

		r = host_call(ctl, SERVICE "GetHost", hosts.list[i], &reply);
		if (r == 0 && !output_json(ctl, reply))
			row_add(table, hosts.list[i], reply);
	}
	if (r == 0 && ctl->options.output == OUTPUT_TABLE)
		table_print(table, stdout, !ctl->options.no_legend);
	return r;
}

static int fleet_add(Ctl *ctl, const char *host)
{
	char line[FLEET_LINE_MAX] = "", key[FLEET_KEY_MAX], name[HOST_NAME_MAX_LEN + 1] = "";
	const char *file = ctl->n_args > 2 ? ctl->args[2] : NULL, *central = ctl->options.central;

	if (file) {
		bool is_stdin = strcmp(file, "-") == 0;
		FILE *f = is_stdin ? stdin : fopen(file, "re");

		if (!f) {
			complain("%s: %s", file, strerror(errno));
			return EXIT_FAILED;
		}
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		if (!is_stdin)
			fclose(f);
		if (!fleet_key_parse(line, key))
			return complain_usage(ctl, _("%s holds no public key of ssh."), file);
	}
	if (!central && gethostname(name, sizeof(name) - 1) == 0)
		central = name;
	if (!central || !host_valid(central))
		return complain_usage(ctl, _("This host has no name that another could call it by: "
					     "give --central=NAME."));
	fleet_add_print(host, central, file ? key : NULL);
	return 0;
}

/* The key is the administrator's to take away; until then the host is kept out by its name. */
static int fleet_remove(Ctl *ctl, const char *host)
{
	int r = host_call(ctl, SERVICE "CutHost", host, NULL);

	if (r != 0)
		return r;
	printf(_("# %s is cut off for a day, and its connections have ended. For good, on every "
		 "host that runs pwresetd:\n"),
	       host);
	fleet_forget_print(host);
	return 0;
}

int verb_fleet(Ctl *ctl)
{
	const char *what = ctl->n_args > 0 ? ctl->args[0] : "list",
		   *host = ctl->n_args > 1 ? ctl->args[1] : NULL;

	if (strcmp(what, "list") == 0 && !host)
		return fleet_list(ctl);
	if (host && !host_valid(host))
		return complain_usage(ctl, _("\"%s\" is no host name."), host);
	if (host && strcmp(what, "add") == 0)
		return fleet_add(ctl, host);
	if (host && ctl->n_args == 2 && strcmp(what, "remove") == 0)
		return fleet_remove(ctl, host);
	if (host && ctl->n_args == 2 && strcmp(what, "lift") == 0)
		return host_call(ctl, SERVICE "LiftHost", host, NULL);
	return complain_usage(
		ctl, _("What is wanted of the fleet? list, add HOST, remove HOST or lift HOST."));
}
