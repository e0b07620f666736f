/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that knows libesmtp. Three things about its 1.1.0 shape it:
 * - it takes no connected socket, so it is let connect to a listener of ours on the loopback which
 * never accepts, and at SMTP_EV_CONNECT the descriptor is replaced by our end of the pair;
 * - it holds no connection between two calls, so the next message is added from within the event
 * that ends the one before: all in one session;
 * - its return values say nothing about a message: only the status of message and recipient does.
 */

#include <arpa/inet.h>
#include <auth-client.h>
#include <fcntl.h>
#include <libesmtp.h>
#include <netinet/in.h>
#include <string.h>

#include "macros.h"
#include "smtp.h"

#define FD_SCAN_MAX 64
#define CALM_MS (24L * 60 * 60 * 1000) /* the parent's clock decides, never libesmtp's */

typedef struct Session {
	const SmtpSetup *setup;
	smtp_session_t session;
	smtp_message_t message; /* the one under way */
	smtp_recipient_t recipient;
	struct sockaddr_in listener;
	bool connected;
	char *user;
	char *password;
} Session;

static int order_wait(int fd)
{
	SmtpOrder order;
	ssize_t n;

	do
		n = recv(fd, &order, sizeof(order), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(order) ? (int)order : -EPIPE;
}

static bool report_send(int fd, const void *report, size_t size)
{
	return send(fd, report, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool addresses_send(const SmtpSetup *setup)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	SmtpAddresses list = { .n = 0 };
	bool ok;

	list.error = getaddrinfo(setup->host, setup->port, &hints, &found);
	list.system_error = list.error == EAI_SYSTEM ? errno : 0;
	for (struct addrinfo *a = list.error == 0 ? found : NULL; a && list.n < SMTP_ADDRESSES_MAX;
	     a = a->ai_next) {
		if (a->ai_addrlen > sizeof(list.address[0]))
			continue;
		memcpy(&list.address[list.n], a->ai_addr, a->ai_addrlen);
		list.len[list.n++] = a->ai_addrlen;
	}
	ok = report_send(setup->orders, &list, sizeof(list));
	if (list.error == 0)
		freeaddrinfo(found);
	return ok;
}

/* A place to connect to. Nobody accepts there: a stranger who connects as well gains nothing. */
static int listener_open(struct sockaddr_in *ret)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	AUTO_CLOSE int fd = -1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	*ret = address;
	return steal_fd(&fd);
}

/* The one descriptor that libesmtp has just connected. */
static int descriptor_find(const struct sockaddr_in *listener)
{
	int found = -1;

	for (int fd = 0; fd < FD_SCAN_MAX; fd++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
		struct sockaddr_in *in = (struct sockaddr_in *)&peer;
		socklen_t len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0 ||
		    peer.ss_family != AF_INET || in->sin_port != listener->sin_port ||
		    in->sin_addr.s_addr != listener->sin_addr.s_addr)
			continue;
		if (found >= 0)
			return -EEXIST;
		found = fd;
	}
	return found;
}

static void connection_replace(Session *s)
{
	int fd = descriptor_find(&s->listener);

	s->connected = fd >= 0 && !s->connected && dup3(s->setup->stream, fd, O_CLOEXEC) == fd;
	/* Without the exchange libesmtp would wait for a greeting from our own listener. */
	if (!s->connected)
		_exit(EXIT_FAILURE);
	close(s->setup->stream);
}

static const char *message_read(void **context, int *len, void *userdata)
{
	const SmtpJob *job = userdata;

	/* libesmtp frees the context; it only says whether the text was given out already. */
	if (!len) {
		free(*context);
		*context = NULL;
		return NULL;
	}
	*len = 0;
	if (!*context) {
		*context = calloc(1, 1);
		*len = *context ? (int)job->len : 0;
	}
	return job->message;
}

static bool message_add(Session *s)
{
	const SmtpJob *job = s->setup->job;

	s->message = smtp_add_message(s->session);
	if (!s->message || !smtp_set_reverse_path(s->message, job->from) ||
	    !smtp_set_messagecb(s->message, message_read, (void *)(uintptr_t)job))
		return false;
	s->recipient = smtp_add_recipient(s->message, job->to);
	return s->recipient != NULL;
}

/* The message is over, well or badly: says so, and adds the next one before libesmtp looks for it.
 */
static void message_done(Session *s)
{
	SmtpReport report = {
		.sender = smtp_reverse_path_status(s->message)->code,
		.recipient = smtp_recipient_status(s->recipient)->code,
		.transfer = smtp_message_transfer_status(s->message)->code,
	};

	s->message = NULL;
	/* Without a parent there is nobody to go on for. */
	if (!report_send(s->setup->orders, &report, sizeof(report)))
		_exit(EXIT_FAILURE);
	switch (order_wait(s->setup->orders)) {
	case SMTP_ORDER_SEND:
		if (!message_add(s))
			_exit(EXIT_FAILURE);
		break;
	case SMTP_ORDER_END:
		break;
	default:
		_exit(EXIT_FAILURE);
	}
}

/* The events after which libesmtp leaves a message: MAIL or RCPT not accepted, DATA not accepted,
 * the text ended. */
static void event(smtp_session_t session UNUSED, int number, void *userdata, ...)
{
	Session *s = userdata;

	switch (number) {
	case SMTP_EV_CONNECT:
		connection_replace(s);
		break;
	case SMTP_EV_MAILSTATUS:
		if (s->message && smtp_reverse_path_status(s->message)->code / 100 != 2)
			message_done(s);
		break;
	case SMTP_EV_RCPTSTATUS:
		if (s->message && smtp_recipient_status(s->recipient)->code / 100 != 2)
			message_done(s);
		break;
	case SMTP_EV_MESSAGESENT:
		if (s->message)
			message_done(s);
		break;
	}
}

static int credential_give(auth_client_request_t request, char **result, int fields, void *userdata)
{
	Session *s = userdata;

	for (int i = 0; i < fields; i++)
		if (request[i].flags & AUTH_PASS)
			result[i] = s->password;
		else if (request[i].flags & AUTH_USER)
			result[i] = s->user;
		else
			return 0;
	return 1;
}

/* libesmtp wants the text writable; the copies die with this process. */
static bool auth_prepare(Session *s, auth_context_t *ret)
{
	auth_context_t context;

	if (*s->setup->user == '\0')
		return true;
	s->user = strdup(s->setup->user);
	s->password = strndup(s->setup->password->bytes, s->setup->password->len);
	auth_client_init();
	context = auth_create_context();
	if (!s->user || !s->password || !context)
		return false;
	*ret = context;
	/* PLAIN is allowed because the gate lets AUTH pass under TLS alone. */
	return auth_set_mechanism_flags(context, AUTH_PLUGIN_PLAIN, 0) &&
	       auth_set_interact_cb(context, credential_give, s) &&
	       smtp_auth_set_context(s->session, context);
}

static bool session_prepare(Session *s, auth_context_t *auth)
{
	static const int waits[] = { Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA,
				     Timeout_TRANSFER, Timeout_DATA2 };
	char server[64];

	snprintf(server, sizeof(server), "127.0.0.1:%u", ntohs(s->listener.sin_port));
	if (!smtp_set_server(s->session, server) ||
	    !smtp_set_hostname(s->session, s->setup->helo) ||
	    !smtp_set_eventcb(s->session, event, s) ||
	    !smtp_starttls_enable(s->session, Starttls_DISABLED) ||
	    !smtp_option_require_all_recipients(s->session, 1))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		if (smtp_set_timeout(s->session, waits[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
				     CALM_MS) == 0)
			return false;
	return auth_prepare(s, auth) && message_add(s);
}

int smtp_main(const SmtpSetup *setup)
{
	Session s = { .setup = setup };
	auth_context_t auth = NULL;
	AUTO_CLOSE int listener = -1;

	if (!addresses_send(setup) || order_wait(setup->orders) != SMTP_ORDER_SEND)
		return EXIT_FAILURE;
	listener = listener_open(&s.listener);
	s.session = smtp_create_session();
	if (listener < 0 || !s.session || !session_prepare(&s, &auth))
		return EXIT_FAILURE;
	smtp_start_session(s.session);
	smtp_destroy_session(s.session);
	if (auth)
		auth_destroy_context(auth);
	free(s.user);
	free(s.password);
	return EXIT_SUCCESS;
}
