/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A relay for benchmarks: takes every mail at once and keeps none. Prints its port. With --one it
 * ends each session after the first mail (421 to the next MAIL), so that every mail needs a session
 * of its own. With --log=FILE it notes each mail before it says that it has it, a line of time,
 * recipient and Message-ID.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE 65536

static bool one_mail;
static int log_fd = -1;

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Reads until the buffer ends in end: the client waits for an answer after each command. */
static bool hear(int fd, char *buffer, const char *end)
{
	size_t len = 0, n = strlen(end);

	while (len < n || memcmp(buffer + len - n, end, n) != 0) {
		ssize_t r = len < BUFFER_SIZE ? recv(fd, buffer + len, BUFFER_SIZE - len, 0) : -1;

		if (r <= 0)
			return false;
		len += (size_t)r;
	}
	buffer[len < BUFFER_SIZE ? len : BUFFER_SIZE - 1] = '\0';
	return true;
}

/* Copies what stands between < and > behind start. */
static void between(const char *text, const char *start, char *ret, size_t size)
{
	const char *p = strstr(text, start), *end;

	ret[0] = '\0';
	p = p ? strchr(p, '<') : NULL;
	end = p ? strchr(p, '>') : NULL;
	if (end && (size_t)(end - p) <= size)
		snprintf(ret, size, "%.*s", (int)(end - p - 1), p + 1);
}

/* One write to a file opened for appending: sessions do not tear one another's lines. */
static bool note(const char *recipient, const char *mail)
{
	char id[256], line[768];
	struct timespec now;
	int len;

	if (log_fd < 0)
		return true;
	between(mail, "\r\nMessage-ID:", id, sizeof(id));
	clock_gettime(CLOCK_MONOTONIC, &now);
	len = snprintf(line, sizeof(line), "%lld.%06ld %s %s\n", (long long)now.tv_sec,
		       now.tv_nsec / 1000, recipient, id);
	return write(log_fd, line, (size_t)len) == len;
}

static void session(int fd)
{
	static char buffer[BUFFER_SIZE];
	char recipient[256] = "";
	unsigned n_mails = 0;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!say(fd, "220 sink\r\n"))
		return;
	while (hear(fd, buffer, "\r\n")) {
		if (strncmp(buffer, "DATA", 4) == 0) {
			if (!say(fd, "354 go\r\n") || !hear(fd, buffer, "\r\n.\r\n") ||
			    !note(recipient, buffer) || !say(fd, "250 ok\r\n"))
				return;
			n_mails++;
		} else if (strncmp(buffer, "QUIT", 4) == 0) {
			say(fd, "221 bye\r\n");
			return;
		} else if (one_mail && n_mails > 0 && strncmp(buffer, "MAIL", 4) == 0) {
			say(fd, "421 one is enough\r\n");
			return;
		} else {
			if (strncmp(buffer, "RCPT", 4) == 0)
				between(buffer, "RCPT", recipient, sizeof(recipient));
			if (!say(fd, "250 ok\r\n"))
				return;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (int i = 1; i < argc; i++) {
		one_mail = one_mail || strcmp(argv[i], "--one") == 0;
		if (strncmp(argv[i], "--log=", 6) == 0)
			log_fd = open(argv[i] + 6, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	signal(SIGCHLD, SIG_IGN); /* sessions end on their own */
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) < 0 ||
	    listen(listener, 16) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0) {
		perror("smtp_sink");
		return EXIT_FAILURE;
	}
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return errno == EINTR ? EXIT_SUCCESS : EXIT_FAILURE;
		if (fork() == 0) {
			session(fd);
			_exit(0);
		}
		close(fd);
	}
}
