/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls to the daemon that do not block: each on a connection of its own, since a connection
 * answers in order and some answers are held back for a second. Above a number of connections,
 * calls wait for their turn.
 */
#pragma once

#include <systemd/sd-event.h>

#include "varlink.h"

#define RPC_ACTIVE_MAX 48     /* connections at a time; the daemon takes 64 of one uid */
#define RPC_WAITING_MAX 192   /* calls that wait for a connection */
#define RPC_DEADLINE_MS 25000 /* from rpc_call_send() to the reply */

typedef struct Rpc Rpc;
typedef struct RpcCall RpcCall;

/*
 * error: 0 and *reply, be it an error reply; or negative and no reply came: -EHOSTDOWN when the
 * call has certainly not been seen by the daemon, -ETIMEDOUT, -ECONNRESET, -EBADMSG … when it may
 * have been. The call is freed after it.
 */
typedef void (*RpcDone)(int error, const VarlinkReply *reply, void *userdata);

int rpc_new(Rpc **ret, sd_event *event, const char *path);
/* All calls have to be gone. */
Rpc *rpc_free(Rpc *rpc);
DEFINE_CLEANUP(Rpc *, rpc_free)

/*
 * A new call: -EBUSY when too many wait. Its writer stands inside "parameters". further: it belongs
 * to work that has had an answer already, and so goes before all that has not begun.
 */
int rpc_call_new(RpcCall **ret, Rpc *rpc, const char *method, bool further, RpcDone done,
		 void *userdata);
JsonWriter *rpc_call_writer(RpcCall *call);
/* Sends it; done is never called from within. An error here (-EMSGSIZE) leaves the call to be
 * freed. */
int rpc_call_send(RpcCall *call);
/* Drops a call; done is not called any more. */
RpcCall *rpc_call_free(RpcCall *call);
