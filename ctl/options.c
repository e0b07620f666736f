/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line: one table of options, and which verb takes which is in the table of verbs. */

#include <getopt.h>
#include <string.h>

#include "output.h"
#include "verbs.h"

#define OPTIONS_MAX 40
#define NUMBER_DIGITS_MAX 7

typedef enum OptionType {
	TYPE_FLAG,
	TYPE_TEXT,
	TYPE_NUMBER,
	TYPE_JSON,
	TYPE_JSON_FLAG,
	TYPE_BATCH
} OptionType;

typedef struct Option {
	const char *name;
	char letter;  /* 0: none */
	unsigned bit; /* OptionBit; 0: every verb takes it */
	OptionType type;
	size_t offset; /* in Options */
	const char *value;
	const char *help;
} Option;

#define AT(field) offsetof(Options, field)

/* clang-format off */
static const Option option_table[] = {
	{ "help", 'h', 0, TYPE_FLAG, AT(help), NULL, N_("this help, or that of the verb") },
	{ "version", 0, 0, TYPE_FLAG, AT(version), NULL, N_("the version") },
	{ "json", 0, 0, TYPE_JSON, AT(output), "MODE",
	  N_("short, pretty or off: what the service answers, as JSON") },
	{ NULL, 'j', 0, TYPE_JSON_FLAG, AT(output), NULL,
	  N_("--json=pretty on a terminal, else --json=short") },
	{ "socket", 0, 0, TYPE_TEXT, AT(socket), "PATH",
	  N_("another socket than /run/pwreset/ctl") },
	{ "no-legend", 0, 0, TYPE_FLAG, AT(no_legend), NULL,
	  N_("tables without their first line") },
	{ "quiet", 'q', 0, TYPE_FLAG, AT(quiet), NULL, N_("no progress and no remarks") },
	{ "all", 'a', OPT_ALL, TYPE_FLAG, AT(all), NULL, N_("what is in order as well") },
	{ "fix", 0, OPT_FIX, TYPE_FLAG, AT(fix), NULL,
	  N_("mend owners, modes and units that are ours") },
	{ "dry-run", 0, OPT_DRY_RUN, TYPE_FLAG, AT(dry_run), NULL,
	  N_("only say what --fix would do") },
	{ "canary", 0, OPT_CANARY, TYPE_FLAG, AT(canary), NULL,
	  N_("insist on a redemption on the entry of decoy-dn=") },
	{ "test-mail", 0, OPT_TEST_MAIL, TYPE_TEXT, AT(test_mail), "ADDRESS",
	  N_("send a mail for real") },
	{ "batch", 0, OPT_BATCH, TYPE_BATCH, AT(batch), "[=ID]",
	  N_("for scripts, or the id of the run to go on with") },
	{ "file", 0, OPT_FILE, TYPE_TEXT, AT(file), "PATH",
	  N_("user names, a line each; - is stdin") },
	{ "filter", 0, OPT_FILTER, TYPE_TEXT, AT(filter), "FILTER",
	  N_("everybody whom this LDAP filter selects") },
	{ "user", 0, OPT_USER, TYPE_TEXT, AT(user), "USER", N_("for whom") },
	{ "by", 0, OPT_BY, TYPE_TEXT, AT(by), "USER", N_("by whom: a name or a uid") },
	{ "since", 0, OPT_SINCE, TYPE_TEXT, AT(since), "TIME",
	  N_("not before: 2026-11-21 08:00, today, yesterday, -2h") },
	{ "until", 0, OPT_UNTIL, TYPE_TEXT, AT(until), "TIME", N_("not after") },
	{ "lines", 'n', OPT_LINES, TYPE_NUMBER, AT(lines), "N", N_("the last N only") },
	{ "follow", 'f', OPT_FOLLOW, TYPE_FLAG, AT(follow), NULL, N_("wait for more") },
	{ "language", 0, OPT_LANGUAGE, TYPE_TEXT, AT(language), "TAG",
	  N_("such as de, instead of the locale's") },
	{ "once", 0, OPT_ONCE, TYPE_FLAG, AT(once), NULL,
	  N_("forget it after the next recovery, or after 24 hours") },
	{ "generate", 0, OPT_GENERATE, TYPE_FLAG, AT(generate), NULL,
	  N_("make a password and show it") },
	{ "temporary", 0, OPT_TEMPORARY, TYPE_FLAG, AT(temporary), NULL,
	  N_("to be changed at the next login, and it expires") },
	{ "mail", 0, OPT_MAIL, TYPE_FLAG, AT(mail), NULL, N_("make a password and mail it") },
	{ "stdin", 0, OPT_STDIN, TYPE_FLAG, AT(from_stdin), NULL,
	  N_("read what would be asked for from stdin, a line each") },
	{ "days", 0, OPT_DAYS, TYPE_NUMBER, AT(days), "N", N_("how many days ahead (14)") },
	{ "hashes", 0, OPT_HASHES, TYPE_TEXT, AT(hashes), "KIND",
	  N_("the lines are sha1 or ntlm digests, as Pwned Passwords has them") },
	{ "min-count", 0, OPT_MIN_COUNT, TYPE_NUMBER, AT(min_count), "N",
	  N_("leave out digests that were seen less often") },
	{ "central", 0, OPT_CENTRAL, TYPE_TEXT, AT(central), "NAME",
	  N_("by what name the fleet's host finds this one") },
	{ "schema", 0, OPT_SCHEMA, TYPE_FLAG, AT(schema), NULL,
	  N_("the attributes and the class") },
	{ "acl", 0, OPT_ACL, TYPE_FLAG, AT(acl), NULL, N_("the access rules") },
	{ "index", 0, OPT_INDEX, TYPE_FLAG, AT(index), NULL, N_("the indices") },
	{ "ppolicy", 0, OPT_PPOLICY, TYPE_FLAG, AT(ppolicy), NULL,
	  N_("the access rules that the ppolicy overlay needs as well") },
	{ "suffix", 0, OPT_SUFFIX, TYPE_TEXT, AT(suffix), "DN",
	  N_("the database's suffix, if it is not the end of base=") },
	{ "service", 0, OPT_SERVICE, TYPE_TEXT, AT(service), "DN", N_("the service's own entry") },
	{ "database", 0, OPT_DATABASE, TYPE_TEXT, AT(database), "DN",
	  N_("the database's entry in cn=config (olcDatabase={1}mdb,cn=config)") },
};
/* clang-format on */

/* getopt's answer for the option at index i; above what a letter can be. */
#define CODE_BASE 256

static void getopt_tables(struct option *longs, char *shorts)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++) {
		const Option *o = &option_table[i];
		bool value = o->type == TYPE_TEXT || o->type == TYPE_NUMBER || o->type == TYPE_JSON;

		if (o->name)
			longs[n++] = (struct option){
				.name = o->name,
				.has_arg = o->type == TYPE_BATCH ? optional_argument
					   : value               ? required_argument
								 : no_argument,
				.val = CODE_BASE + (int)i,
			};
		if (o->letter) {
			*shorts++ = o->letter;
			if (value)
				*shorts++ = ':';
		}
	}
	longs[n] = (struct option){ 0 };
	*shorts = '\0';
}

static const Option *option_by_code(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++)
		if (code == CODE_BASE + (int)i ||
		    (option_table[i].letter && code == option_table[i].letter))
			return &option_table[i];
	return NULL;
}

static int set_number(const Ctl *ctl, const Option *option, const char *text, unsigned *ret)
{
	size_t len = strlen(text);
	unsigned n = 0;

	if (len <= NUMBER_DIGITS_MAX && strspn(text, "0123456789") == len)
		for (const char *p = text; *p; p++)
			n = n * 10 + (unsigned)(*p - '0');
	if (n == 0)
		return complain_usage(ctl, _("--%s=%s is not a number from 1 to 9999999."),
				      option->name, text);
	*ret = n;
	return 0;
}

static int set_json(const Ctl *ctl, const char *text, OutputMode *ret)
{
	static const char *const words[] = {
		[OUTPUT_TABLE] = "off", [OUTPUT_SHORT] = "short", [OUTPUT_PRETTY] = "pretty"
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(text, words[i]) == 0) {
			*ret = (OutputMode)i;
			return 0;
		}
	return complain_usage(ctl, _("--json=%s is not known: it is short, pretty or off."), text);
}

static int option_set(Ctl *ctl, const Option *option, char *value)
{
	void *at = (char *)&ctl->options + option->offset;

	switch (option->type) {
	case TYPE_FLAG:
		*(bool *)at = true;
		return 0;
	case TYPE_TEXT:
		*(const char **)at = value;
		return 0;
	case TYPE_NUMBER:
		return set_number(ctl, option, value, at);
	case TYPE_JSON:
		return set_json(ctl, value, at);
	case TYPE_JSON_FLAG:
		*(OutputMode *)at = isatty(STDOUT_FILENO) ? OUTPUT_PRETTY : OUTPUT_SHORT;
		return 0;
	case TYPE_BATCH:
		*(bool *)at = true;
		ctl->options.batch_id = value;
		return 0;
	}
	return EXIT_USAGE;
}

/*
 * Which options were given must suit the verb; an option without effect would be taken for one with
 * it.
 */
static int check_verb(const Ctl *ctl, unsigned given)
{
	const Verb *verb = ctl->verb;

	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++)
		if ((given & option_table[i].bit) && !(verb->options & option_table[i].bit))
			return complain_usage(ctl, _("%s takes no --%s."), verb->name,
					      option_table[i].name);
	if (ctl->n_args < verb->min_args)
		return complain_usage(ctl, _("%s needs %s."), verb->name, verb->arguments);
	if (ctl->n_args > verb->max_args)
		return complain_usage(ctl, _("\"%s\" is too much: it is %s%s%s."),
				      ctl->args[verb->max_args], verb->name,
				      verb->arguments ? " " : "",
				      verb->arguments ? verb->arguments : "");
	return 0;
}

int options_parse(Ctl *ctl, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX];
	char shorts[OPTIONS_MAX];
	unsigned given = 0;
	int code, r;

	_Static_assert(ARRAY_SIZE(option_table) < OPTIONS_MAX, "OPTIONS_MAX is too small");
	ctl->options = (Options){ .socket = NULL, .days = 14 };
	getopt_tables(longs, shorts);
	while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const Option *option = option_by_code(code);

		/* getopt has said which option it does not know. */
		if (!option)
			return complain_usage(ctl, NULL);
		r = option_set(ctl, option, optarg);
		if (r != 0)
			return r;
		given |= option->bit;
	}
	if (ctl->options.version)
		return 0;
	if (optind < argc) {
		ctl->verb = verb_find(argv[optind]);
		if (!ctl->verb)
			return complain_usage(ctl, _("There is no verb \"%s\"."), argv[optind]);
		ctl->args = argv + optind + 1;
		ctl->n_args = argc - optind - 1;
	}
	if (ctl->options.help)
		return 0;
	if (!ctl->verb)
		return complain_usage(ctl, _("Which verb?"));
	return check_verb(ctl, given);
}

static void help_line(FILE *f, const char *name, size_t column, const char *text)
{
	size_t width = text_width(name);

	fprintf(f, "  %s%*s %s\n", name, (int)(width < column ? column - width : 0), "", text);
}

static void help_option(FILE *f, const Option *o)
{
	char name[40];
	int n = 0;

	if (o->letter)
		n = snprintf(name, sizeof(name), "-%c%s", o->letter, o->name ? ", " : "");
	if (o->name)
		snprintf(name + n, sizeof(name) - (size_t)n, "--%s%s%s", o->name,
			 o->value && o->type != TYPE_BATCH ? "=" : "", o->value ? o->value : "");
	help_line(f, name, 22, _(o->help));
}

static void help_options(FILE *f, unsigned bits, bool common)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++)
		if (common ? option_table[i].bit == 0 : (option_table[i].bit & bits) != 0)
			help_option(f, &option_table[i]);
}

void help_verb(FILE *f, const Verb *verb)
{
	fprintf(f, "pwresetctl [%s] %s%s%s\n\n%s\n", _("OPTIONS"), verb->name,
		verb->arguments ? " " : "", verb->arguments ? verb->arguments : "", _(verb->help));
	if (verb->details)
		fprintf(f, "\n%s\n", _(verb->details));
	fprintf(f, "\n%s\n", _("Options:"));
	help_options(f, verb->options, false);
	help_options(f, 0, true);
}

void help_tool(FILE *f)
{
	static const char *const titles[_GROUP_MAX] = {
		[GROUP_SELF] = N_("For oneself:"),
		[GROUP_STAFF] = N_("For IT staff:"),
		[GROUP_SYSTEM] = N_("For administrators of this system:"),
	};

	fprintf(f, "pwresetctl [%s] %s …\n\n%s\n", _("OPTIONS"), _("VERB"),
		_("Recover access to accounts."));
	for (unsigned group = 0; group < _GROUP_MAX; group++) {
		fprintf(f, "\n%s\n", _(titles[group]));
		for (const Verb *v = verbs; v->name; v++) {
			char name[64];

			if (v->group != group)
				continue;
			snprintf(name, sizeof(name), "%s%s%s", v->name, v->arguments ? " " : "",
				 v->arguments ? v->arguments : "");
			help_line(f, name, 38, _(v->help));
		}
	}
	fprintf(f, "\n%s\n", _("Options:"));
	help_options(f, 0, true);
	fprintf(f, "\n%s\n", _("pwresetctl VERB --help tells more; so does pwresetctl(1)."));
}
