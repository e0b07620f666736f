/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.pwreset.Mailer.Send: one message to each address, one answer for all. */

#include <string.h>

#include "mailer.h"

#define DETAIL_MAX 1024
#define PREFERENCE_MAX 128 /* a tag, or a list of them with weights */

typedef struct SendParameters {
	const JsonNode *mail;
	const JsonNode *caller; /* its deadline bounds ours */
	const JsonNode *reached;
	const char *id;
	const char *template;
	const char *language;
	const JsonNode *to;
	const JsonNode *values;
} SendParameters;

typedef struct Outcome {
	Buf detail;
	/* for the first that did not go well; NULL: all did, or none is known */
	const char *remedy;
	uint32_t reached; /* a bit for each place in "to" */
} Outcome;

static const VarlinkField outer[] = {
	{ "mail", JSON_OBJECT, offsetof(SendParameters, mail), true, 0 },
	{ "caller", JSON_OBJECT, offsetof(SendParameters, caller), false, 0 },
	{ "reached", JSON_ARRAY, offsetof(SendParameters, reached), false, MAILER_RECIPIENTS_MAX },
	{ 0 },
};

static const VarlinkField inner[] = {
	{ "id", JSON_STRING, offsetof(SendParameters, id), true, MESSAGE_ID_MAX },
	{ "template", JSON_STRING, offsetof(SendParameters, template), true, 32 },
	{ "language", JSON_STRING, offsetof(SendParameters, language), true, PREFERENCE_MAX },
	{ "to", JSON_ARRAY, offsetof(SendParameters, to), true, MAILER_RECIPIENTS_MAX },
	{ "values", JSON_OBJECT, offsetof(SendParameters, values), true, _VALUE_MAX },
	{ 0 },
};

/* 0, or the member that is wrong in *bad. */
static int values_read(const JsonNode *object, Values *values, const char **bad)
{
	const JsonNode *key = json_first(object);

	for (uint32_t i = 0; i < object->n; i++) {
		const JsonNode *value = json_next(key);

		*bad = key->string;
		if (value->type != JSON_STRING ||
		    values_set(values, key->string, value->string) < 0)
			return -EINVAL;
		key = json_next(value);
	}
	return 0;
}

/* A bit for each place in "to". */
static int reached_read(const JsonNode *array, uint32_t n, uint32_t *reached)
{
	if (!array)
		return 0;
	JSON_FOREACH(place, array) {
		if (place->type != JSON_INTEGER || place->integer < 0 || place->integer >= n)
			return -EINVAL;
		*reached |= UINT32_C(1) << place->integer;
	}
	return 0;
}

static int parameters_read(const VarlinkCall *call, SendParameters *p, MailKind *kind,
			   Values *values, uint32_t *reached, const char **bad)
{
	if (varlink_dispatch(call->parameters, outer, p, bad) != 0 ||
	    varlink_dispatch(p->mail, inner, p, bad) != 0)
		return -EINVAL;
	*bad = "template";
	if (kind_from_name(p->template, kind) < 0)
		return -EINVAL;
	*bad = "to";
	if (p->to->n == 0)
		return -EINVAL;
	JSON_FOREACH(address, p->to)
		if (address->type != JSON_STRING)
			return -EINVAL;
	*bad = "reached";
	if (reached_read(p->reached, p->to->n, reached) < 0)
		return -EINVAL;
	if (values_read(p->values, values, bad) < 0)
		return -EINVAL;
	*bad = values_missing(values, *kind);
	return *bad ? -EINVAL : 0;
}

static void secrets_hide(Trace *trace, const Values *values)
{
	static const ValueName secret[] = { VALUE_LINK, VALUE_CODE, VALUE_PASSWORD, VALUE_REVOKE };

	for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
		trace_hide(trace, values->text[secret[i]]);
}

/* With one address the relay's words; with several, those of the addresses that did not go well. */
static void detail_add(Buf *detail, const Trace *trace, const char *to, uint32_t n,
		       RelayResult result)
{
	char masked[MAIL_ADDRESS_MAX + 1], text[TRACE_TEXT_MAX + 32];
	Buf out;

	buf_init(&out, text, sizeof(text));
	trace_detail(trace, &out);
	if (n == 1) {
		buf_puts(detail, text);
	} else if (result != RELAY_SENT) {
		mail_address_mask(to, masked, sizeof(masked));
		buf_printf(detail, "%s%s: %s", detail->len > 0 ? "; " : "", masked, text);
	}
}

static RelayResult send_one(Mailer *mailer, const SendParameters *p, const Values *values,
			    unsigned index, const char *to, Deadline deadline, Outcome *outcome)
{
	RelayResult result;
	Trace trace;

	trace_init(&trace);
	secrets_hide(&trace, values);
	trace_mask(&trace, to);
	result = mailer_deliver(mailer, p->id, index, to, deadline, &trace);
	if (result != RELAY_SENT && !outcome->remedy && trace_last(&trace))
		outcome->remedy = trace_remedy(trace_last(&trace)->cause);
	detail_add(&outcome->detail, &trace, to, p->to->n, result);
	return result;
}

/*
 * Temporary if any address may still get it, else sent if any has got it: a retry with the same
 * Message-IDs writes to those whom its caller does not call reached.
 */
static const char *send_all(Mailer *mailer, const SendParameters *p, const Values *values,
			    Outcome *outcome)
{
	Deadline deadline = mailer_deadline(mailer, p->caller);
	unsigned index = 0, n_sent = 0;
	bool again = false;

	JSON_FOREACH(to, p->to) {
		uint32_t bit = UINT32_C(1) << index;

		if (!(outcome->reached & bit)) {
			RelayResult result =
				send_one(mailer, p, values, index, to->string, deadline, outcome);

			if (result == RELAY_SENT)
				outcome->reached |= bit;
			else if (result != RELAY_PERMANENT)
				again = true;
		}
		n_sent += (outcome->reached & bit) != 0;
		index++;
	}
	if (p->to->n > 1 && n_sent == p->to->n)
		buf_printf(&outcome->detail, "sent to %u addresses", n_sent);
	return again ? "temporary" : n_sent > 0 ? "sent" : "permanent";
}

static void outcome_put(JsonWriter *w, const char *status, const Outcome *outcome)
{
	json_put_string(w, "status", status);
	json_put_string(w, "detail", outcome->detail.data);
	if (outcome->remedy)
		json_put_string(w, "remedy", outcome->remedy);
	json_open(w, "reached", '[');
	for (unsigned i = 0; i < MAILER_RECIPIENTS_MAX; i++)
		if (outcome->reached & (UINT32_C(1) << i))
			json_put_integer(w, NULL, i);
	json_close(w, ']');
}

int mailer_send(Serve *serve, const VarlinkCall *call, void *userdata)
{
	Mailer *mailer = userdata;
	SendParameters p = { .mail = NULL };
	Values values = { .minutes = 0 };
	Outcome outcome = { .reached = 0 };
	const char *bad = "mail", *status;
	char text[DETAIL_MAX];
	MailKind kind;

	if (parameters_read(call, &p, &kind, &values, &outcome.reached, &bad) < 0)
		return serve_invalid(serve, bad);
	mailer_defaults(mailer, &values);
	buf_init(&outcome.detail, text, sizeof(text));
	if (mailer_render(mailer, kind, p.language, &values) < 0) {
		status = "permanent";
		buf_printf(&outcome.detail, "template %s: the text is too long", p.template);
	} else {
		status = send_all(mailer, &p, &values, &outcome);
	}
	mail_text_wipe(&mailer->text);
	outcome_put(serve_reply(serve), status, &outcome);
	return serve_send(serve);
}
