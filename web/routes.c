/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which page stands at which path. */
#include <string.h>

#include "page.h"
#include "routes.h"

static const Route routes[] = {
	{ "/", ask_get, ask_post, ask_fields },
	{ "/r/", reset_get, reset_post, reset_fields },
	{ "/revoke/", revoke_get, revoke_post, revoke_fields },
	{ "/code", code_get, code_post, code_fields },
	{ "/new", grant_get, grant_post, grant_fields },
	{ "/username", username_get, username_post, username_fields },
	{ "/change", change_get, change_post, change_fields },
	{ "/setup", setup_get, setup_post, setup_fields },
	{ "/setup/codes", codes_get, codes_post, codes_fields },
	{ "/setup/mail", mail_get, mail_post, mail_fields },
	{ "/setup/confirm", confirm_get, confirm_post, confirm_fields },
	{ "/setup/questions", questions_get, questions_post, questions_fields },
};

static bool ticket_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '_';
}

/* What follows /r/, as far as it can be part of a ticket: anything else leaves it empty, which is a
 * damaged link. */
static void ticket_take(Request *request, const char *text)
{
	size_t len = strlen(text);

	if (len > TICKET_TEXT_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		if (!ticket_char(text[i]))
			return;
	memcpy(request->ticket, text, len + 1);
}

static const Route *route_find(Request *request, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t len = strlen(routes[i].path);
		bool ticket = len > 1 && routes[i].path[len - 1] == '/';

		if (ticket && strncmp(path, routes[i].path, len) == 0 && !strchr(path + len, '/')) {
			ticket_take(request, path + len);
			return &routes[i];
		}
		if (strcmp(path, routes[i].path) == 0)
			return &routes[i];
	}
	return NULL;
}

static void route_post(Request *request, const Route *route)
{
	Exchange *exchange = request->exchange;
	int r;

	if (head_foreign(&exchange->head, request->web->site->config->web.origin)) {
		page_refused(request, 403);
		return;
	}
	r = form_parse(&request->form, exchange->body, exchange->body_len, route->fields);
	if (r != 0) {
		page_refused(request, 400);
		return;
	}
	route->post(request);
}

void route_request(Request *request)
{
	const Exchange *exchange = request->exchange;
	const Asset *asset = site_asset(request->web->site, exchange->path);
	const Route *route;

	if (strcmp(exchange->path, "/.well-known/change-password") == 0 && exchange->get) {
		request_redirect(request, 302, "/change");
		return;
	}
	if (asset && exchange->get) {
		request_file(request, asset);
		return;
	}
	route = route_find(request, exchange->path);
	request->takes_post = route != NULL;
	if (!route && !asset)
		page_refused(request, 404);
	else if (route && exchange->get)
		route->get(request);
	else if (route && exchange->post)
		route_post(request, route);
	else
		page_refused(request, 405);
}
