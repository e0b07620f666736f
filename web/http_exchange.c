/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One request and its answer, as libmicrohttpd hands it over. */
#include <arpa/inet.h>
#include <string.h>

#include "http_private.h"
#include "secret.h"

/* What hangs on a request in the library. */
typedef struct Pending {
	Exchange exchange; /* first, so that either can be had from the other */
	Listener *listener;
	struct MHD_Connection *connection;
	Peer *peer;
	size_t body_size;
	bool dispatched;
	bool suspended;
	bool answered;
	struct MHD_Response *response;
	unsigned status;
} Pending;

/* ---- the answer ---- */

static const char *const answer_headers[][2] = {
	/* One request a connection: nothing can be smuggled behind it. */
	{ "Connection", "close" },
	{ "Content-Security-Policy",
	  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
	  "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types "
	  "'none'" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy",
	  "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()" },
	{ "Referrer-Policy", "no-referrer" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "X-Robots-Tag", "noindex, nofollow" },
};

static bool header_add(struct MHD_Response *response, const char *name, const char *value)
{
	return !value || MHD_add_response_header(response, name, value) == MHD_YES;
}

static struct MHD_Response *response_new(const Http *http, const Answer *answer)
{
	/* The body is the exchange's, which lives longer than the response, and is not copied. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
		answer->len, (void *)(uintptr_t)answer->body, MHD_RESPMEM_PERSISTENT);
	char seconds[24] = "";
	bool ok = response != NULL;

	if (answer->retry_after > 0)
		snprintf(seconds, sizeof(seconds), "%lld", (long long)answer->retry_after);
	for (size_t i = 0; ok && i < ARRAY_SIZE(answer_headers); i++)
		ok = header_add(response, answer_headers[i][0], answer_headers[i][1]);
	ok = ok && header_add(response, "Content-Type", answer->type) &&
	     header_add(response, "Cache-Control",
			answer->immutable ? "public, max-age=31536000, immutable" : "no-store") &&
	     header_add(response, "Content-Language", answer->language) &&
	     header_add(response, "Location", answer->location) &&
	     header_add(response, "Allow", answer->allow) &&
	     header_add(response, "Retry-After", seconds[0] ? seconds : NULL) &&
	     header_add(response, "Strict-Transport-Security",
			http->options.hsts ? "max-age=31536000" : NULL);
	if (!ok && response) {
		MHD_destroy_response(response);
		response = NULL;
	}
	return response;
}

void http_answer(Exchange *exchange, const Answer *answer)
{
	Pending *pending = (Pending *)exchange;

	if (pending->answered)
		return;
	pending->answered = true;
	pending->status = answer->status;
	pending->response = response_new(pending->listener->http, answer);
	if (pending->suspended) {
		pending->suspended = false;
		MHD_resume_connection(pending->connection);
		listener_wake(pending->listener);
	}
}

static enum MHD_Result answer_queue(Pending *pending)
{
	/* Without memory for a response the connection is dropped. */
	if (!pending->response)
		return MHD_NO;
	return MHD_queue_response(pending->connection, pending->status, pending->response);
}

/* ---- the request ---- */

static enum MHD_Result collect_header(void *userdata, enum MHD_ValueKind kind UNUSED,
				      const char *name, size_t name_len, const char *value,
				      size_t value_len)
{
	head_add(userdata, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

static void read_address(Pending *pending)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(pending->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char *ret = pending->exchange.address;
	const struct sockaddr *address = info ? info->client_addr : NULL;

	if (!address)
		return;
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		inet_ntop(AF_INET, &in->sin_addr, ret, INET6_ADDRSTRLEN);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, ret, INET6_ADDRSTRLEN);
		else
			inet_ntop(AF_INET6, &in6->sin6_addr, ret, INET6_ADDRSTRLEN);
	}
}

/* Called by the library for the request line, before the fields: the only place where the query
 * stands as it came. */
void *exchange_line(void *userdata UNUSED, const char *uri, struct MHD_Connection *connection)
{
	Pending *pending = calloc(1, sizeof(*pending));
	const union MHD_ConnectionInfo *info;
	const char *query = strchr(uri, '?');
	size_t len = query ? (size_t)(query - uri) : strlen(uri);

	if (!pending)
		return NULL;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	pending->peer = info ? info->socket_context : NULL;
	pending->connection = connection;
	if (pending->peer)
		pending->peer->owner = pending;
	if (len <= HTTP_PATH_MAX)
		memcpy(pending->exchange.path, uri, len);
	if (query && strlen(query + 1) <= HTTP_QUERY_MAX)
		memcpy(pending->exchange.query, query + 1, strlen(query + 1) + 1);
	return pending;
}

/* The head is complete: what is not sound is refused before a byte of the body is taken. */
static void request_begin(Listener *listener, Pending *pending, const char *method,
			  const char *version)
{
	Exchange *exchange = &pending->exchange;

	pending->listener = listener;
	exchange->post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
	exchange->get = strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
			strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	read_address(pending);
	MHD_get_connection_values_n(pending->connection, MHD_HEADER_KIND, collect_header,
				    &exchange->head);
	exchange->refused =
		head_check(&exchange->head, exchange->post, listener->http->options.body_max);
	if (strcmp(version, MHD_HTTP_VERSION_1_1) != 0 &&
	    strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
		exchange->refused = 505;
	if (exchange->refused || !exchange->post)
		return;
	pending->body_size = (size_t)exchange->head.length + 1;
	exchange->body = calloc(1, pending->body_size);
	if (!exchange->body)
		exchange->refused = 503;
}

static void request_dispatch(Pending *pending)
{
	Http *http = pending->listener->http;

	pending->dispatched = true;
	if (pending->peer)
		pending->peer->received = true;
	http->options.handler->request(&pending->exchange, http->options.userdata);
}

enum MHD_Result exchange_request(void *userdata, struct MHD_Connection *connection UNUSED,
				 const char *url UNUSED, const char *method, const char *version,
				 const char *upload, size_t *upload_len, void **state)
{
	Pending *pending = *state;
	Exchange *exchange;

	if (!pending)
		return MHD_NO;
	exchange = &pending->exchange;
	if (!pending->listener) {
		request_begin(userdata, pending, method, version);
		if (!exchange->refused)
			return MHD_YES;
	} else if (*upload_len > 0) {
		if (!exchange->body || *upload_len >= pending->body_size - exchange->body_len)
			return MHD_NO;
		memcpy(exchange->body + exchange->body_len, upload, *upload_len);
		exchange->body_len += *upload_len;
		*upload_len = 0;
		return MHD_YES;
	}
	if (!pending->dispatched)
		request_dispatch(pending);
	if (pending->answered)
		return answer_queue(pending);
	/* A refusal has to be answered at once: the body has not been read, and may never come. */
	if (exchange->refused)
		return MHD_NO;
	pending->suspended = true;
	MHD_suspend_connection(pending->connection);
	return MHD_YES;
}

void exchange_completed(void *userdata UNUSED, struct MHD_Connection *connection UNUSED,
			void **state, enum MHD_RequestTerminationCode why UNUSED)
{
	Pending *pending = *state;

	if (!pending)
		return;
	*state = NULL;
	pending->answered = true;
	if (pending->peer)
		pending->peer->owner = NULL;
	if (pending->dispatched)
		pending->listener->http->options.handler->closed(&pending->exchange);
	if (pending->response)
		MHD_destroy_response(pending->response);
	if (pending->exchange.body) {
		memory_wipe(pending->exchange.body, pending->body_size);
		free(pending->exchange.body);
	}
	memory_wipe(pending, sizeof(*pending));
	free(pending);
}

void exchange_abandon(Peer *peer)
{
	Pending *pending = peer->owner;

	if (!pending || !pending->suspended)
		return;
	pending->answered = true;
	pending->suspended = false;
	MHD_resume_connection(pending->connection);
}
