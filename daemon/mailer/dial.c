/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every demand is checked here, before libesmtp is let near the connection. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "dial.h"

static void address_print(const struct sockaddr_storage *address, Buf *out)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char text[INET6_ADDRSTRLEN] = "?";

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		buf_printf(out, "%s:%u", text, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		buf_printf(out, "[%s]:%u", text, ntohs(in6->sin6_port));
	}
}

static bool address_is_local(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	if (address->ss_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127);
}

static TraceCause error_cause(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return CAUSE_TIMEOUT;
	case -ECONNREFUSED:
		return CAUSE_REFUSED;
	case -ECONNRESET:
		return CAUSE_LOST;
	case -EBADMSG:
	case -EMSGSIZE:
		return CAUSE_NOT_SMTP;
	default:
		return CAUSE_UNREACHABLE;
	}
}

void dial_trace_error(Trace *trace, const char *step, int error)
{
	const char *text;

	switch (error) {
	case -ETIMEDOUT:
		text = "no answer in time";
		break;
	case -ECONNRESET:
		text = "the relay ended the connection";
		break;
	case -EBADMSG:
		text = "the reply is not SMTP";
		break;
	case -EMSGSIZE:
		text = "the reply is longer than any limit allows";
		break;
	default:
		text = strerror(-error);
	}
	trace_fail(trace, step, error_cause(error), text);
}

/* Each address in turn; those that hang leave their share of the time to the others. */
static int addresses_try(Wire **ret, const RelaySettings *settings, const SmtpAddresses *list,
			 Deadline deadline, Trace *trace)
{
	char text[SMTP_ADDRESSES_MAX * 128];
	TraceCause cause = CAUSE_UNREACHABLE;
	int r = -EHOSTUNREACH;
	Buf out;

	buf_init(&out, text, sizeof(text));
	for (unsigned i = 0; i < list->n; i++) {
		Deadline now = monotonic_ms();
		Deadline share = now < deadline ? now + (deadline - now) / (list->n - i) : deadline;

		if (out.len > 0)
			buf_puts(&out, "; ");
		address_print(&list->address[i], &out);
		if (settings->tls == CONFIG_TLS_NONE && !address_is_local(&list->address[i])) {
			buf_puts(&out, ": not this host, and [mail] tls=none");
			r = -EPERM;
			cause = CAUSE_NOT_LOCAL;
			continue;
		}
		r = wire_connect(ret, (const struct sockaddr *)&list->address[i], list->len[i],
				 share);
		if (r == 0) {
			trace_ok(trace, "connect", text);
			return 0;
		}
		buf_printf(&out, ": %s", strerror(-r));
		cause = error_cause(r);
	}
	trace_fail(trace, "connect", cause, list->n > 0 ? text : "the name has no address");
	return r;
}

static int greeting_read(Wire *wire, Deadline deadline, Reply *reply, Trace *trace)
{
	char text[REPLY_TEXT_MAX + 16];
	Buf out;
	int r;

	r = wire_reply(wire, reply, deadline);
	if (r < 0) {
		dial_trace_error(trace, "banner", r);
		return r;
	}
	buf_init(&out, text, sizeof(text));
	reply_print(reply, &out);
	if (reply->code != 220) {
		trace_fail(trace, "banner", CAUSE_BUSY, text);
		return -ECONNREFUSED;
	}
	trace_ok(trace, "banner", text);
	return 0;
}

static int tls_begin(Wire *wire, const RelaySettings *settings, TlsVerdict *verdict,
		     Deadline deadline, Trace *trace)
{
	char text[TRACE_TEXT_MAX];
	TraceCause cause;
	Buf out;
	int r;

	buf_init(&out, text, sizeof(text));
	r = wire_start_tls(wire, settings->context, settings->host, verdict, deadline);
	if (r == -EBADMSG && settings->tls == CONFIG_TLS_TLS) {
		trace_fail(trace, "TLS", CAUSE_TLS,
			   "handshake failed: the relay speaks in clear text");
		return r;
	}
	if (r == -EBADMSG) {
		trace_fail(trace, "STARTTLS", CAUSE_INJECTED,
			   "bytes in clear text where TLS has to begin");
		return r;
	}
	if (r == -EPROTO) {
		cause = tls_explain(verdict, settings->host, &out);
		trace_fail(trace, cause == CAUSE_TLS ? "TLS" : "certificate", cause, text);
		return r;
	}
	if (r < 0) {
		dial_trace_error(trace, "TLS", r);
		return r;
	}
	tls_describe(wire_tls(wire), &out);
	trace_ok(trace, "TLS", text);
	buf_init(&out, text, sizeof(text));
	buf_printf(&out, "issued for %s, good until %s", verdict->names, verdict->until);
	trace_ok(trace, "certificate", text);
	return 0;
}

/* A command whose reply must have the code. */
static int command(Wire *wire, const char *step, TraceCause cause, const char *line, int code,
		   Deadline deadline, Reply *reply, Trace *trace)
{
	char text[REPLY_TEXT_MAX + 16];
	Buf out;
	int r;

	r = wire_write(wire, line, strlen(line), deadline);
	if (r == 0)
		r = wire_reply(wire, reply, deadline);
	if (r < 0) {
		dial_trace_error(trace, step, r);
		return r;
	}
	buf_init(&out, text, sizeof(text));
	reply_print(reply, &out);
	if (reply->code != code) {
		trace_fail(trace, step, cause, text);
		return -ECONNREFUSED;
	}
	trace_ok(trace, step, text);
	return 0;
}

static int starttls(Wire *wire, const RelaySettings *settings, TlsVerdict *verdict,
		    Deadline deadline, Reply *reply, Trace *trace)
{
	char line[HOST_NAME_MAX_LEN + 16];
	Buf out;
	int r;

	buf_init(&out, line, sizeof(line));
	buf_printf(&out, "EHLO %s\r\n", settings->helo);
	r = command(wire, "EHLO", CAUSE_HELO, line, 250, deadline, reply, trace);
	if (r < 0)
		return r;
	if (!reply_offers(reply, "STARTTLS", NULL)) {
		trace_fail(trace, "STARTTLS", CAUSE_NO_STARTTLS, "not offered");
		return -EPROTO;
	}
	r = command(wire, "STARTTLS", CAUSE_NO_STARTTLS, "STARTTLS\r\n", 220, deadline, reply,
		    trace);
	if (r < 0)
		return r;
	return tls_begin(wire, settings, verdict, deadline, trace);
}

int dial(Wire **ret, const RelaySettings *settings, const SmtpAddresses *addresses,
	 TlsVerdict *verdict, Deadline deadline, Trace *trace)
{
	CLEANUP(wire_freep) Wire *wire = NULL;
	AUTO_FREE Reply *reply = malloc(sizeof(*reply));
	int r;

	if (!reply)
		return -ENOMEM;
	r = addresses_try(&wire, settings, addresses, deadline, trace);
	if (r == 0 && settings->tls == CONFIG_TLS_TLS)
		r = tls_begin(wire, settings, verdict, deadline, trace);
	if (r == 0)
		r = greeting_read(wire, deadline, reply, trace);
	if (r == 0 && settings->tls == CONFIG_TLS_STARTTLS)
		r = starttls(wire, settings, verdict, deadline, reply, trace);
	if (r < 0)
		return r;
	/* The one place where a connection is let through: in clear text only where the
	 * configuration says so. */
	if (settings->tls != CONFIG_TLS_NONE && !wire_tls(wire))
		return -EPROTO;
	*ret = STEAL(wire);
	return 0;
}
