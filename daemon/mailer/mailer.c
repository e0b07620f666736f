/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets the worker up; renders and delivers one mail. */

#include <string.h>
#include <time.h>

#include "mailer.h"
#include "version.h"

#define FOLDER_MAX 1024
#define ANSWER_MS 500 /* what it takes at most to end a session and answer */

static int complain(const char *message)
{
	const IniPlace place = { .file = PWRESET_CONFDIR "/pwreset.conf" };

	config_complain_stderr(&place, message, NULL);
	return -EINVAL;
}

/* The host of [web] origin=. */
static void site_from_origin(const char *origin, char *ret, size_t size)
{
	const char *host = strstr(origin, "://");

	host = host ? host + 3 : origin;
	snprintf(ret, size, "%.*s", (int)strcspn(host, ":/"), host);
}

int mailer_init(Mailer *mailer, const Config *config, const char *root, const Secret *password)
{
	char shipped[FOLDER_MAX], site[FOLDER_MAX];
	const char *problem;
	char *memory;
	int r;

	*mailer = (Mailer){ .config = config };
	if (message_sender(config->mail.from, mailer->from_name, sizeof(mailer->from_name),
			   mailer->from_address, sizeof(mailer->from_address)) < 0)
		return complain("[mail] from= is not an address, or a name with an address in <>.");
	site_from_origin(config->web.origin, mailer->site, sizeof(mailer->site));
	memory = malloc(SMTP_MESSAGE_MAX);
	if (!memory)
		return -ENOMEM;
	buf_init(&mailer->message, memory, SMTP_MESSAGE_MAX);
	r = mail_text_init(&mailer->text);
	if (r < 0)
		return r;
	if (snprintf(shipped, sizeof(shipped), "%s%s/templates", root, PWRESET_DATADIR) >=
		    (int)sizeof(shipped) ||
	    snprintf(site, sizeof(site), "%s%s", root, config->mail.template_dir) >=
		    (int)sizeof(site))
		return complain("[mail] template-dir= is too long.");
	r = library_load(&mailer->library, shipped, site, config_complain_stderr, NULL);
	if (r < 0)
		return r;
	r = relay_new(&mailer->relay, config, password, &problem);
	if (r < 0)
		return complain(problem);
	return 0;
}

void mailer_deinit(Mailer *mailer)
{
	relay_free(mailer->relay);
	library_free(mailer->library);
	mail_text_deinit(&mailer->text);
	buf_wipe(&mailer->message);
	free(mailer->message.data);
	*mailer = (Mailer){ 0 };
}

void mailer_defaults(const Mailer *mailer, Values *values)
{
	const Config *c = mailer->config;

	if (!values_has(values, VALUE_SITE))
		values->text[VALUE_SITE] =
			*c->web.site_name != '\0' ? c->web.site_name : mailer->site;
	if (!values_has(values, VALUE_CONTACT))
		values->text[VALUE_CONTACT] = c->web.contact;
	if (!values_has(values, VALUE_PAGE))
		values->text[VALUE_PAGE] = c->web.origin;
}

Deadline mailer_deadline(const Mailer *mailer, const JsonNode *caller)
{
	int64_t ms = (int64_t)mailer->config->mail.timeout * 1000, left;

	/* The answer has to be back while somebody waits for it, and before serve_run()'s alarm. */
	if (json_get_integer(caller, "deadline", &left) && left - ANSWER_MS < ms)
		ms = left > ANSWER_MS ? left - ANSWER_MS : 0;
	return monotonic_ms() + (Deadline)ms;
}

int mailer_render(Mailer *mailer, MailKind kind, const char *language, const Values *values)
{
	return library_render(mailer->library, library_choose(mailer->library, kind, language),
			      kind, values, time(NULL), &mailer->text);
}

static const char *message_problem(int error)
{
	switch (error) {
	case MESSAGE_E_ID:
		return "the request's id cannot stand in a Message-ID";
	case MESSAGE_E_FROM:
		return "the sender is not a valid address";
	case MESSAGE_E_TO:
		return "the address on file is not a valid one";
	case MESSAGE_E_SUBJECT:
		return "the subject is empty, too long or holds a control character";
	case MESSAGE_E_BODY:
		return "the text holds a control character or is no UTF-8";
	default:
		return "the message is too long";
	}
}

RelayResult mailer_deliver(Mailer *mailer, const char *id, unsigned index, const char *to,
			   Deadline deadline, Trace *trace)
{
	const Message message = {
		.id = id,
		.index = index,
		.date = time(NULL),
		.from_name = mailer->from_name,
		.from_address = mailer->from_address,
		.to = to,
		.language = mailer->text.language,
		.subject = mailer->text.subject.data,
		.text = mailer->text.text.data,
		.html = mailer->text.html.data,
	};
	RelayMail mail = { .from = mailer->from_address, .to = to };
	RelayResult result;
	int r;

	r = message_write(&message, &mailer->message);
	if (r != 0) {
		trace_fail(trace, "message", CAUSE_CONTENT, message_problem(r));
		return RELAY_PERMANENT;
	}
	mail.text = mailer->message.data;
	mail.len = mailer->message.len;
	result = relay_send(mailer->relay, &mail, deadline, trace);
	buf_wipe(&mailer->message);
	return result;
}
