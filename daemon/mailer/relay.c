/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens, reuses and ends sessions, and decides what became of a message. */

#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "dial.h"
#include "gate.h"
#include "relay.h"
#include "validate.h"

#define QUIT_MS 500

struct Relay {
	RelaySettings settings;
	SmtpJob *job; /* shared with the child */
	Child child;
	Wire *wire; /* NULL: no session */
	TlsVerdict verdict;
	unsigned n_messages;
	uint64_t opened;
	Gate gate;
};

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

int relay_split(const char *text, char *ret_host, size_t host_size, char *ret_port,
		size_t port_size)
{
	const char *colon = strrchr(text, ':'), *port = "", *host = text;
	size_t host_len = strlen(text);

	if (*text == '[') {
		const char *end = strchr(text, ']');

		if (!end || (end[1] != '\0' && end[1] != ':'))
			return -EINVAL;
		host = text + 1;
		host_len = (size_t)(end - host);
		port = end[1] == ':' ? end + 2 : "";
	} else if (colon && strchr(text, ':') == colon) {
		host_len = (size_t)(colon - text);
		port = colon + 1;
	}
	if (strspn(port, "0123456789") != strlen(port) || strlen(port) > 5 ||
	    (*port == '\0' && text[strlen(text) - 1] == ':') ||
	    (*port != '\0' && (strtoul(port, NULL, 10) == 0 || strtoul(port, NULL, 10) > 65535)))
		return -EINVAL;
	if (host_len == 0 || host_len >= host_size || strlen(port) >= port_size)
		return -EINVAL;
	memcpy(ret_host, host, host_len);
	ret_host[host_len] = '\0';
	memcpy(ret_port, port, strlen(port) + 1);
	return host_valid(ret_host) ? 0 : -EINVAL;
}

static int settings_fill(RelaySettings *settings, const Config *config, const Secret *password,
			 const char **problem)
{
	struct utsname name;
	size_t len;

	*problem = "[mail] relay= is not HOST, HOST:PORT or [ADDRESS]:PORT";
	if (relay_split(config->mail.relay, settings->host, sizeof(settings->host), settings->port,
			sizeof(settings->port)) < 0)
		return -EINVAL;
	/* A certificate carries no dot at the end of a name. */
	len = strlen(settings->host);
	if (len > 1 && settings->host[len - 1] == '.')
		settings->host[len - 1] = '\0';
	if (*settings->port == '\0')
		snprintf(settings->port, sizeof(settings->port), "%s",
			 config->mail.tls == CONFIG_TLS_TLS ? "465" : "25");
	settings->tls = config->mail.tls;
	settings->user = config->mail.user;
	settings->password = password;

	*problem =
		"[mail] user= needs [mail] tls=starttls or tls: no password leaves in clear text";
	if (*settings->user != '\0' && settings->tls == CONFIG_TLS_NONE)
		return -EINVAL;
	*problem = "[mail] user= needs the credential smtp-password; each has at most 255 bytes";
	if (*settings->user != '\0' && (password->len == 0 || password->len > SMTP_CREDENTIAL_MAX ||
					strlen(settings->user) > SMTP_CREDENTIAL_MAX ||
					memchr(password->bytes, '\0', password->len)))
		return -EINVAL;

	*problem = "the name of this host is no host name: set [mail] helo-name=";
	if (*config->mail.helo_name == '\0' && uname(&name) < 0)
		return -EINVAL;
	snprintf(settings->helo, sizeof(settings->helo), "%s",
		 *config->mail.helo_name != '\0' ? config->mail.helo_name : name.nodename);
	if (!host_valid(settings->helo))
		return -EINVAL;
	if (settings->tls == CONFIG_TLS_NONE)
		return 0;
	return tls_context_new(&settings->context, config->mail.tls_ca_file, settings->host,
			       problem);
}

int relay_new(Relay **ret, const Config *config, const Secret *password, const char **problem)
{
	Relay *relay = calloc(1, sizeof(*relay));
	void *job;
	int r;

	*problem = "out of memory";
	if (!relay)
		return -ENOMEM;
	relay->child = CHILD_NULL;
	job = mmap(NULL, sizeof(SmtpJob), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		   0);
	if (job == MAP_FAILED) {
		free(relay);
		return -ENOMEM;
	}
	madvise(job, sizeof(SmtpJob), MADV_DONTDUMP);
	relay->job = job;
	r = settings_fill(&relay->settings, config, password, problem);
	if (r < 0) {
		relay_free(relay);
		return r;
	}
	*ret = relay;
	return 0;
}

static void session_drop(Relay *relay)
{
	child_stop(&relay->child);
	relay->wire = wire_free(relay->wire);
	relay->n_messages = 0;
}

void relay_hang_up(Relay *relay)
{
	if (relay->wire && child_order(&relay->child, SMTP_ORDER_END) == 0) {
		relay->gate.deadline = monotonic_ms() + QUIT_MS;
		gate_quit(&relay->gate);
	}
	session_drop(relay);
}

Relay *relay_free(Relay *relay)
{
	if (!relay)
		return NULL;
	relay_hang_up(relay);
	SSL_CTX_free(relay->settings.context);
	memory_wipe(relay->job, sizeof(SmtpJob));
	munmap(relay->job, sizeof(SmtpJob));
	memory_wipe(&relay->gate, sizeof(relay->gate));
	free(relay);
	return NULL;
}

static int resolve(Relay *relay, SmtpAddresses *ret, Deadline deadline, Trace *trace)
{
	char text[TRACE_TEXT_MAX];
	int r;

	r = deadline_poll(relay->child.orders, POLLIN, deadline);
	if (r == 0 && recv(relay->child.orders, ret, sizeof(*ret), MSG_DONTWAIT) != sizeof(*ret))
		r = -ECHILD;
	if (r == -ETIMEDOUT) {
		trace_fail(trace, "resolve", CAUSE_RESOLVE,
			   "the name service does not answer in time");
		return r;
	}
	if (r < 0 || ret->n > SMTP_ADDRESSES_MAX) {
		trace_fail(trace, "libesmtp", CAUSE_INTERNAL, "it died");
		return -ECHILD;
	}
	if (ret->error != 0) {
		snprintf(text, sizeof(text), "%s: %s", relay->settings.host,
			 ret->error == EAI_SYSTEM ? strerror(ret->system_error)
						  : gai_strerror(ret->error));
		trace_fail(trace, "resolve", CAUSE_RESOLVE, text);
		return -EHOSTUNREACH;
	}
	snprintf(text, sizeof(text), "%s: %u address%s", relay->settings.host, ret->n,
		 ret->n == 1 ? "" : "es");
	trace_ok(trace, "resolve", text);
	return 0;
}

static int session_open(Relay *relay, Deadline deadline, Trace *trace)
{
	const SmtpSetup setup = { .host = relay->settings.host,
				  .port = relay->settings.port,
				  .helo = relay->settings.helo,
				  .user = relay->settings.user,
				  .password = relay->settings.password,
				  .job = relay->job };
	SmtpAddresses addresses = { .n = 0 };
	int r;

	r = child_start(&relay->child, &setup);
	if (r < 0) {
		trace_fail(trace, "libesmtp", CAUSE_INTERNAL, strerror(-r));
		return r;
	}
	r = resolve(relay, &addresses, deadline, trace);
	if (r == 0)
		r = dial(&relay->wire, &relay->settings, &addresses, &relay->verdict, deadline,
			 trace);
	if (r < 0) {
		session_drop(relay);
		return r;
	}
	relay->gate.wire = relay->wire;
	relay->gate.child = &relay->child;
	relay->gate.job = relay->job;
	relay->gate.needs_auth = *relay->settings.user != '\0';
	relay->gate.authenticated = false;
	relay->gate.offers_utf8 = false;
	relay->opened = monotonic_ms();
	gate_greet(&relay->gate);
	return 0;
}

static bool session_usable(Relay *relay)
{
	return relay->wire && relay->n_messages < RELAY_SESSION_MESSAGES_MAX &&
	       monotonic_ms() - relay->opened < RELAY_SESSION_AGE_MS && wire_quiet(relay->wire);
}

/* Both must say so: libesmtp's status of the transfer, and the reply that passed the gate. */
static RelayResult verdict(const SmtpReport *report, const GateCodes *codes, Trace *trace)
{
	if (report->sender != codes->sender ||
	    (codes->sender / 100 == 2 && report->recipient != codes->recipient) ||
	    (codes->recipient / 100 == 2 && codes->data == 354 &&
	     report->transfer != codes->transfer)) {
		trace_fail(trace, "libesmtp", CAUSE_INTERNAL,
			   "its status of the message is not what the relay said");
		return RELAY_TEMPORARY;
	}
	if (codes->sender / 100 == 2 && codes->recipient / 100 == 2 && codes->data == 354 &&
	    codes->transfer / 100 == 2 && report->transfer / 100 == 2 &&
	    report->recipient / 100 == 2)
		return RELAY_SENT;
	/*
	 * For good is only what concerns this address or this text. What comes earlier concerns the
	 * relay, and the administrator may mend it while the request lives.
	 */
	if (codes->sender / 100 == 2 &&
	    (codes->recipient / 100 == 5 || codes->data / 100 == 5 || codes->transfer / 100 == 5))
		return RELAY_PERMANENT;
	return RELAY_TEMPORARY;
}

/* 0 and *ret, or GATE_E_*. */
static int session_send(Relay *relay, Deadline deadline, Trace *trace, RelayResult *ret)
{
	SmtpReport report;
	int r;

	relay->gate.trace = trace;
	relay->gate.deadline = deadline;
	relay->gate.needs_utf8 = !is_ascii(relay->job->from) || !is_ascii(relay->job->to);
	if (child_order(&relay->child, SMTP_ORDER_SEND) < 0) {
		trace_fail(trace, "libesmtp", CAUSE_INTERNAL, "it died");
		r = GATE_E_BROKEN;
	} else {
		r = gate_message(&relay->gate, &report);
	}
	if (r != 0) {
		session_drop(relay);
		return r;
	}
	relay->n_messages++;
	*ret = verdict(&report, &relay->gate.codes, trace);
	/* An address that cannot be written to this relay will not be tomorrow either. */
	if (relay->gate.needs_utf8 && !relay->gate.offers_utf8)
		*ret = RELAY_PERMANENT;
	/* After a refused DATA libesmtp looks for the next message before it tells of this one, and
	 * goes. */
	if (relay->gate.codes.data / 100 > 3)
		relay_hang_up(relay);
	return 0;
}

static RelayResult send_job(Relay *relay, Deadline deadline, Trace *trace)
{
	RelayResult result = RELAY_TEMPORARY;
	bool reused;

	do {
		size_t mark = trace->n_steps;
		int r;

		reused = session_usable(relay);
		if (!reused) {
			relay_hang_up(relay);
			if (session_open(relay, deadline, trace) < 0)
				return RELAY_TEMPORARY;
		}
		r = session_send(relay, deadline, trace, &result);
		if (r == 0)
			return result;
		/* A relay may end an old session at any time; the text has not left, so a new one
		 * is tried, once. */
		if (r != GATE_E_LOST || !reused)
			return RELAY_TEMPORARY;
		trace->n_steps = mark;
	} while (reused);
	return RELAY_TEMPORARY;
}

RelayResult relay_send(Relay *relay, const RelayMail *mail, Deadline deadline, Trace *trace)
{
	RelayResult result;

	if (!mail_address_valid(mail->from) || !mail_address_valid(mail->to) ||
	    mail->len > SMTP_MESSAGE_MAX) {
		trace_fail(trace, "message", CAUSE_INTERNAL, "no valid address, or too long");
		return RELAY_PERMANENT;
	}
	/* The child of an earlier session waits for an order while this is written. */
	memcpy(relay->job->from, mail->from, strlen(mail->from) + 1);
	memcpy(relay->job->to, mail->to, strlen(mail->to) + 1);
	memcpy(relay->job->message, mail->text, mail->len);
	relay->job->len = mail->len;
	result = send_job(relay, deadline, trace);
	memory_wipe(relay->job, offsetof(SmtpJob, message) + mail->len);
	memory_wipe(relay->gate.turn, relay->gate.turn_len);
	memory_wipe(&relay->gate.reply, sizeof(relay->gate.reply));
	return result;
}
