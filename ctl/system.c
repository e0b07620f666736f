/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service itself: its figures, a test mail, reminders, and a new pepper. */

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "output.h"
#include "progress.h"
#include "validate.h"
#include "verbs.h"

#define PEPPER_KEY_SIZE 32

static void print_count(const JsonNode *reply, const char *key, const char *label)
{
	char text[24];
	int64_t n = 0;

	json_get_integer(reply, key, &n);
	snprintf(text, sizeof(text), "%" PRId64, n);
	field_print(stdout, label, text);
}

int verb_statistics(Ctl *ctl)
{
	const char *version;
	const JsonNode *reply;
	int64_t oldest = 0;
	char text[32];
	int r;

	r = ctl_call_user(ctl, "org.pwreset.Service.GetStatus", NULL, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	version = json_get_string(reply, "version");
	field_print(stdout, _("Version"), version ? version : "?");
	print_count(reply, "queued", _("Requests waiting"));
	if (json_get_integer(reply, "oldest", &oldest) && oldest > 0) {
		span_format(oldest, text, sizeof(text));
		field_print(stdout, _("The oldest since"), text);
	}
	print_count(reply, "sent", _("Mails sent"));
	print_count(reply, "failed", _("Mails failed"));
	print_count(reply, "refused", _("Calls refused"));
	return 0;
}

static void print_step(const JsonNode *step)
{
	const char *name = json_get_string(step, "step"), *text = json_get_string(step, "text");
	const char *remedy = json_get_string(step, "remedy");

	fputs(json_get_bool(step, "ok", false) ? _("ok      ") : _("FAILED  "), stdout);
	text_print(stdout, name ? name : "?");
	if (text && text[0] != '\0') {
		fputs(": ", stdout);
		text_print(stdout, text);
	}
	putchar('\n');
	if (remedy) {
		fputs("        ", stdout);
		text_print(stdout, remedy);
		putchar('\n');
	}
}

int verb_test_mail(Ctl *ctl)
{
	const JsonNode *reply, *steps;
	JsonWriter *w;
	bool delivered;
	int r;

	if (!mail_address_valid(ctl->args[0]))
		return complain_usage(ctl, _("\"%s\" is no mail address."), ctl->args[0]);
	r = ctl_open(ctl, "org.pwreset.Service.TestMail", &w);
	if (r != 0)
		return r;
	json_put_string(w, "address", ctl->args[0]);
	r = ctl_call(ctl, &reply);
	if (r != 0)
		return r;
	delivered = json_get_bool(reply, "delivered", false);
	if (output_json(ctl, reply))
		return delivered ? 0 : EXIT_FAILED;
	steps = json_get(reply, "steps");
	if (steps && steps->type == JSON_ARRAY)
		JSON_FOREACH(it, steps)
			print_step(it);
	puts(delivered ? _("The relay has taken the message; look into the mailbox.")
		       : _("The relay has not taken the message."));
	return delivered ? 0 : EXIT_FAILED;
}

/*
 * All parts of one call; *after: where to go on, "" at the end. Who was reminded once is not again,
 * so any failure may be repeated.
 */
static int remind_call(Ctl *ctl, Progress *progress, char *after, size_t size)
{
	VarlinkReply reply;
	JsonWriter *w;
	int r;

	r = ctl_open_more(ctl, "org.pwreset.Admin.RemindExpiry", &w);
	if (r != 0)
		return r;
	json_put_integer(w, "days", ctl->options.days);
	if (after[0] != '\0')
		json_put_string(w, "after", after);
	r = ctl_exchange(ctl, &reply);
	while (r == 0 && !reply.error) {
		const char *next = json_get_string(reply.parameters, "next");
		int64_t n = 0;

		json_get_integer(reply.parameters, "reminded", &n);
		progress_update(progress, progress->done + (size_t)(n > 0 ? n : 0), 0);
		if (next && strcmp(next, after) <= 0)
			next = NULL;
		snprintf(after, size, "%s", next ? next : "");
		if (!reply.continues)
			return 0;
		r = ctl_next(ctl, &reply);
	}
	progress_clear(progress);
	return r != 0 ? r : failure_report(&reply);
}

int verb_remind_expiry(Ctl *ctl)
{
	char after[USER_NAME_MAX + 1] = "";
	Progress progress;
	int r;

	progress_start(&progress, 0, ctl->options.quiet);
	do
		r = remind_call(ctl, &progress, after, sizeof(after));
	while (r == 0 && after[0] != '\0');
	progress_clear(&progress);
	if (r != 0)
		return r;
	if (ctl->options.output != OUTPUT_TABLE)
		printf("{\"reminded\":%zu}\n", progress.done);
	else if (!ctl->options.quiet)
		printf(_("People reminded: %zu.\n"), progress.done);
	return 0;
}

/* The key's name is its day and something that two keys of one day do not share. */
int verb_pepper(Ctl *ctl UNUSED)
{
	uint8_t bytes[PEPPER_KEY_SIZE + 3];
	char text[BASE64_SIZE(PEPPER_KEY_SIZE)], mark[5], day[16];
	time_t now = time(NULL);
	struct tm tm;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes) || !gmtime_r(&now, &tm)) {
		complain(_("There is no randomness: %s"), strerror(errno));
		return EXIT_FAILED;
	}
	strftime(day, sizeof(day), "%Y%m%d", &tm);
	base64_encode(bytes, PEPPER_KEY_SIZE, text, sizeof(text));
	base64url_encode(bytes + PEPPER_KEY_SIZE, 3, mark, sizeof(mark));
	printf("%s-%s:%s\n", day, mark, text);
	fflush(stdout);
	memory_wipe(bytes, sizeof(bytes));
	memory_wipe(text, sizeof(text));
	return 0;
}
