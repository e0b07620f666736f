/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connecting and calling, with words for all that can fail on the way. */

#include <stdarg.h>
#include <string.h>

#include "ctl.h"
#include "verbs.h"
#include "version.h"

#define SOCKET_DEFAULT PWRESET_RUNDIR "/ctl"
#define CONNECT_MS 15000
#define CALL_MS 90000 /* above the longest deadline of the broker's table, Diagnose's */

void complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("pwresetctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int complain_usage(const Ctl *ctl, const char *format, ...)
{
	va_list args;

	if (format) {
		fputs("pwresetctl: ", stderr);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fputc('\n', stderr);
	}
	fprintf(stderr, _("Try pwresetctl %s%s--help.\n"), ctl->verb ? ctl->verb->name : "",
		ctl->verb ? " " : "");
	return EXIT_USAGE;
}

static int connect_complain(const char *path, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		complain(_("pwresetd cannot be reached at %s: is pwreset-ctl.socket active?\n"
			   "  systemctl enable --now pwreset-ctl.socket"),
			 path);
		break;
	case -ETIMEDOUT:
		complain(
			_("pwresetd does not take the connection at %s.\n  systemctl status pwresetd.service"),
			path);
		break;
	case -EPERM:
		complain(
			_("The socket at %s is not root's, as systemd's would be; nothing was sent to it.\n"
			  "  If it is yours, name it: --socket=%s"),
			path, path);
		break;
	default:
		complain(_("pwresetd cannot be reached at %s: %s"), path, strerror(-error));
	}
	return EXIT_UNREACHABLE;
}

static int exchange_complain(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		complain(_(
			"pwresetd does not answer. What was asked for may have been done.\n  journalctl -u pwresetd"));
		break;
	case -ECONNRESET:
	case -EPIPE:
		complain(_(
			"pwresetd has closed the connection. What was asked for may have been done.\n  journalctl -u pwresetd"));
		break;
	case -EMSGSIZE:
		complain(_("That is too long for a message, or it is not UTF-8 text."));
		return EXIT_USAGE;
	case -EBADMSG:
		complain(_("What answers is not pwresetd, or not of this version."));
		break;
	default:
		complain(_("The call failed: %s"), strerror(-error));
	}
	return EXIT_UNREACHABLE;
}

void ctl_disconnect(Ctl *ctl)
{
	ctl->client = client_free(ctl->client);
}

static int call_open(Ctl *ctl, const char *method, bool more, JsonWriter **ret)
{
	const char *path = ctl->default_socket ? ctl->default_socket : SOCKET_DEFAULT;
	int r;

	if (ctl->options.socket)
		path = ctl->options.socket;
	if (!ctl->client) {
		/* Who names a socket has looked at it; passwords go to root's alone. */
		r = client_connect(&ctl->client, path, !ctl->options.socket, CONNECT_MS);
		if (r < 0)
			return connect_complain(path, r);
	}
	*ret = client_open(ctl->client, method, more);
	return 0;
}

int ctl_open(Ctl *ctl, const char *method, JsonWriter **ret)
{
	return call_open(ctl, method, false, ret);
}

int ctl_open_more(Ctl *ctl, const char *method, JsonWriter **ret)
{
	return call_open(ctl, method, true, ret);
}

int ctl_exchange(Ctl *ctl, VarlinkReply *reply)
{
	int r;

	r = client_call(ctl->client, CALL_MS, reply);
	return r < 0 ? exchange_complain(r) : 0;
}

int ctl_next(Ctl *ctl, VarlinkReply *reply)
{
	int r = client_next(ctl->client, CALL_MS, reply);

	return r < 0 ? exchange_complain(r) : 0;
}

int ctl_call(Ctl *ctl, const JsonNode **ret)
{
	VarlinkReply reply;
	int r;

	r = ctl_exchange(ctl, &reply);
	if (r != 0)
		return r;
	if (reply.error)
		return failure_report(&reply);
	if (ret)
		*ret = reply.parameters;
	return 0;
}

int ctl_call_user(Ctl *ctl, const char *method, const char *user, const JsonNode **ret)
{
	JsonWriter *w;
	int r;

	r = ctl_open(ctl, method, &w);
	if (r != 0)
		return r;
	if (user)
		json_put_string(w, "user", user);
	return ctl_call(ctl, ret);
}
