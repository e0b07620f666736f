/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * send-link, for one or for many. A run is cut into calls, and each is answered in parts; the run's
 * id makes each name's second asking harmless, so that whatever fails on the way is simply asked
 * again, here or by the next run with --batch=ID.
 */

#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "names.h"
#include "output.h"
#include "progress.h"
#include "validate.h"
#include "verbs.h"

#define CALL_USERS_MAX 500   /* of the interface */
#define CALL_BYTES_MAX 56000 /* of a call and of its reply, whichever is longer */
/* around a name in the reply: {"user":"…","status":"…"}, with the longest status */
#define NAME_BYTES 56
#define TRIES_MAX 12 /* in a row without progress, the pauses between doubling */
#define PAUSE_MAX_S 30
#define BATCH_ID_BYTES 12
#define BATCH_ID_TEXT 16
/* with fewer names each result is shown, with more only what was refused */
#define SHOW_ALL_MAX 20

typedef struct Run {
	Ctl *ctl;
	Names names;
	const char *batch;
	char made[BATCH_ID_TEXT + 1];
	bool bulk;
	size_t done;
	size_t refused;
	Table *table;
	Progress progress;
} Run;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number UNUSED)
{
	interrupted = 1;
}

/* The part in hand is finished, so that the books are right; the second ^C kills. */
static void interrupt_catch(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static int names_collect(Run *run)
{
	Ctl *ctl = run->ctl;
	int sources =
		    (ctl->n_args > 0) + (ctl->options.file != NULL) + (ctl->options.filter != NULL),
	    r = 0;

	if (sources != 1)
		return complain_usage(ctl,
				      _("Name users, or give --file or --filter: one of these."));
	if (ctl->options.batch &&
	    (!ctl->options.batch_id || !text_valid(ctl->options.batch_id, 64)))
		return complain_usage(ctl, _("--batch=ID takes the id of the run to go on with."));
	if (ctl->options.file)
		return names_read_file(&run->names, ctl->options.file);
	if (ctl->options.filter)
		return names_find(ctl, &run->names, ctl->options.filter);
	for (int i = 0; i < ctl->n_args && r == 0; i++) {
		if (!user_name_valid(ctl->args[i]))
			return complain_usage(ctl, _("\"%s\" is no user name."), ctl->args[i]);
		r = names_add(&run->names, ctl->args[i]);
	}
	return r;
}

static int batch_make(Run *run)
{
	uint8_t bytes[BATCH_ID_BYTES];

	run->batch = run->ctl->options.batch_id;
	if (run->batch)
		return 0;
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		complain(_("There is no randomness: %s"), strerror(errno));
		return EXIT_FAILED;
	}
	base64url_encode(bytes, sizeof(bytes), run->made, sizeof(run->made));
	run->batch = run->made;
	return 0;
}

/* How to go on, as a command. */
static void say_resume(const Run *run)
{
	const Options *o = &run->ctl->options;

	if (o->file && strcmp(o->file, "-") != 0)
		fprintf(stderr, "  pwresetctl send-link --file='%s' --batch=%s\n", o->file,
			run->batch);
	else if (o->filter)
		fprintf(stderr, "  pwresetctl send-link --filter='%s' --batch=%s\n", o->filter,
			run->batch);
	else
		fprintf(stderr, _("  the same command with --batch=%s\n"), run->batch);
}

static void result_take(Run *run, const JsonNode *result)
{
	const char *user = json_get_string(result, "user"),
		   *status = json_get_string(result, "status");
	bool ok = status && strcmp(status, "ok") == 0;

	run->refused += !ok;
	if (!ok || !run->bulk) {
		table_add(run->table, user);
		table_add(run->table, status ? reason_text(status) : "?");
	}
}

static void results_take(Run *run, const JsonNode *parameters)
{
	const JsonNode *results = json_get(parameters, "results");
	size_t n = 0;

	if (results && results->type == JSON_ARRAY)
		JSON_FOREACH(it, results)
			if (run->done + n < run->names.n) {
				result_take(run, it);
				n++;
			}
	run->done += n;
	progress_update(&run->progress, run->done, run->refused);
	if (run->ctl->options.output != OUTPUT_TABLE) {
		progress_clear(&run->progress);
		output_json(run->ctl, parameters);
	}
}

static size_t name_cost(const char *name)
{
	size_t n = NAME_BYTES;

	for (; *name; name++)
		n += *name == '"' || *name == '\\' ? 2 : 1;
	return n;
}

/* As many names as fit into a call; its reply, should it come in one, has them all again. */
static size_t part_size(const Run *run)
{
	size_t n = 0, bytes = 0;

	while (run->done + n < run->names.n && n < CALL_USERS_MAX) {
		bytes += name_cost(run->names.list[run->done + n]);
		if (n > 0 && bytes > CALL_BYTES_MAX)
			break;
		n++;
	}
	return n;
}

static int call_write(Run *run)
{
	size_t n = part_size(run);
	JsonWriter *w;
	int r;

	r = ctl_open_more(run->ctl, "org.pwreset.Admin.SendLink", &w);
	if (r != 0)
		return r;
	json_open(w, "users", '[');
	for (size_t i = 0; i < n; i++)
		json_put_string(w, NULL, run->names.list[run->done + i]);
	json_close(w, ']');
	json_put_string(w, "batch", run->batch);
	return 0;
}

/* One call, as far as it gets: *again when it is worth another try after *pause seconds. */
static int call_send(Run *run, bool *again, int64_t *pause)
{
	VarlinkReply reply;
	int r;

	r = call_write(run);
	if (r == 0)
		r = ctl_exchange(run->ctl, &reply);
	while (r == 0 && !reply.error) {
		results_take(run, reply.parameters);
		if (!reply.continues)
			return 0;
		if (interrupted) {
			/* Who hangs up stops the rest. */
			ctl_disconnect(run->ctl);
			return 0;
		}
		r = ctl_next(run->ctl, &reply);
	}
	progress_clear(&run->progress);
	if (r != 0) {
		/*
		 * The broker may be starting anew; what it had taken, the id keeps from being done
		 * twice.
		 */
		*again = r == EXIT_UNREACHABLE;
		ctl_disconnect(run->ctl);
		return r;
	}
	*again = failure_exit(reply.error) == EXIT_LATER;
	if (*again)
		json_get_integer(reply.parameters, "seconds", pause);
	return failure_report(&reply);
}

/* Sleeps until the pause is over or somebody has had enough of it. */
static void pause_for(int64_t seconds)
{
	for (int64_t i = 0; i < seconds * 10 && !interrupted; i++)
		usleep(100000);
}

static int run_all(Run *run)
{
	unsigned tries = 0;
	int64_t pause = 1;

	/* Ends: each call takes names off, or it is one of TRIES_MAX. */
	while (run->done < run->names.n && !interrupted) {
		size_t before = run->done;
		int64_t asked = 0;
		bool again = false;
		int r = call_send(run, &again, &asked);

		if (r == 0 && run->done == before && !interrupted) {
			complain(_("What answers is not pwresetd, or not of this version."));
			return EXIT_UNREACHABLE;
		}
		if (run->done > before) {
			tries = 0;
			pause = 1;
		}
		if (r == 0)
			continue;
		/* Few names: a person waits, and can ask again. */
		if (!again || !run->bulk || interrupted || ++tries == TRIES_MAX)
			return r;
		pause_for(asked > pause ? (asked < PAUSE_MAX_S ? asked : PAUSE_MAX_S) : pause);
		pause = 2 * pause < PAUSE_MAX_S ? 2 * pause : PAUSE_MAX_S;
	}
	return 0;
}

static int run_report(Run *run, int r)
{
	const Options *o = &run->ctl->options;

	progress_clear(&run->progress);
	if (o->output == OUTPUT_TABLE && table_rows(run->table) > 0)
		table_print(run->table, stdout, !o->no_legend);
	if (run->done < run->names.n && run->bulk) {
		complain(_("Stopped after %zu of %zu. To go on:"), run->done, run->names.n);
		say_resume(run);
		return r != 0 ? r : 128 + SIGINT;
	}
	if (r != 0)
		return r;
	if (run->bulk && !o->quiet && o->output == OUTPUT_TABLE)
		printf(_("Links on their way: %zu, refused: %zu.\n"), run->done - run->refused,
		       run->refused);
	if (run->done < run->names.n)
		return 128 + SIGINT;
	if (run->refused == 0)
		return 0;
	return run->refused == run->names.n ? EXIT_REFUSED : EXIT_FAILED;
}

int verb_send_link(Ctl *ctl)
{
	const char *const headers[] = { _("USER"), _("RESULT") };
	CLEANUP(table_freep) Table *table = table_new(headers, ARRAY_SIZE(headers));
	Run run = { .ctl = ctl, .table = table };
	size_t repeated;
	int r;

	if (!table)
		return EXIT_FAILED;
	r = names_collect(&run);
	if (r == 0)
		r = names_unique(&run.names, &repeated);
	if (r == 0)
		r = batch_make(&run);
	if (r != 0 || run.names.n == 0) {
		if (r == 0)
			complain(
				ctl->options.filter
					? _("The filter selects nobody whom you may act on. The service searches by those attributes alone\n"
					    "  that the directory's access rules let it search by: pwresetctl schema --acl.")
					: _("There is nobody to send a link to."));
		names_deinit(&run.names);
		return r == 0 && ctl->options.filter ? EXIT_REFUSED : r;
	}
	run.bulk = run.names.n > SHOW_ALL_MAX || ctl->options.file || ctl->options.filter;
	if (run.bulk && !ctl->options.quiet) {
		fprintf(stderr, _("Run %s, names: %zu. If it is interrupted, go on with:\n"),
			run.batch, run.names.n);
		say_resume(&run);
		if (repeated > 0)
			fprintf(stderr, _("Named more than once and sent one link: %zu.\n"),
				repeated);
	}
	interrupt_catch();
	progress_start(&run.progress, run.names.n, ctl->options.quiet || !run.bulk);
	r = run_report(&run, run_all(&run));
	names_deinit(&run.names);
	return r;
}
