/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets from a terminal or from stdin, byte by byte, so that none is left in a buffer of stdio.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

#include "ctl.h"
#include "prompt.h"

#define TRIES_MAX 3 /* until both are the same */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

/* What must not leave the terminal without echo. */
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

/*
 * They are held back but while a key is waited for: one that came just before that would else wait
 * for a key as well.
 */
static void signals_catch(struct sigaction *old, sigset_t *mask)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t held;

	interrupted = 0;
	sigemptyset(&held);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, mask);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, &old[i]);
}

static void signals_restore(const struct sigaction *old, const sigset_t *mask)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* mask: the signals that are held back meanwhile; NULL: none are caught. */
static ssize_t read_byte(int fd, char *c, const sigset_t *mask)
{
	struct pollfd key = { .fd = fd, .events = POLLIN };

	if (mask && ppoll(&key, 1, NULL, mask) < 0)
		return -1;
	return read(fd, c, 1);
}

/* Up to a newline, which is not kept. The end of the input behind some bytes ends a line too. */
static int read_line(int fd, Secret *secret, const sigset_t *mask)
{
	int r = 0;

	secret_wipe(secret);
	for (;;) {
		char c;
		ssize_t n = read_byte(fd, &c, mask);

		if (n < 0 && errno == EINTR && !interrupted)
			continue;
		if (n < 0)
			r = -errno;
		else if (n == 0 && secret->len == 0)
			r = -ECANCELED;
		if (n <= 0 || c == '\n')
			break;
		/*
		 * Too long: read on to the end, so that the rest is not taken for an answer to
		 * something else.
		 */
		if (secret->len == SECRET_MAX)
			r = -E2BIG;
		else
			secret->bytes[secret->len++] = c;
	}
	if (r == 0 && memchr(secret->bytes, '\0', secret->len))
		r = -EINVAL;
	if (r < 0)
		secret_wipe(secret);
	return r;
}

static int ask(int fd, Secret *secret, const char *text, PromptMode mode, const sigset_t *mask)
{
	struct termios old, hidden;
	int r;

	if (tcgetattr(fd, &old) < 0)
		return -ENOTTY;
	hidden = old;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ICANON | ISIG | ECHONL;
	/*
	 * FLUSH: what was typed before the question is not an answer to it. The question comes
	 * after that: who answers at once would else lose the answer, and see it.
	 */
	if (mode == PROMPT_HIDDEN && tcsetattr(fd, TCSAFLUSH, &hidden) < 0)
		return -errno;
	dprintf(fd, "%s", text);
	r = read_line(fd, secret, mask);
	if (mode == PROMPT_HIDDEN)
		tcsetattr(fd, TCSAFLUSH, &old);
	return r;
}

int prompt_secret(Secret *secret, const char *text, PromptMode mode, bool from_stdin)
{
	struct sigaction old[ARRAY_SIZE(signals)];
	AUTO_CLOSE int fd = -1;
	sigset_t mask;
	int r, number;

	if (from_stdin)
		return read_line(STDIN_FILENO, secret, NULL);
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -ENOTTY;
	signals_catch(old, &mask);
	r = ask(fd, secret, text, mode, &mask);
	signals_restore(old, &mask);
	/* With the terminal as it was, the signal may do what it does. */
	number = interrupted;
	if (number != 0) {
		dprintf(fd, "\n");
		secret_wipe(secret);
		raise(number);
		return -EINTR;
	}
	return r;
}

int prompt_new_secret(Secret *secret, const char *text, const char *again, bool from_stdin)
{
	AUTO_SECRET Secret second = SECRET_NULL;
	int r;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		r = prompt_secret(secret, text, PROMPT_HIDDEN, from_stdin);
		if (r < 0 || from_stdin)
			return r;
		r = prompt_secret(&second, again, PROMPT_HIDDEN, false);
		if (r < 0)
			break;
		if (secret->len == second.len &&
		    memory_equal(secret->bytes, second.bytes, second.len))
			return 0;
		complain(_("They are not the same."));
		r = -EKEYREJECTED;
	}
	secret_wipe(secret);
	return r;
}

int prompt_complain(int error)
{
	switch (error) {
	case -ENOTTY:
		complain(_("There is no terminal to ask at: use --stdin."));
		return EXIT_USAGE;
	case -ECANCELED:
		complain(_("Nothing was entered. Nothing was changed."));
		return EXIT_FAILED;
	case -E2BIG:
		complain(_("That is longer than %d bytes. Nothing was changed."), SECRET_MAX);
		return EXIT_USAGE;
	case -EINVAL:
		complain(_("That has a NUL byte in it. Nothing was changed."));
		return EXIT_USAGE;
	case -EKEYREJECTED:
		complain(_("Nothing was changed."));
		return EXIT_FAILED;
	case -EINTR:
		return EXIT_FAILED;
	default:
		complain(_("The input could not be read: %s"), strerror(-error));
		return EXIT_FAILED;
	}
}
