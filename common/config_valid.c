/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shapes of single values: early and plain, so that a mistake is found at start and not at the
 * first recovery.
 */

#include <string.h>

#include "config_table.h"
#include "validate.h"

#define ITEM_MAX 255 /* bytes of one item of a list */

static bool all_of(const char *text, size_t len, const char *extra)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || !strchr(extra, c)))
			return false;
	}
	return len > 0;
}

/* Items with blanks between, each valid, at least one. */
static bool list_valid(const char *value, bool (*valid)(const char *item))
{
	char item[ITEM_MAX + 1];
	size_t n = 0;

	for (const char *p = value; *p; n++) {
		size_t len = strcspn(p, " ");

		if (len > ITEM_MAX)
			return false;
		memcpy(item, p, len);
		item[len] = '\0';
		if (!valid(item))
			return false;
		p += len;
		p += strspn(p, " ");
	}
	return n > 0;
}

static bool port_valid(const char *text)
{
	unsigned port = 0;

	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || p - text >= 5)
			return false;
		port = port * 10 + (unsigned)(*p - '0');
	}
	return port > 0 && port <= 65535;
}

/* host or [address], with ":port" where that is allowed or needed. */
static bool host_port_valid(const char *text, bool need_port)
{
	size_t len = text[0] == '[' ? strcspn(text, "]") : strcspn(text, ":");
	const char *rest = text + len;

	if (text[0] == '[') {
		if (*rest != ']' || !all_of(text + 1, len - 1, ":.%"))
			return false;
		rest++;
	} else if (len > HOST_NAME_MAX_LEN || !all_of(text, len, ".-") || text[0] == '-' ||
		   text[0] == '.') {
		return false;
	}
	if (*rest == '\0')
		return !need_port;
	return *rest == ':' && port_valid(rest + 1);
}

static bool uri_valid(const char *uri)
{
	char host[ITEM_MAX + 1];
	size_t len;

	if (strncmp(uri, "ldapi://", 8) == 0)
		return all_of(uri + 8, strlen(uri + 8), "/%._-");
	if (strncmp(uri, "ldap://", 7) == 0)
		uri += 7;
	else if (strncmp(uri, "ldaps://", 8) == 0)
		uri += 8;
	else
		return false;
	len = strlen(uri);
	if (len == 0 || len > ITEM_MAX)
		return false;
	if (uri[len - 1] == '/')
		len--;
	memcpy(host, uri, len);
	host[len] = '\0';
	return host_port_valid(host, false);
}

bool config_valid_uris(const char *value)
{
	return list_valid(value, uri_valid);
}

bool config_valid_dn(const char *value)
{
	size_t type = strcspn(value, "=");

	return text_valid(value, 1000) && value[type] == '=' && all_of(value, type, ".-") &&
	       value[type + 1] != '\0';
}

bool config_valid_filter(const char *value)
{
	size_t depth = 0, len = strlen(value);

	if (len > 1000 || value[0] != '(' || value[len - 1] != ')')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (value[i] == '(')
			depth++;
		else if (value[i] == ')' && (depth-- == 0 || (depth == 0 && i + 1 < len)))
			return false;
	}
	return depth == 0;
}

bool config_valid_attribute(const char *value)
{
	size_t len = strlen(value);

	return len <= 64 && all_of(value, len, ".-;") && value[0] != '-';
}

bool config_valid_path(const char *value)
{
	size_t len = strlen(value);

	return value[0] == '/' && len < 1024 && !strstr(value, "/../") &&
	       !(len >= 3 && strcmp(value + len - 3, "/..") == 0);
}

bool config_valid_image(const char *value)
{
	size_t len = strlen(value);

	return config_valid_path(value) && len > 4 &&
	       (strcmp(value + len - 4, ".svg") == 0 || strcmp(value + len - 4, ".png") == 0);
}

bool config_valid_group(const char *value)
{
	return user_name_valid(value) && strlen(value) <= 64 && !strpbrk(value, " /:,()*\\");
}

bool config_valid_groups(const char *value)
{
	return list_valid(value, config_valid_group);
}

bool config_valid_relay(const char *value)
{
	return host_port_valid(value, true);
}

bool config_valid_from(const char *value)
{
	const char *open = strrchr(value, '<');
	char address[MAIL_ADDRESS_MAX + 1];
	size_t len;

	if (!open)
		return mail_address_valid(value);
	len = strlen(open + 1);
	if (len < 2 || len > MAIL_ADDRESS_MAX || open[len] != '>' ||
	    memchr(value, '<', (size_t)(open - value)))
		return false;
	memcpy(address, open + 1, len - 1);
	address[len - 1] = '\0';
	return mail_address_valid(address) && open - value <= 128;
}

static bool domain_valid(const char *domain)
{
	char address[2 + ITEM_MAX + 1];

	snprintf(address, sizeof(address), "a@%s", domain);
	return mail_address_valid(address);
}

bool config_valid_domains(const char *value)
{
	return list_valid(value, domain_valid);
}

bool config_valid_origin(const char *value)
{
	if (strncmp(value, "https://", 8) == 0)
		return host_port_valid(value + 8, false);
	return strncmp(value, "http://", 7) == 0 && host_port_valid(value + 7, false) &&
	       config_valid_loopback(value + 7);
}

bool config_valid_loopback(const char *host)
{
	static const char *const names[] = { "localhost", "[::1]" };

	/* Digits and dots behind "127.": a name such as 127.example.com is somewhere else. */
	if (strncmp(host, "127.", 4) == 0) {
		size_t len = strspn(host, "0123456789.");

		return host[len] == '\0' || host[len] == ':';
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(host, names[i], len) == 0 && (host[len] == '\0' || host[len] == ':'))
			return true;
	}
	return false;
}

bool config_valid_colour(const char *value)
{
	return value[0] == '#' && strlen(value) == 7 &&
	       strspn(value + 1, "0123456789abcdefABCDEF") == 6;
}

bool config_valid_name(const char *value)
{
	return text_valid(value, 64);
}

bool config_valid_text(const char *value)
{
	return text_valid(value, 1000);
}
