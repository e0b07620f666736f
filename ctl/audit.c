/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What pwresetd wrote into the journal. Anybody may write fields of these names there, so only
 * entries count of which journald itself says that they came from the daemon's unit, or from its
 * user.
 */

#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "output.h"
#include "verbs.h"
#include "when.h"

#define UNIT "pwresetd.service"
#define DAEMON_USER "pwreset"
#define VALUE_MAX 600

typedef struct Entry {
	int64_t time;
	char who[VALUE_MAX], what[2 * VALUE_MAX], user[VALUE_MAX], result[VALUE_MAX],
		from[2 * VALUE_MAX];
} Entry;

static sd_journal *journal_close(sd_journal *journal)
{
	sd_journal_close(journal);
	return NULL;
}
DEFINE_CLEANUP(sd_journal *, journal_close)

/* A field of the current entry, "" when it has none. */
static void field_get(sd_journal *journal, const char *name, char *ret, size_t size)
{
	size_t len, skip = strlen(name) + 1;
	const void *data;

	ret[0] = '\0';
	if (sd_journal_get_data(journal, name, &data, &len) < 0 || len < skip || len - skip >= size)
		return;
	memcpy(ret, (const char *)data + skip, len - skip);
	ret[len - skip] = '\0';
}

static int match_user(sd_journal *journal)
{
	const struct passwd *pw = getpwnam(DAEMON_USER);
	char match[40];

	/*
	 * Root may be trusted to be the daemon that was started by hand; it can write the journal's
	 * files anyway.
	 */
	snprintf(match, sizeof(match), "_UID=%lu", pw ? (unsigned long)pw->pw_uid : 0UL);
	return sd_journal_add_match(journal, match, 0);
}

/* (unit or user) and one of our events, and what was asked for. */
static int journal_filter(sd_journal *journal, const Options *o)
{
	static const char *const events[] = { "call", "denied",  "limited", "cut",
					      "mail", "put-off", "resumed" };
	char match[VALUE_MAX];
	int r;

	r = sd_journal_add_match(journal, "_SYSTEMD_UNIT=" UNIT, 0);
	if (r >= 0)
		r = sd_journal_add_disjunction(journal);
	if (r >= 0)
		r = match_user(journal);
	if (r >= 0)
		r = sd_journal_add_conjunction(journal);
	for (size_t i = 0; i < ARRAY_SIZE(events) && r >= 0; i++) {
		snprintf(match, sizeof(match), "PWRESET_EVENT=%s", events[i]);
		r = sd_journal_add_match(journal, match, 0);
	}
	if (o->user && r >= 0) {
		r = sd_journal_add_conjunction(journal);
		snprintf(match, sizeof(match), "PWRESET_USER=%s", o->user);
		if (r >= 0)
			r = sd_journal_add_match(journal, match, 0);
	}
	return r;
}

/* --by: a name or a number. */
static int filter_by(sd_journal *journal, const char *by)
{
	const struct passwd *pw = getpwnam(by);
	char uid[24], match[64];
	int r;

	if (pw)
		snprintf(uid, sizeof(uid), "%lu", (unsigned long)pw->pw_uid);
	else if (by[0] != '\0' && strlen(by) < 12 && strspn(by, "0123456789") == strlen(by))
		snprintf(uid, sizeof(uid), "%s", by);
	else
		return -ESRCH;
	r = sd_journal_add_conjunction(journal);
	snprintf(match, sizeof(match), "PWRESET_CALLER_UID=%s", uid);
	if (r >= 0)
		r = sd_journal_add_match(journal, match, 0);
	if (r >= 0)
		r = sd_journal_add_disjunction(journal);
	snprintf(match, sizeof(match), "PWRESET_REQUESTER=%s", uid);
	return r < 0 ? r : sd_journal_add_match(journal, match, 0);
}

/*
 * Appends a field, if there is one, without a beginning that says nothing new, behind a blank if
 * something stands there.
 */
static void field_append(sd_journal *journal, const char *name, const char *skip, Buf *buf)
{
	char text[VALUE_MAX];
	size_t len = strlen(skip);

	field_get(journal, name, text, sizeof(text));
	if (text[0] == '\0')
		return;
	if (buf->len > 0)
		buf_putc(buf, ' ');
	buf_puts(buf, strncmp(text, skip, len) == 0 ? text + len : text);
}

static void entry_read(sd_journal *journal, Entry *e)
{
	Buf what = BUF(e->what), result = BUF(e->result), from = BUF(e->from);
	char uid[VALUE_MAX];
	uint64_t us = 0;

	*e = (Entry){ 0 };
	sd_journal_get_realtime_usec(journal, &us);
	e->time = (int64_t)(us / 1000000);
	field_get(journal, "PWRESET_CALLER_UID", uid, sizeof(uid));
	if (uid[0] == '\0')
		field_get(journal, "PWRESET_REQUESTER", uid, sizeof(uid));
	who_format(uid, e->who, sizeof(e->who));
	field_get(journal, "PWRESET_USER", e->user, sizeof(e->user));
	field_append(journal, "PWRESET_METHOD", "org.pwreset.", &what);
	if (what.len == 0) {
		field_append(journal, "PWRESET_EVENT", "", &what);
		field_append(journal, "PWRESET_KIND", "", &what);
	}
	field_append(journal, "PWRESET_RESULT", "org.pwreset.Failure.", &result);
	field_append(journal, "PWRESET_HOST", "", &from);
	field_append(journal, "PWRESET_SOURCE", "", &from);
	if (from.len == 0)
		field_append(journal, "PWRESET_SOCKET", "", &from);
}

/* A line of JSON each, as journalctl -o json does. */
static void entry_print_json(const Entry *e)
{
	char memory[8 * 6 * VALUE_MAX];
	Buf buf = BUF(memory);
	JsonWriter w = JSON_WRITER(&buf);
	const char *const members[][2] = {
		{ "who", e->who },       { "what", e->what }, { "user", e->user },
		{ "result", e->result }, { "from", e->from },
	};

	json_open(&w, NULL, '{');
	json_put_integer(&w, "time", e->time);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		AUTO_FREE char *clean = text_clean(members[i][1]);

		if (clean && clean[0] != '\0')
			json_put_string(&w, members[i][0], clean);
	}
	json_close(&w, '}');
	puts(memory);
}

static void entry_add(Table *table, const Entry *e)
{
	table_add_time(table, e->time);
	table_add(table, e->who);
	table_add(table, e->what);
	table_add(table, e->user);
	table_add(table, e->result);
	table_add(table, e->from);
}

/* While following nobody knows the widest cell: columns that fit what is usual. */
static void entry_print_line(const Entry *e)
{
	const char *const cells[] = { e->who, e->what, e->user, e->result };
	static const size_t widths[] = { 12, 26, 16, 12 };
	char time[TIME_TEXT];

	time_format(e->time, time, sizeof(time));
	fputs(time, stdout);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		const char *cell = cells[i][0] != '\0' ? cells[i] : "-";
		size_t width = text_width(cell);

		fputs("  ", stdout);
		text_print(stdout, cell);
		printf("%*s", (int)(width < widths[i] ? widths[i] - width : 0), "");
	}
	fputs("  ", stdout);
	text_print(stdout, e->from);
	putchar('\n');
	fflush(stdout);
}

static Table *audit_table(void)
{
	const char *const headers[] = { _("TIME"), _("WHO"),    _("WHAT"),
					_("FOR"),  _("RESULT"), _("FROM") };

	return table_new(headers, ARRAY_SIZE(headers));
}

/* Goes to the first entry that is wanted; the next sd_journal_next() gives it. */
static int journal_seek(sd_journal *journal, const Options *o, int64_t since, int64_t until)
{
	int r;

	if (o->lines == 0 && !o->follow)
		return since > 0 ? sd_journal_seek_realtime_usec(journal, (uint64_t)since * 1000000)
				 : sd_journal_seek_head(journal);
	/* The last ones are counted from the end of what is wanted, not of all. */
	r = until < INT64_MAX
		    ? sd_journal_seek_realtime_usec(journal, ((uint64_t)until + 1) * 1000000)
		    : sd_journal_seek_tail(journal);
	/* One more back, because what follows begins with the next. */
	if (r >= 0)
		r = sd_journal_previous_skip(journal, (o->lines > 0 ? o->lines : 10) + 1);
	if (r >= 0 && (unsigned)r <= (o->lines > 0 ? o->lines : 10))
		r = sd_journal_seek_head(journal);
	return r;
}

static int journal_show(Ctl *ctl, sd_journal *journal, int64_t since, int64_t until)
{
	const Options *o = &ctl->options;
	CLEANUP(table_freep) Table *table = audit_table();
	bool lines = o->follow || o->output != OUTPUT_TABLE;
	Entry entry;
	int r;

	if (!table)
		return -ENOMEM;
	r = journal_seek(journal, o, since, until);
	while (r >= 0) {
		r = sd_journal_next(journal);
		if (r == 0 && o->follow)
			r = sd_journal_wait(journal, UINT64_MAX) >= 0 ? 1 : -EIO;
		else if (r <= 0)
			break;
		else {
			entry_read(journal, &entry);
			if (entry.time > until)
				break;
			if (entry.time < since)
				continue;
			if (!lines)
				entry_add(table, &entry);
			else if (o->output == OUTPUT_TABLE)
				entry_print_line(&entry);
			else
				entry_print_json(&entry);
		}
	}
	if (!lines)
		table_print(table, stdout, !o->no_legend);
	/* The journal shows each user their own part, without a word that there is more. */
	if (!lines && table_rows(table) == 0 && geteuid() != 0 && !o->quiet)
		complain(_(
			"Nothing was found. All is shown only to root and to the groups systemd-journal and adm."));
	return r;
}

int verb_audit(Ctl *ctl)
{
	CLEANUP(journal_closep) sd_journal *journal = NULL;
	const Options *o = &ctl->options;
	int64_t since = 0, until = INT64_MAX;
	int r;

	if ((o->since && when_parse(o->since, time(NULL), &since) < 0) ||
	    (o->until && when_parse(o->until, time(NULL), &until) < 0))
		return complain_usage(
			ctl,
			_("A time is 2026-11-21, \"2026-11-21 08:00\", today, yesterday, now or -2h, -30min, -7d."));
	r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
	if (r >= 0)
		r = journal_filter(journal, o);
	if (r >= 0 && o->by) {
		r = filter_by(journal, o->by);
		if (r == -ESRCH)
			return complain_usage(ctl, _("\"%s\" is no user of this host."), o->by);
	}
	if (r >= 0)
		r = journal_show(ctl, journal, since, until);
	if (r < 0) {
		complain(_("The journal cannot be read: %s"), strerror(-r));
		return EXIT_FAILED;
	}
	return 0;
}
