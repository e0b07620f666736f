/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pages that say why something is not to be had, and what to do next. */
#include <string.h>

#include "page.h"

static const struct {
	unsigned status;
	TextId title;
	TextId lead;
} refusal_table[] = {
	{ 403, TEXT_FOREIGN_TITLE, TEXT_FOREIGN_LEAD },
	{ 404, TEXT_NOT_FOUND_TITLE, TEXT_NOT_FOUND_LEAD },
	{ 405, TEXT_METHOD_TITLE, TEXT_METHOD_LEAD },
	{ 500, TEXT_INTERNAL_TITLE, TEXT_INTERNAL_LEAD },
	{ 503, TEXT_UNAVAILABLE_TITLE, TEXT_UNAVAILABLE_LEAD },
	{ 0, TEXT_BAD_TITLE, TEXT_BAD_LEAD },
};

static const struct {
	const char *reason;
	TextId title;
	TextId lead;
	unsigned status;
} dead_table[] = {
	{ "expired", TEXT_EXPIRED_TITLE, TEXT_EXPIRED_LEAD, 410 },
	{ "used", TEXT_USED_TITLE, TEXT_USED_LEAD, 410 },
	{ "revoked", TEXT_CANCELLED_TITLE, TEXT_CANCELLED_LEAD, 410 },
};

void page_refused(Request *request, unsigned status)
{
	size_t i = 0;

	while (refusal_table[i].status != 0 && refusal_table[i].status != status)
		i++;
	page_open(request, refusal_table[i].title);
	page_lead(request, refusal_table[i].lead);
	page_action(request, "/", TEXT_START);
	page_close(request, status);
}

void page_dead(Request *request, const char *reason)
{
	TextId title = TEXT_DAMAGED_TITLE, lead = TEXT_DAMAGED_LEAD;
	unsigned status = 404;

	for (size_t i = 0; reason && i < ARRAY_SIZE(dead_table); i++) {
		if (strcmp(dead_table[i].reason, reason) != 0)
			continue;
		title = dead_table[i].title;
		lead = dead_table[i].lead;
		status = dead_table[i].status;
	}
	page_open(request, title);
	page_lead(request, lead);
	page_action(request, "/", TEXT_DEAD_BUTTON);
	page_close(request, status);
}

static void busy_page(Request *request, const JsonNode *parameters)
{
	if (!json_get_integer(parameters, "seconds", &request->seconds) || request->seconds < 1 ||
	    request->seconds > 24 * 3600)
		request->seconds = 60;
	page_open(request, TEXT_BUSY_TITLE);
	buf_puts(&request->page, "<p class=\"lead\">");
	page_number(request, TEXT_BUSY_LEAD, (request->seconds + 59) / 60);
	buf_puts(&request->page, "</p>\n");
	page_link(request, "/", TEXT_START);
	page_close(request, 429);
}

/* The person has to be told the truth: it may have happened. */
static void unknown_page(Request *request, bool password)
{
	page_open(request, TEXT_UNKNOWN_TITLE);
	page_lead(request, password ? TEXT_UNKNOWN_LEAD : TEXT_LOST_LEAD);
	if (password)
		page_paragraph(request, TEXT_UNKNOWN_ADVICE);
	page_action(request, "/", TEXT_START);
	request->seconds = 0;
	page_close(request, 503);
}

void page_failure(Request *request, Failure failure, const JsonNode *parameters)
{
	switch (failure) {
	case FAILURE_LINK_DEAD:
		page_dead(request, json_get_string(parameters, "reason"));
		break;
	case FAILURE_TRY_LATER:
		busy_page(request, parameters);
		break;
	case FAILURE_UNKNOWN:
		unknown_page(request, request->writes_password);
		break;
	case FAILURE_LOST:
		if (!request->writes) {
			page_refused(request, 503);
			break;
		}
		unknown_page(request, request->writes_password);
		break;
	default:
		page_refused(request, 503);
	}
}
