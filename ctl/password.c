/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the policy says, about one password or about many. */

#include <string.h>

#include "output.h"
#include "prompt.h"
#include "verbs.h"

#define LINE_MAX_BYTES 4096 /* of a batch: password, login, name */
#define WAIT_MAX_S 60

static void put_words(JsonWriter *w, const char *login, const char *name)
{
	json_open(w, "words", '[');
	if (login && login[0] != '\0')
		json_put_string(w, NULL, login);
	for (const char *p = name ? name : ""; *p;) {
		size_t len = strcspn(p, " ,;");

		if (len > 0)
			json_put_string_n(w, NULL, p, len);
		p += len;
		p += strspn(p, " ,;");
	}
	json_close(w, ']');
}

static void print_list(const JsonNode *list, const char *(*words)(const char *code))
{
	if (!list || list->type != JSON_ARRAY)
		return;
	JSON_FOREACH(it, list)
		if (it->type == JSON_STRING) {
			fputs("  ", stdout);
			text_print(stdout, words(it->string));
			fputc('\n', stdout);
		}
}

static int check_one(Ctl *ctl)
{
	AUTO_SECRET Secret password = SECRET_NULL;
	const char *user = ctl->options.user ? ctl->options.user : own_name();
	const JsonNode *reply;
	int64_t bits = 0;
	JsonWriter *w;
	bool accepted;
	int r;

	r = prompt_secret(&password, _("Password to check: "), PROMPT_HIDDEN,
			  ctl->options.from_stdin);
	if (r < 0)
		return prompt_complain(r);
	r = ctl_open(ctl, "org.pwreset.Password.Check", &w);
	if (r != 0)
		return r;
	put_secret(w, "password", &password);
	if (user)
		json_put_string(w, "user", user);
	r = ctl_call(ctl, &reply);
	if (r != 0)
		return r;
	accepted = json_get_bool(reply, "accepted", false);
	if (!output_json(ctl, reply)) {
		json_get_integer(reply, "bits", &bits);
		printf(accepted ? _("Good: about %lld bits.\n")
				: _("Not good enough: about %lld bits.\n"),
		       (long long)bits);
		print_list(json_get(reply, "reasons"), policy_reason_text);
		print_list(json_get(reply, "hints"), policy_hint_text);
	}
	return accepted ? 0 : EXIT_REFUSED;
}

/* "ok", or the codes of what is wrong. */
static void print_codes(const Ctl *ctl, const JsonNode *reply)
{
	const JsonNode *reasons = json_get(reply, "reasons");
	const char *before = "";

	if (output_json(ctl, reply))
		return;
	if (json_get_bool(reply, "accepted", false)) {
		puts("ok");
		return;
	}
	if (reasons && reasons->type == JSON_ARRAY)
		JSON_FOREACH(it, reasons)
			if (it->type == JSON_STRING) {
				fputs(before, stdout);
				text_print(stdout, it->string);
				before = " ";
			}
	fputc('\n', stdout);
}

/* Too many calls are no failure of a batch, only a pause. */
static int check_patiently(Ctl *ctl, const Secret *password, const char *login, const char *name)
{
	VarlinkReply reply;
	int64_t seconds = 1;
	JsonWriter *w;
	int r;

	for (;;) {
		r = ctl_open(ctl, "org.pwreset.Password.Check", &w);
		if (r != 0)
			return r;
		put_secret(w, "password", password);
		put_words(w, login, name);
		r = ctl_exchange(ctl, &reply);
		if (r != 0)
			return r;
		if (!reply.error) {
			print_codes(ctl, reply.parameters);
			return 0;
		}
		if (failure_exit(reply.error) != EXIT_LATER ||
		    !json_get_integer(reply.parameters, "seconds", &seconds))
			return failure_report(&reply);
		sleep((unsigned)(seconds < 1 ? 1 : seconds > WAIT_MAX_S ? WAIT_MAX_S : seconds));
	}
}

static int check_line(Ctl *ctl, char *line)
{
	AUTO_SECRET Secret password = SECRET_NULL;
	char *login, *name;

	line[strcspn(line, "\n")] = '\0';
	login = strchr(line, '\t');
	if (login)
		*login++ = '\0';
	name = login ? strchr(login, '\t') : NULL;
	if (name)
		*name++ = '\0';
	if (secret_set(&password, line, strlen(line)) < 0) {
		puts("too-long");
		return 0;
	}
	return check_patiently(ctl, &password, login, name);
}

static int check_batch(Ctl *ctl)
{
	char io[BUFSIZ], line[LINE_MAX_BYTES];
	int r = 0;

	/* In memory of ours, so that it can be wiped. */
	setvbuf(stdin, io, _IOFBF, sizeof(io));
	while (r == 0 && fgets(line, sizeof(line), stdin)) {
		if (strlen(line) == sizeof(line) - 1 && line[sizeof(line) - 2] != '\n')
			r = complain_usage(ctl, _("A line has more than %d bytes."),
					   LINE_MAX_BYTES - 2);
		else
			r = check_line(ctl, line);
	}
	memory_wipe(line, sizeof(line));
	setvbuf(stdin, NULL, _IONBF, 0);
	memory_wipe(io, sizeof(io));
	return r;
}

int verb_check_password(Ctl *ctl)
{
	if (ctl->options.batch_id)
		return complain_usage(ctl, _("--batch has no id here."));
	return ctl->options.batch ? check_batch(ctl) : check_one(ctl);
}

int verb_policy(Ctl *ctl)
{
	const JsonNode *reply;
	int64_t length = 0, bytes = 0, bits = 0;
	int r;

	r = ctl_call_user(ctl, "org.pwreset.Password.GetPolicy", NULL, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	json_get_integer(reply, "minLength", &length);
	json_get_integer(reply, "maxBytes", &bytes);
	json_get_integer(reply, "minBits", &bits);
	printf(_("A new password has %lld characters or more (at most %lld bytes) and is hard to guess: %lld bits.\n"
		 "It is not known from leaks and has nothing of your name. No kinds of characters are asked for.\n"),
	       (long long)length, (long long)bytes, (long long)bits);
	return 0;
}
