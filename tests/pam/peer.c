/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scripted daemon. One connection at a time, as the module makes one a call. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

#define LOG_SIZE (4 * 1024 * 1024)
#define MESSAGE_SIZE (128 * 1024)
#define DRIP_US 250000

typedef struct Shared {
	unsigned calls;
	size_t len;
	char log[LOG_SIZE];
} Shared;

struct Peer {
	pid_t pid;
	Shared *shared;
	char path[108];
};

static _Noreturn void die(const char *what)
{
	perror(what);
	_exit(99);
}

/* "Method {...}" from the message, by looking for the two members. */
static void call_log(Shared *shared, const char *method, const char *message)
{
	const char *parameters = strstr(message, "\"parameters\":");
	int n;

	n = snprintf(shared->log + shared->len, LOG_SIZE - shared->len, "%s %s\n", method,
		     parameters ? parameters + strlen("\"parameters\":") : "");
	if (n > 0 && (size_t)n < LOG_SIZE - shared->len)
		shared->len += (size_t)n;
	shared->calls++;
}

static bool method_get(const char *message, char *method, size_t size)
{
	const char *p = strstr(message, "\"method\":\"org.pwreset."), *end;

	if (!p)
		return false;
	p += strlen("\"method\":\"org.pwreset.");
	end = strchr(p, '"');
	if (!end || (size_t)(end - p) >= size)
		return false;
	memcpy(method, p, (size_t)(end - p));
	method[end - p] = '\0';
	return true;
}

static PeerRule *rule_find(PeerRule *rules, const char *method, const char *message)
{
	for (PeerRule *r = rules; r->reply || r->fault; r++) {
		if (r->method && strcmp(r->method, method) != 0)
			continue;
		if (r->contains && !strstr(message, r->contains))
			continue;
		if (r->times == 1)
			r->method = "used up";
		else if (r->times > 1)
			r->times--;
		return r;
	}
	return NULL;
}

/* Bytes with the NUL that ends them. */
static size_t reply_format(const char *reply, char *out, size_t size)
{
	int n;

	if (reply && reply[0] == '=')
		n = snprintf(out, size, "%s", reply + 1);
	else if (reply && reply[0] == '!')
		n = snprintf(out, size, "{\"error\":\"%.*s\",\"parameters\":%s}",
			     (int)strcspn(reply + 1, " "), reply + 1,
			     strchr(reply, ' ') ? strchr(reply, ' ') + 1 : "{}");
	else
		n = snprintf(out, size, "{\"parameters\":%s}", reply ? reply : "{}");
	return (size_t)n + 1;
}

/* Whatever happens, the other side has to end it. */
static void wait_for_close(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		continue;
}

static void reply_send(int fd, const PeerRule *rule)
{
	static char out[MESSAGE_SIZE];
	size_t len = reply_format(rule->reply, out, sizeof(out));

	if (rule->delay_ms > 0)
		usleep(rule->delay_ms * 1000);
	switch (rule->fault) {
	case PEER_ANSWERS:
		send(fd, out, len, MSG_NOSIGNAL);
		break;
	case PEER_CLOSES:
		break;
	case PEER_HALF:
		send(fd, out, len / 2, MSG_NOSIGNAL);
		break;
	case PEER_STALLS:
		send(fd, out, len / 2, MSG_NOSIGNAL);
		wait_for_close(fd);
		break;
	case PEER_HANGS:
		wait_for_close(fd);
		break;
	case PEER_ENDLESS:
		memset(out, 'x', sizeof(out));
		while (send(fd, out, sizeof(out), MSG_NOSIGNAL) > 0)
			continue;
		break;
	case PEER_DRIPS:
		for (size_t i = 0; i < len && send(fd, out + i, 1, MSG_NOSIGNAL) == 1; i++)
			usleep(DRIP_US);
		break;
	}
}

static void connection_serve(int fd, PeerRule *rules, Shared *shared)
{
	static char message[MESSAGE_SIZE];
	char method[256];
	size_t len = 0;

	for (;;) {
		PeerRule *rule;
		ssize_t n;

		n = read(fd, message + len, sizeof(message) - len - 1);
		if (n <= 0)
			return;
		len += (size_t)n;
		if (message[len - 1] != '\0')
			continue;
		if (!method_get(message, method, sizeof(method)))
			die("no Varlink call came in");
		call_log(shared, method, message);
		rule = rule_find(rules, method, message);
		if (!rule)
			return;
		reply_send(fd, rule);
		len = 0;
		if (rule->fault != PEER_ANSWERS)
			return;
	}
}

static _Noreturn void peer_run(int fd, const PeerRule *rules, Shared *shared)
{
	PeerRule copy[PEER_RULES_MAX] = { 0 };

	for (size_t i = 0; i + 1 < PEER_RULES_MAX && (rules[i].reply || rules[i].fault); i++)
		copy[i] = rules[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c < 0)
			die("accept");
		connection_serve(c, copy, shared);
		close(c);
	}
}

Peer *peer_start(const char *path, const PeerRule *rules, uid_t uid)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	Peer *peer = calloc(1, sizeof(*peer));
	int fd;

	if (!peer || strlen(path) >= sizeof(sa.sun_path))
		die("peer");
	strcpy(sa.sun_path, path);
	strcpy(peer->path, path);
	peer->shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (peer->shared == MAP_FAILED)
		die("mmap");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die(path);
	/* The credentials that the other side sees are those at the time of listen(). */
	if (seteuid(uid) < 0 || listen(fd, 64) < 0 || seteuid(0) < 0)
		die("listen");
	peer->pid = fork();
	if (peer->pid < 0)
		die("fork");
	if (peer->pid == 0)
		peer_run(fd, rules, peer->shared);
	close(fd);
	return peer;
}

const char *peer_log(Peer *peer)
{
	return peer->shared->log;
}

unsigned peer_calls(Peer *peer)
{
	return peer->shared->calls;
}

void peer_reset(Peer *peer)
{
	peer->shared->calls = 0;
	peer->shared->len = 0;
	peer->shared->log[0] = '\0';
}

void peer_stop(Peer *peer)
{
	if (!peer)
		return;
	kill(peer->pid, SIGKILL);
	waitpid(peer->pid, NULL, 0);
	unlink(peer->path);
	munmap(peer->shared, sizeof(Shared));
	free(peer);
}

/* base64 of GOOD_PASSWORD: what the module has to send for it. */
#define GOOD_PASSWORD64 "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="
#define REFUSED "!org.pwreset.Failure.Refused"

const PeerRule peer_good[] = {
	{ "Recovery.RequestCode", NULL, "{}" },
	{ "Recovery.VerifyCode", "\"code\":\"" GOOD_CODE "\"",
	  "{\"grant\":\"GRANTGRANTGRANT\",\"seconds\":300}" },
	{ "Recovery.VerifyCode", NULL, REFUSED },
	{ "Recovery.GetQuestions", NULL,
	  "{\"questions\":[{\"id\":\"pet\",\"text\":\"What was your first pet called?\"},"
	  "{\"id\":\"street\",\"text\":\"On which street did you grow up?\"},"
	  "{\"id\":\"dish\",\"text\":\"Which dish did your grandmother cook?\"}],"
	  "\"needsCode\":false}" },
	{ "Recovery.AnswerQuestions", "[\"Rex\",\"Elm Street\",\"Borscht\"]",
	  "{\"grant\":\"GRANTGRANTGRANT\",\"seconds\":300}" },
	{ "Recovery.AnswerQuestions", NULL, REFUSED },
	{ "Recovery.VerifySavedCode", "\"code\":\"" GOOD_SAVED "\"",
	  "{\"grant\":\"GRANTGRANTGRANT\",\"seconds\":300}" },
	{ "Recovery.VerifySavedCode", NULL, REFUSED },
	{ "Recovery.SetPassword", GOOD_PASSWORD64, "{\"user\":\"alice\"}" },
	{ "Recovery.SetPassword", NULL,
	  "!org.pwreset.Failure.PasswordRefused "
	  "{\"reasons\":[\"common\",\"too-short\"],\"hints\":[\"longer\"],\"bits\":12}" },
	{ "Password.Exists", "\"user\":\"alice\"", "{\"exists\":true}" },
	{ "Password.Exists", NULL, "{\"exists\":false}" },
	{ "Password.Verify", "\"password\":\"b2xkIHBhc3N3b3Jk\"", "{}" }, /* old password */
	{ "Password.Verify", NULL, "!org.pwreset.Failure.WrongPassword" },
	{ "Password.Change", GOOD_PASSWORD64, "{}" },
	{ "Password.Change", NULL,
	  "!org.pwreset.Failure.PasswordRefused "
	  "{\"reasons\":[\"leaked\"],\"hints\":[],\"bits\":3}" },
	{ "Password.SetByRoot", NULL,
	  "!org.pwreset.Failure.NotAllowed {\"reason\":\"privileged\"}" },
	{ "Password.Check", GOOD_PASSWORD64,
	  "{\"accepted\":true,\"reasons\":[],\"hints\":[],\"bits\":77}" },
	{ "Password.Check", NULL,
	  "{\"accepted\":false,\"reasons\":[\"leaked\"],\"hints\":[\"longer\"],\"bits\":3}" },
	{ "Account.Status", NULL,
	  "{\"user\":\"alice\",\"addresses\":[],\"questions\":0,\"savedCodes\":0,\"missing\":[]}" },
	{ 0 },
};
