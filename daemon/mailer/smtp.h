/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libesmtp in a process of its own. It opens its connection itself, blocks as long as the peer
 * likes, goes on where it should stop and cannot be interrupted; so it runs in a child that holds
 * no network socket, speaks plain SMTP over a socket pair with the gate (gate.h), and is killed
 * when its time is over. What it leaves in memory dies with it.
 */
#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include "secret.h"
#include "validate.h"

#define SMTP_MESSAGE_MAX (192 * 1024)
#define SMTP_ADDRESSES_MAX 8
#define SMTP_CREDENTIAL_MAX                                                                        \
	255 /* bytes; libesmtp's PLAIN copies both unchecked into a buffer for twice as many */

/* One message to one address, in memory shared with the child; the parent writes it while the child
 * waits. */
typedef struct SmtpJob {
	char from[MAIL_ADDRESS_MAX + 1];
	char to[MAIL_ADDRESS_MAX + 1];
	size_t len;
	char message[SMTP_MESSAGE_MAX]; /* lines ended by CR LF */
} SmtpJob;

typedef enum SmtpOrder {
	SMTP_ORDER_SEND = 1, /* the message in the job: answered by an SmtpReport */
	SMTP_ORDER_END,      /* QUIT */
} SmtpOrder;

/* Sent by the child first of all. */
typedef struct SmtpAddresses {
	int error; /* of getaddrinfo(); its EAI_SYSTEM comes with system_error */
	int system_error;
	unsigned n;
	socklen_t len[SMTP_ADDRESSES_MAX];
	struct sockaddr_storage address[SMTP_ADDRESSES_MAX];
} SmtpAddresses;

/* Status codes as libesmtp keeps them, 0 where it has none: the last one decides. */
typedef struct SmtpReport {
	int sender;
	int recipient;
	int transfer; /* smtp_message_transfer_status() */
} SmtpReport;

typedef struct SmtpSetup {
	const char *host; /* name or address, without brackets */
	const char *port;
	const char *helo;
	const char *user; /* "": no AUTH */
	const Secret *password;
	const SmtpJob *job;
	int stream; /* SOCK_STREAM, non-blocking: SMTP */
	int orders; /* SOCK_SEQPACKET, blocking: SmtpOrder in, SmtpAddresses and SmtpReport out */
} SmtpSetup;

/* What the child does from its first order to its last; returns its exit status. */
int smtp_main(const SmtpSetup *setup);
