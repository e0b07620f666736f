/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collects steps, withholds secrets, knows remedies. */

#include <string.h>
#include <strings.h>

#include "trace.h"
#include "validate.h"

#define WINDOW                                                                                     \
	6 /* letters and digits in a row that a text may not have in common with a secret   \
		  */

static const char *const remedies[_CAUSE_MAX] = {
	[CAUSE_RESOLVE] = "Correct the host in [mail] relay=, or mend the name service (try: "
			  "getent ahosts HOST).",
	[CAUSE_REFUSED] = "Nothing listens there: start the mail server (for Postfix: systemctl "
			  "status postfix) or correct the port in [mail] relay=.",
	[CAUSE_UNREACHABLE] = "Check the route and the firewall between this host and the relay.",
	[CAUSE_TIMEOUT] = "The relay did not answer in time: check its load and the firewall, or "
			  "raise [mail] timeout=.",
	[CAUSE_NOT_LOCAL] = "Without TLS mail is handed to this host only: use relay=127.0.0.1:25, "
			    "or set [mail] tls= to starttls or tls.",
	[CAUSE_NOT_SMTP] = "What answers there does not speak SMTP, or expects TLS at once (port "
			   "465: [mail] tls=tls).",
	[CAUSE_BUSY] = "The relay takes no mail at present; its own log says why.",
	[CAUSE_HELO] = "The relay does not accept the name of this host: set [mail] helo-name= to "
		       "its full name.",
	[CAUSE_NO_STARTTLS] =
		"The relay offers no STARTTLS: enable TLS there, or use its port 465 with [mail] "
		"tls=tls. If it used to offer it, somebody may be tampering with the connection.",
	[CAUSE_INJECTED] = "Bytes arrived in clear text where TLS had to begin: somebody may be "
			   "tampering with the connection, or the relay is broken.",
	[CAUSE_TLS] = "The TLS handshake failed: the relay must speak TLS 1.2 or newer on this "
		      "port ([mail] tls=starttls for 25 and 587, tls for 465).",
	[CAUSE_CERTIFICATE_NAME] = "Set [mail] relay= to a name that the certificate carries, or "
				   "give the relay a certificate for the configured name.",
	[CAUSE_CERTIFICATE_EXPIRED] = "Renew the relay's certificate and reload the mail server; "
				      "check this host's clock.",
	[CAUSE_CERTIFICATE_EARLY] =
		"Check the clock of this host (timedatectl); the certificate is not valid yet.",
	[CAUSE_CERTIFICATE_CHAIN] = "Put the certificate of the authority that issued it into "
				    "[mail] tls-ca-file=, and have the relay send the whole chain.",
	[CAUSE_NO_AUTH] = "The relay offers neither AUTH PLAIN nor LOGIN: use its submission port "
			  "(587), or leave out [mail] user=.",
	[CAUSE_AUTH_REFUSED] = "Check [mail] user= and the credential smtp-password.",
	[CAUSE_AUTH_LATER] = "The relay cannot check passwords at present; its own log says why.",
	[CAUSE_SENDER] = "The relay does not accept the sender: set [mail] from= to an address "
			 "that it lets this host use.",
	[CAUSE_RECIPIENT] = "The relay does not take mail for this address: check the address, and "
			    "that the relay lets this host send to it.",
	[CAUSE_RECIPIENT_LATER] =
		"The relay asks to try again later (greylisting, a full mailbox or a limit).",
	[CAUSE_SMTPUTF8] = "The address is not ASCII and the relay does not offer SMTPUTF8: enable "
			   "it there (Postfix: smtputf8_enable = yes) or use another address.",
	[CAUSE_CONTENT] = "The relay refused the message itself: its filter's log says why.",
	[CAUSE_LATER] = "The relay asks to try again later; its own log says why.",
	[CAUSE_LOST] = "The relay ended the connection: its own log says why.",
	[CAUSE_INTERNAL] =
		"This is a fault of pwreset-mailer: report it with the lines of the journal.",
};

void trace_init(Trace *trace)
{
	trace->n_steps = 0;
	trace->n_secrets = 0;
	trace->address = NULL;
}

void trace_hide(Trace *trace, const char *secret)
{
	if (secret && *secret != '\0' && trace->n_secrets < TRACE_SECRETS_MAX)
		trace->secrets[trace->n_secrets++] = secret;
}

void trace_mask(Trace *trace, const char *address)
{
	trace->address = address;
}

static bool is_symbol(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

static char folded(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Where n symbols from p on and from q on that are the same end in p, whatever else stands between
 * them; or NULL. */
static const char *symbols_match(const char *p, const char *q, size_t n)
{
	while (n > 0) {
		while (*p != '\0' && !is_symbol(*p))
			p++;
		while (*q != '\0' && !is_symbol(*q))
			q++;
		if (*p == '\0' || *q == '\0' || folded(*p) != folded(*q))
			return NULL;
		p++;
		q++;
		n--;
	}
	return p;
}

/* Of a link only what stands behind the host is secret; the host may well be the relay's domain. */
static const char *secret_part(const char *secret)
{
	const char *host = strstr(secret, "://"), *path;

	if (!host)
		return secret;
	path = strpbrk(host + 3, "/?#");
	return path ? path : secret + strlen(secret);
}

/* Where what p starts with is part of the secret ends; or NULL. */
static const char *secret_match(const char *p, const char *secret)
{
	const char *hidden = secret_part(secret), *end = NULL;
	size_t n = 0;

	for (const char *q = hidden; *q != '\0' && n < WINDOW; q++)
		n += is_symbol(*q);
	if (n == 0) {
		n = strlen(hidden);
		return n > 0 && strncmp(p, hidden, n) == 0 ? p + n : NULL;
	}
	if (!is_symbol(*p))
		return NULL;
	for (const char *q = hidden; *q != '\0' && !end; q++)
		if (is_symbol(*q) && folded(*q) == folded(*p))
			end = symbols_match(p, q, n);
	return end;
}

/* The end of the last secret that starts between text and end; NULL when there is none. */
static const char *secret_end(const Trace *trace, const char *text, const char *end)
{
	const char *last = NULL;

	for (const char *p = text; p < end; p++)
		for (size_t i = 0; i < trace->n_secrets; i++) {
			const char *e = secret_match(p, trace->secrets[i]);

			if (e && (!last || e > last))
				last = e;
		}
	return last;
}

static void word_keep(const Trace *trace, const char *word, size_t len, Buf *out)
{
	char masked[MAIL_ADDRESS_MAX + 1];
	size_t n = trace->address ? strlen(trace->address) : 0, i = 0;

	if (n > 0)
		mail_address_mask(trace->address, masked, sizeof(masked));
	while (i < len) {
		if (n > 0 && len - i >= n && strncasecmp(word + i, trace->address, n) == 0) {
			buf_puts(out, masked);
			i += n;
		} else {
			buf_putc(out, word[i++]);
		}
	}
}

/* Copies word by word; what holds a part of a secret, be it torn by blanks, is replaced as a whole.
 */
static void text_keep(const Trace *trace, const char *text, char *ret, size_t size)
{
	const char *hidden = NULL; /* up to here */
	Buf out;

	buf_init(&out, ret, size);
	while (*text != '\0' && !out.overflow) {
		size_t blank = strspn(text, " "), len = strcspn(text + blank, " ");
		const char *word = text + blank, *end = secret_end(trace, word, word + len);

		if (end && (!hidden || end > hidden))
			hidden = end;
		buf_append(&out, text, blank);
		if (hidden && hidden > word)
			buf_puts(&out, "[withheld]");
		else
			word_keep(trace, word, len, &out);
		text = word + len;
	}
}

static void step_add(Trace *trace, const char *step, TraceCause cause, const char *text)
{
	TraceStep *s;

	if (trace->n_steps == TRACE_STEPS_MAX)
		return;
	s = &trace->steps[trace->n_steps++];
	s->step = step;
	s->cause = cause;
	text_keep(trace, text, s->text, sizeof(s->text));
}

void trace_ok(Trace *trace, const char *step, const char *text)
{
	step_add(trace, step, CAUSE_NONE, text);
}

void trace_fail(Trace *trace, const char *step, TraceCause cause, const char *text)
{
	step_add(trace, step, cause, text);
}

const TraceStep *trace_last(const Trace *trace)
{
	const TraceStep *last = NULL;

	for (size_t i = 0; i < trace->n_steps; i++)
		if (!last || trace->steps[i].cause != CAUSE_NONE || last->cause == CAUSE_NONE)
			last = &trace->steps[i];
	return last;
}

void trace_detail(const Trace *trace, Buf *out)
{
	const TraceStep *last = trace_last(trace);

	if (last)
		buf_printf(out, "%s: %s", last->step, last->text);
}

const char *trace_remedy(TraceCause cause)
{
	return remedies[cause];
}
