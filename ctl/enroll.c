/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Setting up the ways of recovery, each with the current password. */

#include <string.h>

#include "output.h"
#include "prompt.h"
#include "validate.h"
#include "verbs.h"

#define QUESTIONS_MAX 200 /* that are offered */
#define CHOSEN_MAX 16     /* that are answered */

static int ask_current(Ctl *ctl, Secret *current)
{
	int r;

	r = prompt_secret(current, _("Current password: "), PROMPT_HIDDEN, ctl->options.from_stdin);
	return r < 0 ? prompt_complain(r) : 0;
}

static int enroll_codes(Ctl *ctl)
{
	AUTO_SECRET Secret current = SECRET_NULL;
	const JsonNode *reply, *codes;
	JsonWriter *w;
	int r;

	r = ask_current(ctl, &current);
	if (r == 0)
		r = ctl_open(ctl, "org.pwreset.Account.EnrollCodes", &w);
	if (r != 0)
		return r;
	put_oneself(w);
	put_secret(w, "current", &current);
	r = ctl_call(ctl, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	codes = json_get(reply, "codes");
	if (!ctl->options.quiet)
		puts(_("Saved recovery codes, each good once. Earlier ones are void. They are shown this once: print them."));
	if (codes && codes->type == JSON_ARRAY)
		JSON_FOREACH(it, codes)
			if (it->type == JSON_STRING) {
				fputs("    ", stdout);
				text_print(stdout, it->string);
				fputc('\n', stdout);
			}
	return 0;
}

static int confirm(Ctl *ctl, const char *address, const Secret *code)
{
	const JsonNode *reply;
	JsonWriter *w;
	int r;

	r = ctl_open(ctl, "org.pwreset.Account.ConfirmMail", &w);
	if (r != 0)
		return r;
	put_oneself(w);
	json_put_string(w, "address", address);
	json_put_string_n(w, "code", code->bytes, code->len);
	r = ctl_call(ctl, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	if (!ctl->options.quiet)
		puts(_("The address is confirmed. It counts in 24 hours."));
	return 0;
}

int verb_confirm_mail(Ctl *ctl)
{
	AUTO_SECRET Secret code = SECRET_NULL;
	int r;

	r = prompt_secret(&code, _("Code in the mail: "), PROMPT_VISIBLE, ctl->options.from_stdin);
	if (r < 0)
		return prompt_complain(r);
	return confirm(ctl, ctl->args[0], &code);
}

static int enroll_mail(Ctl *ctl)
{
	AUTO_SECRET Secret current = SECRET_NULL, code = SECRET_NULL;
	const char *address = ctl->args[1];
	JsonWriter *w;
	int r;

	if (!mail_address_valid(address))
		return complain_usage(ctl, _("\"%s\" is no mail address."), address);
	r = ask_current(ctl, &current);
	if (r == 0)
		r = ctl_open(ctl, "org.pwreset.Account.EnrollMail", &w);
	if (r != 0)
		return r;
	put_oneself(w);
	put_secret(w, "current", &current);
	json_put_string(w, "address", address);
	r = ctl_call(ctl, NULL);
	if (r != 0)
		return r;
	if (!ctl->options.quiet && ctl->options.output == OUTPUT_TABLE)
		printf(_("A code is on its way to %s. It can be given later, too: pwresetctl confirm-mail %s\n"),
		       address, address);
	if (ctl->options.from_stdin || !isatty(STDIN_FILENO))
		return 0;
	fflush(stdout);
	r = prompt_secret(&code, _("Code in the mail (Enter = later): "), PROMPT_VISIBLE, false);
	if (r < 0 || code.len == 0)
		return 0;
	return confirm(ctl, address, &code);
}

typedef struct Chosen {
	char id[64];
	Secret answer;
} Chosen;

typedef struct Questions {
	char ids[QUESTIONS_MAX][64]; /* copies: the reply does not outlive the next call */
	char texts[QUESTIONS_MAX][256];
	size_t n;
	int64_t minimum;
	Chosen chosen[CHOSEN_MAX];
	size_t n_chosen;
} Questions;

static Questions *questions_free(Questions *questions)
{
	if (questions)
		memory_wipe(questions, sizeof(*questions));
	free(questions);
	return NULL;
}
DEFINE_CLEANUP(Questions *, questions_free)

static int questions_fetch(Ctl *ctl, Questions *questions)
{
	char language[LANGUAGE_MAX + 1];
	const JsonNode *reply, *list;
	JsonWriter *w;
	int r;

	r = ctl_open(ctl, "org.pwreset.Account.ListQuestions", &w);
	if (r != 0)
		return r;
	if (language_get(ctl, language, sizeof(language)))
		json_put_string(w, "language", language);
	r = ctl_call(ctl, &reply);
	if (r != 0)
		return r;
	json_get_integer(reply, "minimum", &questions->minimum);
	list = json_get(reply, "questions");
	if (!list || list->type != JSON_ARRAY)
		return 0;
	JSON_FOREACH(it, list) {
		const char *id = json_get_string(it, "id"), *text = json_get_string(it, "text");

		if (!id || !text || questions->n == QUESTIONS_MAX ||
		    strlen(id) >= sizeof(questions->ids[0]))
			continue;
		snprintf(questions->ids[questions->n], sizeof(questions->ids[0]), "%s", id);
		snprintf(questions->texts[questions->n++], sizeof(questions->texts[0]), "%s", text);
	}
	return 0;
}

/* Whether what is wanted can be given. */
static int questions_check(const Questions *questions)
{
	if (questions->minimum >= 1 && questions->minimum <= CHOSEN_MAX &&
	    (size_t)questions->minimum <= questions->n)
		return 0;
	complain(_("The service offers too few questions: %zu, and %lld have to be answered."),
		 questions->n, (long long)questions->minimum);
	return EXIT_FAILED;
}

/* The number typed, from 1; 0 for an empty line; -1 for anything else. */
static int number_of(const Secret *line, size_t max)
{
	unsigned n = 0;

	if (line->len == 0)
		return 0;
	if (line->len > 3 || strspn(line->bytes, "0123456789") != line->len)
		return -1;
	for (size_t i = 0; i < line->len; i++)
		n = n * 10 + (unsigned)(line->bytes[i] - '0');
	return n >= 1 && n <= max ? (int)n : -1;
}

static bool was_chosen(const Questions *questions, const char *id)
{
	for (size_t i = 0; i < questions->n_chosen; i++)
		if (strcmp(questions->chosen[i].id, id) == 0)
			return true;
	return false;
}

static int choose(Questions *questions)
{
	AUTO_SECRET Secret line = SECRET_NULL;
	Chosen *chosen = &questions->chosen[questions->n_chosen];
	int r, n;

	r = prompt_secret(&line, _("Number of a question: "), PROMPT_VISIBLE, false);
	if (r < 0)
		return r;
	n = number_of(&line, questions->n);
	if (n <= 0 || was_chosen(questions, questions->ids[n - 1])) {
		complain(_("Type the number of a question above that you have not answered yet."));
		return 0;
	}
	printf("  ");
	text_print(stdout, questions->texts[n - 1]);
	putchar('\n');
	fflush(stdout);
	r = prompt_new_secret(&chosen->answer, _("  Answer: "), _("  Answer again: "), false);
	if (r < 0)
		return r;
	memcpy(chosen->id, questions->ids[n - 1], sizeof(chosen->id));
	questions->n_chosen++;
	return 0;
}

/*
 * As many as the service asks for, and no more: it takes no other number, lest their number tell
 * who exists.
 */
static int choose_all(Questions *questions)
{
	int r = 0;

	for (size_t i = 0; i < questions->n; i++) {
		printf("%3zu  ", i + 1);
		text_print(stdout, questions->texts[i]);
		putchar('\n');
	}
	printf(_("Choose %lld of them. They are asked together; case and spaces do not matter.\n"),
	       (long long)questions->minimum);
	fflush(stdout);
	while (r == 0 && (int64_t)questions->n_chosen < questions->minimum)
		r = choose(questions);
	return r < 0 ? prompt_complain(r) : 0;
}

/* Lines of ID TAB ANSWER. */
static int choose_stdin(const Ctl *ctl, Questions *questions)
{
	for (;;) {
		AUTO_SECRET Secret line = SECRET_NULL;
		Chosen *chosen = &questions->chosen[questions->n_chosen];
		const char *tab;
		size_t len;
		int r;

		r = prompt_secret(&line, "", PROMPT_HIDDEN, true);
		if (r == -ECANCELED)
			return 0;
		if (r < 0)
			return prompt_complain(r);
		tab = memchr(line.bytes, '\t', line.len);
		len = tab ? (size_t)(tab - line.bytes) : 0;
		if (len == 0 || len >= sizeof(chosen->id) || questions->n_chosen == CHOSEN_MAX)
			return complain_usage(ctl,
					      _("Lines of ID TAB ANSWER are wanted, %d at most."),
					      CHOSEN_MAX);
		memcpy(chosen->id, line.bytes, len);
		chosen->id[len] = '\0';
		secret_set(&chosen->answer, tab + 1, line.len - len - 1);
		questions->n_chosen++;
	}
}

static int questions_send(Ctl *ctl, const Secret *current, const Questions *questions)
{
	const JsonNode *reply;
	JsonWriter *w;
	int r;

	r = ctl_open(ctl, "org.pwreset.Account.EnrollQuestions", &w);
	if (r != 0)
		return r;
	put_oneself(w);
	put_secret(w, "current", current);
	json_open(w, "answers", '[');
	for (size_t i = 0; i < questions->n_chosen; i++) {
		const Chosen *chosen = &questions->chosen[i];

		json_open(w, NULL, '{');
		json_put_string(w, "id", chosen->id);
		json_put_string_n(w, "answer", chosen->answer.bytes, chosen->answer.len);
		json_close(w, '}');
	}
	json_close(w, ']');
	r = ctl_call(ctl, &reply);
	if (r != 0 || output_json(ctl, reply))
		return r;
	if (!ctl->options.quiet)
		puts(_("Your secret questions are set up."));
	return 0;
}

static int enroll_questions(Ctl *ctl)
{
	CLEANUP(questions_freep) Questions *questions = calloc(1, sizeof(*questions));
	AUTO_SECRET Secret current = SECRET_NULL;
	int r;

	if (!questions)
		return EXIT_FAILED;
	r = ask_current(ctl, &current);
	if (r != 0)
		return r;
	if (ctl->options.from_stdin) {
		r = choose_stdin(ctl, questions);
	} else {
		r = questions_fetch(ctl, questions);
		if (r == 0)
			r = questions_check(questions);
		if (r == 0)
			r = choose_all(questions);
		/* The choice takes its time, and the service drops idle callers. */
		ctl_disconnect(ctl);
	}
	return r != 0 ? r : questions_send(ctl, &current, questions);
}

int verb_enroll(Ctl *ctl)
{
	static const struct {
		const char *name;
		int n_args;
		int (*run)(Ctl *ctl);
	} what[] = {
		{ "questions", 1, enroll_questions },
		{ "codes", 1, enroll_codes },
		{ "mail", 2, enroll_mail },
	};

	for (size_t i = 0; i < ARRAY_SIZE(what); i++)
		if (strcmp(ctl->args[0], what[i].name) == 0) {
			if (ctl->n_args < what[i].n_args)
				return complain_usage(ctl, _("enroll %s needs an address."),
						      what[i].name);
			if (ctl->n_args > what[i].n_args)
				return complain_usage(ctl, _("enroll %s takes nothing more."),
						      what[i].name);
			return what[i].run(ctl);
		}
	return complain_usage(ctl,
			      _("\"%s\" cannot be enrolled: questions, codes or mail ADDRESS can."),
			      ctl->args[0]);
}
