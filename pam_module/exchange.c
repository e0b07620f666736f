/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that can come back from the daemon, or not come back, is given its meaning here. */

#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

#include "exchange.h"
#include "validate.h"

#define FAILURE "org.pwreset.Failure."
#define REASONS_SHOWN_MAX (REASONS_MAX - 1) /* leaves room for a hint */
#define TYPED_MAX 255   /* bytes of a code or an answer; what is longer is wrong */
#define NEVER_RIGHT "?" /* no code has this symbol, and no answer is this short */
#define ADDRESS_UNKNOWN "unknown"

static const char *item_get(const Context *ctx, int item)
{
	const void *value = NULL;

	if (pam_get_item(ctx->pamh, item, &value) != PAM_SUCCESS)
		return NULL;
	return value;
}

Outcome exchange_open(Exchange *e, const Context *ctx, const char *method, bool writes,
		      unsigned timeout_ms)
{
	int r;

	*e = (Exchange){ .ctx = ctx,
			 .method = method,
			 .writes = writes,
			 .timeout_ms = writes ? 2 * timeout_ms : timeout_ms };
	r = client_connect(&e->client, ctx->args.socket, true, timeout_ms);
	if (r < 0) {
		errno = -r;
		pam_syslog(ctx->pamh, r == -EPERM ? LOG_ALERT : LOG_WARNING, "%s: %s: %m%s", method,
			   ctx->args.socket, r == -EPERM ? " (is the listener root's?)" : "");
		return OUTCOME_UNAVAILABLE;
	}
	e->w = client_open(e->client, method, false);
	json_put_string(e->w, "user", ctx->user);
	return OUTCOME_OK;
}

void exchange_close(Exchange *e)
{
	e->client = client_free(e->client);
}

static void origin_put(JsonWriter *w, const char *key, const char *value)
{
	if (value && *value && text_valid(value, HOST_NAME_MAX_LEN))
		json_put_string(w, key, value);
}

/* Unclear is an address that cannot be said, or that there is none and no terminal either. */
static void origin_put_address(JsonWriter *w, const char *rhost, const char *tty, bool recovery)
{
	if (rhost && *rhost)
		json_put_string(w, "address", host_valid(rhost) ? rhost : ADDRESS_UNKNOWN);
	else if (recovery && (!tty || !*tty || strcmp(tty, "ssh") == 0))
		json_put_string(w, "address", ADDRESS_UNKNOWN);
}

void exchange_put_origin(Exchange *e, bool recovery)
{
	const char *tty = item_get(e->ctx, PAM_TTY);
	char host[HOST_NAME_MAX_LEN + 1] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	json_open(e->w, "origin", '{');
	origin_put(e->w, "service", e->ctx->service);
	origin_put(e->w, "host", host_valid(host) ? host : NULL);
	origin_put_address(e->w, item_get(e->ctx, PAM_RHOST), tty, recovery);
	origin_put(e->w, "terminal", tty);
	json_close(e->w, '}');
}

void exchange_put_language(Exchange *e)
{
	json_put_string(e->w, "language", language_tag(e->ctx->language));
}

void exchange_put_password(Exchange *e, const char *key, const Secret *password)
{
	char text[BASE64_SIZE(SECRET_MAX)];
	size_t len = base64_encode(password->bytes, password->len, text, sizeof(text));

	json_put_string_n(e->w, key, text, len);
	memory_wipe(text, sizeof(text));
}

void exchange_put_text(Exchange *e, const char *key, const Secret *text)
{
	bool sayable =
		text->len > 0 && text->len <= TYPED_MAX && utf8_valid(text->bytes, text->len);

	json_put_string(e->w, key, sayable ? text->bytes : NEVER_RIGHT);
}

static void reasons_add(Reasons *reasons, TextId text)
{
	for (size_t i = 0; i < reasons->n; i++)
		if (reasons->texts[i] == text)
			return;
	if (text < TEXT_N && reasons->n < REASONS_MAX)
		reasons->texts[reasons->n++] = text;
}

void exchange_read_reasons(const Exchange *e, Reasons *reasons)
{
	const JsonNode *list = json_get(e->reply.parameters, "reasons");

	*reasons = (Reasons){ 0 };
	if (list && list->type == JSON_ARRAY)
		JSON_FOREACH(it, list)
			if (it->type == JSON_STRING && reasons->n < REASONS_SHOWN_MAX)
				reasons_add(reasons, text_of_reason(it->string));
	if (reasons->n == 0)
		reasons_add(reasons, TEXT_TOO_GUESSABLE);
	list = json_get(e->reply.parameters, "hints");
	if (list && list->type == JSON_ARRAY && list->n > 0 &&
	    json_first(list)->type == JSON_STRING)
		reasons_add(reasons, text_of_hint(json_first(list)->string));
}

static Outcome outcome_of_not_allowed(const JsonNode *parameters)
{
	const char *reason = json_get_string(parameters, "reason");

	return reason && strcmp(reason, "no-such-user") == 0 ? OUTCOME_NO_SUCH_USER
							     : OUTCOME_NOT_ALLOWED;
}

/*
 * The one place where the daemon's errors get their meaning. What is not in the table is a failure.
 */
static Outcome outcome_of_error(const Exchange *e, const char *error)
{
	static const struct {
		const char *error;
		Outcome outcome;
	} table[] = {
		{ FAILURE "Refused", OUTCOME_REFUSED },
		{ FAILURE "WrongPassword", OUTCOME_WRONG_PASSWORD },
		{ FAILURE "PasswordRefused", OUTCOME_PASSWORD_REFUSED },
		{ FAILURE "NotAllowed", OUTCOME_NOT_ALLOWED },
		{ FAILURE "TryLater", OUTCOME_TRY_LATER },
		{ FAILURE "Unavailable", OUTCOME_UNAVAILABLE },
		{ FAILURE "OutcomeUnknown", OUTCOME_UNCERTAIN },
		{ VARLINK_E_PERMISSION_DENIED, OUTCOME_NOT_ALLOWED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].error, error) == 0)
			return table[i].outcome;
	pam_syslog(e->ctx->pamh, LOG_WARNING, "%s: unexpected error %s", e->method, error);
	return e->writes ? OUTCOME_UNCERTAIN : OUTCOME_UNAVAILABLE;
}

Outcome exchange_finish(Exchange *e, Reasons *reasons)
{
	Outcome outcome;
	int r;

	r = client_call(e->client, e->timeout_ms, &e->reply);
	if (r < 0) {
		errno = -r;
		pam_syslog(e->ctx->pamh, LOG_WARNING, "%s: %m", e->method);
		return e->writes ? OUTCOME_UNCERTAIN : OUTCOME_UNAVAILABLE;
	}
	if (!e->reply.error)
		return OUTCOME_OK;
	outcome = outcome_of_error(e, e->reply.error);
	if (outcome == OUTCOME_NOT_ALLOWED)
		outcome = outcome_of_not_allowed(e->reply.parameters);
	else if (outcome == OUTCOME_PASSWORD_REFUSED && !reasons)
		outcome = OUTCOME_UNAVAILABLE;
	else if (outcome == OUTCOME_PASSWORD_REFUSED)
		exchange_read_reasons(e, reasons);
	return outcome;
}
