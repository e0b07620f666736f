/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lets pass what may pass; see gate.h. */

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "dial.h"
#include "gate.h"

#define CHALLENGE_MAX 512 /* libesmtp decodes into 2048 bytes */

typedef enum GateTurn {
	TURN_ANY,
	TURN_EHLO,
	TURN_AUTH,
	TURN_AUTH_MORE,
	TURN_MAIL,
	TURN_RCPT,
	TURN_DATA,
	TURN_TEXT,
	TURN_RSET,
	TURN_QUIT,
	TURN_UNKNOWN,
} GateTurn;

static const struct {
	const char *word;
	GateTurn turn;
} words[] = {
	{ "EHLO ", TURN_EHLO },     { "AUTH ", TURN_AUTH },    { "MAIL FROM:<", TURN_MAIL },
	{ "RCPT TO:<", TURN_RCPT }, { "DATA\r\n", TURN_DATA }, { "RSET\r\n", TURN_RSET },
	{ "QUIT\r\n", TURN_QUIT },
};

static const char *const names[] = {
	[TURN_EHLO] = "EHLO",    [TURN_AUTH] = "AUTH", [TURN_AUTH_MORE] = "AUTH",
	[TURN_MAIL] = "MAIL",    [TURN_RCPT] = "RCPT", [TURN_DATA] = "DATA",
	[TURN_TEXT] = "message", [TURN_RSET] = "RSET", [TURN_QUIT] = "QUIT",
};

static GateTurn turn_name(const Gate *gate)
{
	if (gate->expects != TURN_ANY)
		return (GateTurn)gate->expects;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strncmp(gate->turn, words[i].word, strlen(words[i].word)) == 0)
			return words[i].turn;
	return TURN_UNKNOWN;
}

static bool turn_complete(const Gate *gate)
{
	const char *end = gate->expects == TURN_TEXT ? "\r\n.\r\n" : "\r\n";
	size_t len = strlen(end);

	return gate->turn_len >= len && memcmp(gate->turn + gate->turn_len - len, end, len) == 0;
}

/* Waits for libesmtp: 1 a report instead of a command, 0 a command in gate->turn, or a negative
 * errno. */
static int turn_read(Gate *gate, SmtpReport *report)
{
	gate->turn_len = 0;
	for (;;) {
		struct pollfd p[] = { { .fd = gate->child->stream, .events = POLLIN },
				      { .fd = gate->child->orders,
					.events = report ? POLLIN : 0 } };
		Deadline now = monotonic_ms();
		ssize_t n;

		if (now >= gate->deadline)
			return -ETIMEDOUT;
		n = poll(p, ARRAY_SIZE(p), (int)(gate->deadline - now));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (p[0].revents == 0 && (p[1].revents & POLLIN))
			return recv(gate->child->orders, report, sizeof(*report), MSG_DONTWAIT) ==
					       sizeof(*report)
				       ? 1
				       : -EPROTO;
		n = recv(gate->child->stream, gate->turn + gate->turn_len,
			 sizeof(gate->turn) - 1 - gate->turn_len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return -EPROTO;
		gate->turn_len += (size_t)n;
		gate->turn[gate->turn_len] = '\0';
		if (turn_complete(gate))
			return 0;
	}
}

static int answer(const Gate *gate, int code, const char *text)
{
	char line[CHALLENGE_MAX + 64];
	Buf out;

	buf_init(&out, line, sizeof(line));
	if (code == 250 && text) /* the one extension of EHLO */
		buf_printf(&out, "250-relay\r\n250 %s\r\n", text);
	else
		buf_printf(&out, "%03d %s\r\n", code, text ? text : "relay");
	if (out.overflow)
		return -EMSGSIZE;
	/* The pair's buffer is empty at this point, so this does not block. */
	return send(gate->child->stream, line, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
			       (ssize_t)out.len
		       ? 0
		       : -EPROTO;
}

int gate_greet(Gate *gate)
{
	return answer(gate, 220, NULL);
}

static int broken(Gate *gate, const char *what)
{
	trace_fail(gate->trace, "libesmtp", CAUSE_INTERNAL, what);
	return GATE_E_BROKEN;
}

/* The line that this message makes, and nothing else: no other address can get to the relay. */
static bool path_right(const Gate *gate, const char *word, const char *address)
{
	size_t len = strlen(word), n = strlen(address);

	return gate->turn_len == len + n + 3 && memcmp(gate->turn + len, address, n) == 0 &&
	       memcmp(gate->turn + len + n, ">\r\n", 3) == 0;
}

/*
 * The message with its dots doubled (RFC 5321 4.5.2) and the end of the text, and nothing else.
 * When libesmtp cannot write it goes on with what comes next: a mail without its head would be
 * sent.
 */
static bool text_right(const Gate *gate)
{
	const char *turn = gate->turn, *end = gate->turn + gate->turn_len;
	bool start = true;

	for (size_t i = 0; i < gate->job->len; i++) {
		char c = gate->job->message[i];

		if (start && c == '.' && (turn == end || *turn++ != '.'))
			return false;
		if (turn == end || *turn++ != c)
			return false;
		start = c == '\n';
	}
	return start && end - turn == 3 && memcmp(turn, ".\r\n", 3) == 0;
}

/* Whether libesmtp may say this now: 0, or GATE_E_*. */
static int turn_permit(Gate *gate, GateTurn turn)
{
	const GateCodes *c = &gate->codes;

	switch (turn) {
	case TURN_AUTH:
	case TURN_AUTH_MORE:
		if (gate->needs_auth && !gate->authenticated && wire_tls(gate->wire))
			return 0;
		return broken(gate, "AUTH out of turn");
	case TURN_MAIL:
		if (gate->needs_auth && !gate->authenticated)
			return broken(gate, "MAIL without the AUTH that the configuration demands");
		return path_right(gate, "MAIL FROM:<", gate->job->from)
			       ? 0
			       : broken(gate, "another sender");
	case TURN_RCPT:
		if (c->sender / 100 == 2 && path_right(gate, "RCPT TO:<", gate->job->to))
			return 0;
		return broken(gate, "another recipient");
	case TURN_DATA:
		return c->recipient / 100 == 2 ? 0 : broken(gate, "DATA out of turn");
	case TURN_TEXT:
		if (c->data != 354)
			return broken(gate, "text out of turn");
		return text_right(gate) ? 0 : broken(gate, "another text");
	case TURN_EHLO:
	case TURN_RSET:
	case TURN_QUIT:
		return 0;
	default:
		return broken(gate, "a command that it has no business to send");
	}
}

/* Sends the turn and reads the reply: 0 or GATE_E_*. */
static int exchange(Gate *gate, GateTurn turn)
{
	int r;

	/* What came unasked would be taken for the reply: a farewell at best. */
	if (!wire_quiet(gate->wire)) {
		trace_fail(gate->trace, names[turn], CAUSE_LOST,
			   "the relay spoke out of turn or ended the connection");
		return GATE_E_LOST;
	}
	/* libesmtp does not know RFC 6531: its word is added to its command. */
	if (turn == TURN_MAIL && gate->needs_utf8) {
		const char *more = " SMTPUTF8\r\n";

		memcpy(gate->turn + gate->turn_len - 2, more, strlen(more) + 1);
		gate->turn_len += strlen(more) - 2;
	}
	r = wire_write(gate->wire, gate->turn, gate->turn_len, gate->deadline);
	if (r < 0) {
		/* The end of the text goes last, so the relay cannot have taken it. */
		dial_trace_error(gate->trace, names[turn], r);
		return GATE_E_LOST;
	}
	r = wire_reply(gate->wire, &gate->reply, gate->deadline);
	if (r < 0) {
		dial_trace_error(gate->trace, names[turn], r);
		return turn == TURN_TEXT ? GATE_E_UNKNOWN : GATE_E_LOST;
	}
	return 0;
}

static void trace_reply(Gate *gate, GateTurn turn, TraceCause cause)
{
	char text[REPLY_TEXT_MAX + 16];
	Buf out;

	buf_init(&out, text, sizeof(text));
	/* A relay that repeats what it was sent would repeat the password here. */
	if (turn == TURN_AUTH || turn == TURN_AUTH_MORE)
		reply_print_code(&gate->reply, &out);
	else
		reply_print(&gate->reply, &out);
	if (cause == CAUSE_NONE)
		trace_ok(gate->trace, names[turn], text);
	else
		trace_fail(gate->trace, names[turn], cause, text);
}

static int judge_ehlo(Gate *gate)
{
	/* CRAM-MD5 is not among them: libesmtp 1.1.0 looks for its plugin under a name that it is
	 * not installed by. */
	static const char *const ways[] = { "PLAIN", "LOGIN" };
	char offer[32];
	const char *rest;

	if (gate->reply.code != 250) {
		trace_reply(gate, TURN_EHLO, CAUSE_HELO);
		return GATE_E_REFUSED;
	}
	trace_reply(gate, TURN_EHLO, CAUSE_NONE);
	gate->offers_utf8 = reply_offers(&gate->reply, "SMTPUTF8", NULL);
	if (!gate->needs_auth)
		return answer(gate, 250, NULL) < 0 ? broken(gate, "it died") : 0;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (reply_offers(&gate->reply, "AUTH", &rest) && reply_parameter(rest, ways[i])) {
			/* One way only: libesmtp would try the next when the first was refused. */
			snprintf(offer, sizeof(offer), "AUTH %s", ways[i]);
			return answer(gate, 250, offer) < 0 ? broken(gate, "it died") : 0;
		}
	trace_fail(gate->trace, "AUTH", CAUSE_NO_AUTH, "no way of it that we know is offered");
	return GATE_E_REFUSED;
}

static int judge_auth(Gate *gate, GateTurn turn)
{
	const Reply *reply = &gate->reply;

	if (reply->code == 334 && reply->n_lines == 1 && reply->text_len <= CHALLENGE_MAX &&
	    strspn(reply->text,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ==
		    reply->text_len) {
		gate->expects = TURN_AUTH_MORE;
		return answer(gate, 334, reply->text) < 0 ? broken(gate, "it died") : 0;
	}
	if (reply->code == 235) {
		gate->authenticated = true;
		trace_reply(gate, turn, CAUSE_NONE);
		return answer(gate, 235, NULL) < 0 ? broken(gate, "it died") : 0;
	}
	/* libesmtp would go on without. */
	trace_reply(gate, turn, reply_class(reply) == 4 ? CAUSE_AUTH_LATER : CAUSE_AUTH_REFUSED);
	return GATE_E_REFUSED;
}

static TraceCause transaction_cause(GateTurn turn, int class)
{
	if (turn == TURN_RCPT)
		return class == 4 ? CAUSE_RECIPIENT_LATER : CAUSE_RECIPIENT;
	if (class == 4)
		return CAUSE_LATER;
	return turn == TURN_MAIL ? CAUSE_SENDER : CAUSE_CONTENT;
}

/* MAIL, RCPT, DATA and the text: the code is kept for the verdict and passed on for libesmtp to
 * make its own. */
static int judge_transaction(Gate *gate, GateTurn turn)
{
	int code = gate->reply.code, class = reply_class(&gate->reply),
	    wanted = turn == TURN_DATA ? 3 : 2;
	int *keep = turn == TURN_MAIL   ? &gate->codes.sender
		    : turn == TURN_RCPT ? &gate->codes.recipient
		    : turn == TURN_DATA ? &gate->codes.data
					: &gate->codes.transfer;

	if (code == 421 || (class != wanted && class < 4) ||
	    (turn == TURN_DATA && class == 3 && code != 354)) {
		trace_reply(gate, turn, code == 421 ? CAUSE_LOST : CAUSE_NOT_SMTP);
		/* 421 to the text means that it was not taken; anything else there means nothing.
		 */
		return turn == TURN_TEXT && code != 421 ? GATE_E_UNKNOWN : GATE_E_LOST;
	}
	*keep = code;
	trace_reply(gate, turn, class == wanted ? CAUSE_NONE : transaction_cause(turn, class));
	if (code == 354)
		gate->expects = TURN_TEXT;
	return answer(gate, code, NULL) < 0 ? broken(gate, "it died") : 0;
}

static int judge(Gate *gate, GateTurn turn)
{
	gate->expects = TURN_ANY;
	switch (turn) {
	case TURN_EHLO:
		return judge_ehlo(gate);
	case TURN_AUTH:
	case TURN_AUTH_MORE:
		return judge_auth(gate, turn);
	case TURN_RSET:
		/* libesmtp does not look: it would put the next message into what is left of this
		 * one. */
		if (gate->reply.code != 250) {
			trace_reply(gate, turn, CAUSE_LOST);
			return GATE_E_LOST;
		}
		return answer(gate, 250, NULL) < 0 ? broken(gate, "it died") : 0;
	default:
		return judge_transaction(gate, turn);
	}
}

/* An address beyond ASCII at a relay that cannot take it: refused here, before the relay hears of
 * the message. */
static int refuse_utf8(Gate *gate)
{
	gate->codes.sender = 550;
	trace_fail(gate->trace, "MAIL", CAUSE_SMTPUTF8,
		   "the address needs SMTPUTF8, which the relay does not offer");
	return answer(gate, 550, NULL) < 0 ? broken(gate, "it died") : 0;
}

int gate_message(Gate *gate, SmtpReport *report)
{
	gate->codes = (GateCodes){ 0 };
	gate->expects = TURN_ANY;
	for (unsigned i = 0; i < GATE_TURNS_MAX; i++) {
		GateTurn turn;
		int r;

		r = turn_read(gate, report);
		if (r == 1)
			return 0;
		if (r < 0)
			return broken(gate, r == -ETIMEDOUT ? "it hangs" : "it died");
		turn = turn_name(gate);
		if (turn == TURN_QUIT)
			return broken(gate, "it gave up");
		r = turn_permit(gate, turn);
		if (r != 0)
			return r;
		if (turn == TURN_MAIL && gate->needs_utf8 && !gate->offers_utf8) {
			r = refuse_utf8(gate);
		} else {
			r = exchange(gate, turn);
			if (r == 0)
				r = judge(gate, turn);
		}
		if (r != 0)
			return r;
	}
	return broken(gate, "it does not come to an end");
}

int gate_quit(Gate *gate)
{
	/* RSET may come before it. */
	for (unsigned i = 0; i < 2; i++) {
		GateTurn turn;

		if (turn_read(gate, NULL) != 0)
			return GATE_E_BROKEN;
		turn = turn_name(gate);
		if (turn != TURN_RSET && turn != TURN_QUIT)
			return GATE_E_BROKEN;
		if (wire_write(gate->wire, gate->turn, gate->turn_len, gate->deadline) < 0 ||
		    wire_reply(gate->wire, &gate->reply, gate->deadline) < 0)
			return GATE_E_LOST;
		if (turn == TURN_QUIT)
			return 0;
		if (answer(gate, 250, NULL) < 0)
			return GATE_E_BROKEN;
	}
	return GATE_E_BROKEN;
}
