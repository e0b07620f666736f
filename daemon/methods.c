/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table. Why each row is as it is:
 *
 * - pam and relay have what the prompt and passwd need; relay lacks what trusts the host's root
 *   (SetByRoot, Status).
 * - web has what the page needs: it holds no role, so that a page taken over can do nothing without
 *   somebody's token or current password. Questions are not among it: alone they are for a console.
 *   Saved codes are: 64 bits and more, for people whose mailbox wants the forgotten password too.
 * - ctl has what concerns oneself (the directory worker checks that the caller's uid is the
 *   entry's) and what a role allows. No recovery: whoever has a shell as somebody could otherwise
 *   try codes without a prompt's pace.
 * - Helpdesk never chooses a password and sets no PIN, which would be to choose what proves a
 *   caller's identity.
 * - Where strangers ask, what asks the directory is answered in slots, lest the time tell who
 *   exists. What changes a password is rounded up to a slot's end instead of cut off by it.
 * - Staff's calls cost nothing, a run over ten thousand people being their work; but guessing a PIN
 *   does. With "more" such a run is background work: whoever waits for an answer comes first.
 */

#include <string.h>

#include "methods.h"
#include "service.h"

#define FAILURE "org.pwreset.Failure."
#define REFUSED FAILURE "Refused"
#define UNAVAILABLE FAILURE "Unavailable"
#define UNKNOWN FAILURE "OutcomeUnknown"

#define EVERYWHERE (SOCKET_PAM | SOCKET_WEB | SOCKET_CTL | SOCKET_RELAY)
#define PROMPT (SOCKET_PAM | SOCKET_RELAY)
#define STRANGERS (SOCKET_PAM | SOCKET_WEB | SOCKET_RELAY)
#define SELF (SOCKET_CTL | SOCKET_WEB)

#define STAFF (ROLE_ROOT | ROLE_HELPDESK | ROLE_ADMINISTRATOR | ROLE_OWNER)
#define SENIOR (ROLE_ROOT | ROLE_ADMINISTRATOR | ROLE_OWNER)

#define CALL 10  /* LIMIT_CALL */
#define WRONG 20 /* a wrong guess counts as three calls */
#define READ_MS 10000
/* two operations, a reconnect, the look for the marker, three seconds for replicas */
#define WRITE_MS 20000
#define DIAGNOSE_MS 60000

/* clang-format off */
const Method methods[] = {
	{ .name = "org.varlink.service.GetInfo", .sockets = EVERYWHERE, .route = ROUTE_BROKER,
	  .fields = fields_none, .answer = service_get_info },
	{ .name = "org.varlink.service.GetInterfaceDescription", .sockets = EVERYWHERE,
	  .route = ROUTE_BROKER, .fields = fields_interface,
	  .answer = service_get_interface_description },
	{ .name = "org.pwreset.Relay.Hello", .sockets = SOCKET_RELAY, .route = ROUTE_BROKER,
	  .fields = fields_hello, .answer = service_hello },

	{ .name = "org.pwreset.Recovery.RequestCode", .sockets = STRANGERS, .route = ROUTE_SPOOL,
	  .fields = fields_request, .kind = REQUEST_CODE, .cost = CALL },
	{ .name = "org.pwreset.Recovery.RequestLink", .sockets = SOCKET_WEB, .route = ROUTE_SPOOL,
	  .fields = fields_request, .kind = REQUEST_LINK, .cost = CALL },
	{ .name = "org.pwreset.Recovery.RemindUserName", .sockets = SOCKET_WEB,
	  .route = ROUTE_SPOOL, .fields = fields_remind_address, .kind = REQUEST_USERNAME,
	  .cost = CALL },
	{ .name = "org.pwreset.Recovery.VerifyCode", .sockets = STRANGERS, .route = ROUTE_DIRECTORY,
	  .fields = fields_code, .cost = CALL, .fine = WRONG, .slot = SLOT_FIXED,
	  .slot_sockets = STRANGERS, .late = REFUSED, .lost = UNAVAILABLE, .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Recovery.GetQuestions", .sockets = PROMPT, .route = ROUTE_DIRECTORY,
	  .fields = fields_get_questions, .cost = CALL, .slot = SLOT_FIXED,
	  .slot_sockets = STRANGERS, .late = UNAVAILABLE, .lost = UNAVAILABLE,
	  .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Recovery.AnswerQuestions", .sockets = PROMPT,
	  .route = ROUTE_DIRECTORY, .fields = fields_answer_questions, .cost = CALL, .fine = WRONG,
	  .slot = SLOT_FIXED, .slot_sockets = STRANGERS, .late = REFUSED, .lost = UNAVAILABLE,
	  .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Recovery.VerifySavedCode", .sockets = STRANGERS,
	  .route = ROUTE_DIRECTORY, .fields = fields_code, .cost = CALL, .fine = WRONG,
	  .slot = SLOT_FIXED, .slot_sockets = STRANGERS, .late = REFUSED, .lost = UNAVAILABLE,
	  .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Recovery.InspectLink", .sockets = SOCKET_WEB,
	  .route = ROUTE_DIRECTORY, .fields = fields_link, .cost = CALL / 2, .fine = WRONG,
	  .slot = SLOT_FIXED, .slot_sockets = STRANGERS, .late = UNAVAILABLE, .lost = UNAVAILABLE,
	  .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Recovery.SetPassword", .sockets = STRANGERS,
	  .route = ROUTE_DIRECTORY, .fields = fields_redeem, .notices = { REQUEST_CHANGED },
	  .cost = CALL, .fine = WRONG, .slot = SLOT_ROUNDED, .slot_sockets = STRANGERS,
	  .lost = UNKNOWN, .deadline_ms = WRITE_MS, .flags = METHOD_AUDIT | METHOD_PROVEN },
	{ .name = "org.pwreset.Recovery.RevokeLink", .sockets = SOCKET_WEB,
	  .route = ROUTE_DIRECTORY, .fields = fields_link, .cost = CALL, .slot = SLOT_ROUNDED,
	  .slot_sockets = STRANGERS, .lost = UNKNOWN, .deadline_ms = READ_MS },

	{ .name = "org.pwreset.Password.Verify", .sockets = PROMPT, .route = ROUTE_DIRECTORY,
	  .fields = fields_verify, .cost = CALL, .fine = WRONG, .slot = SLOT_ROUNDED,
	  .slot_sockets = SOCKET_RELAY, .lost = UNAVAILABLE, .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Password.Exists", .sockets = PROMPT, .route = ROUTE_DIRECTORY,
	  .fields = fields_user, .cost = CALL / 10, .lost = UNAVAILABLE, .deadline_ms = READ_MS,
	  .flags = METHOD_NAMES },
	{ .name = "org.pwreset.Password.Change", .sockets = STRANGERS, .route = ROUTE_DIRECTORY,
	  .fields = fields_change, .notices = { REQUEST_CHANGED }, .cost = CALL, .fine = WRONG,
	  .slot = SLOT_ROUNDED, .slot_sockets = SOCKET_WEB | SOCKET_RELAY, .lost = UNKNOWN,
	  .deadline_ms = WRITE_MS, .flags = METHOD_AUDIT | METHOD_PROVEN },
	{ .name = "org.pwreset.Password.SetByRoot", .sockets = SOCKET_PAM, .route = ROUTE_DIRECTORY,
	  .fields = fields_set_by_root, .notices = { REQUEST_CHANGED }, .lost = UNKNOWN,
	  .deadline_ms = WRITE_MS, .flags = METHOD_AUDIT | METHOD_PROVEN | METHOD_ROOT_SETS },
	{ .name = "org.pwreset.Password.Check", .sockets = EVERYWHERE, .route = ROUTE_DIRECTORY,
	  .fields = fields_check, .cost = CALL / 10, .lost = UNAVAILABLE, .deadline_ms = READ_MS,
	  .flags = METHOD_IDLE_ON_CTL },
	{ .name = "org.pwreset.Password.GetPolicy", .sockets = EVERYWHERE, .route = ROUTE_BROKER,
	  .fields = fields_none, .answer = service_get_policy },

	{ .name = "org.pwreset.Account.Status", .sockets = SELF | SOCKET_PAM,
	  .route = ROUTE_DIRECTORY, .fields = fields_status, .cost = CALL / 10, .fine = WRONG,
	  .slot = SLOT_ROUNDED, .slot_sockets = SOCKET_WEB, .lost = UNAVAILABLE,
	  .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Account.ListQuestions", .sockets = SELF, .route = ROUTE_DIRECTORY,
	  .fields = fields_list_questions, .cost = CALL / 10, .lost = UNAVAILABLE,
	  .deadline_ms = READ_MS },
	{ .name = "org.pwreset.Account.EnrollQuestions", .sockets = SELF, .route = ROUTE_DIRECTORY,
	  .fields = fields_enroll_questions, .notices = { REQUEST_ENROLLED }, .cost = CALL,
	  .fine = WRONG, .slot = SLOT_ROUNDED, .slot_sockets = SOCKET_WEB, .lost = UNKNOWN,
	  .deadline_ms = WRITE_MS, .flags = METHOD_AUDIT | METHOD_PROVEN | METHOD_NOTICE_USER },
	{ .name = "org.pwreset.Account.EnrollCodes", .sockets = SELF, .route = ROUTE_DIRECTORY,
	  .fields = fields_enroll_codes, .notices = { REQUEST_ENROLLED }, .cost = CALL,
	  .fine = WRONG, .slot = SLOT_ROUNDED, .slot_sockets = SOCKET_WEB, .lost = UNKNOWN,
	  .deadline_ms = WRITE_MS, .flags = METHOD_AUDIT | METHOD_PROVEN | METHOD_NOTICE_USER },
	{ .name = "org.pwreset.Account.EnrollMail", .sockets = SELF, .route = ROUTE_DIRECTORY,
	  .fields = fields_enroll_mail, .notices = { REQUEST_MAIL_CONFIRM, REQUEST_MAIL_CHANGED },
	  .cost = CALL, .fine = WRONG, .slot = SLOT_ROUNDED, .slot_sockets = SOCKET_WEB,
	  .lost = UNKNOWN, .deadline_ms = WRITE_MS,
	  .flags = METHOD_AUDIT | METHOD_PROVEN | METHOD_NOTICE_USER },
	{ .name = "org.pwreset.Account.ConfirmMail", .sockets = SELF, .route = ROUTE_DIRECTORY,
	  .fields = fields_confirm_mail, .cost = CALL, .fine = WRONG, .slot = SLOT_ROUNDED,
	  .slot_sockets = SOCKET_WEB, .lost = UNKNOWN, .deadline_ms = WRITE_MS,
	  .flags = METHOD_AUDIT | METHOD_PROVEN },

	{ .name = "org.pwreset.Admin.Show", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_user, .lost = UNAVAILABLE,
	  .deadline_ms = READ_MS, .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.SendLink", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_send_link, .after = REQUEST_LINK,
	  .lost = UNAVAILABLE, .deadline_ms = DIAGNOSE_MS, .flags = METHOD_AUDIT | METHOD_MORE },
	{ .name = "org.pwreset.Admin.Revoke", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_user, .lost = UNKNOWN, .deadline_ms = WRITE_MS,
	  .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.Unlock", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_user, .lost = UNKNOWN, .deadline_ms = WRITE_MS,
	  .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.SetMail", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_set_mail, .notices = { REQUEST_MAIL_CHANGED },
	  .lost = UNKNOWN, .deadline_ms = WRITE_MS, .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.SetPassword", .sockets = SOCKET_CTL, .roles = SENIOR,
	  .route = ROUTE_DIRECTORY, .fields = fields_set_password, .notices = { REQUEST_CHANGED },
	  .after = REQUEST_TEMPORARY, .lost = UNKNOWN, .deadline_ms = WRITE_MS,
	  .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.SetPin", .sockets = SOCKET_CTL, .roles = SENIOR,
	  .route = ROUTE_DIRECTORY, .fields = fields_pin, .lost = UNKNOWN, .deadline_ms = WRITE_MS,
	  .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.VerifyPin", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_pin, .cost = CALL, .fine = WRONG,
	  .lost = UNAVAILABLE, .deadline_ms = WRITE_MS, .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.RemindUserName", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_user, .after = REQUEST_USERNAME,
	  .lost = UNAVAILABLE, .deadline_ms = READ_MS, .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Admin.Find", .sockets = SOCKET_CTL, .roles = STAFF,
	  .route = ROUTE_DIRECTORY, .fields = fields_find, .lost = UNAVAILABLE,
	  .deadline_ms = DIAGNOSE_MS, .flags = METHOD_AUDIT | METHOD_MORE },
	{ .name = "org.pwreset.Admin.RemindExpiry", .sockets = SOCKET_CTL, .roles = SENIOR,
	  .route = ROUTE_DIRECTORY, .fields = fields_remind_expiry, .after = REQUEST_EXPIRY,
	  .lost = UNAVAILABLE, .deadline_ms = DIAGNOSE_MS, .flags = METHOD_AUDIT | METHOD_MORE },

	{ .name = "org.pwreset.Service.GetStatus", .sockets = SOCKET_CTL, .roles = SENIOR,
	  .route = ROUTE_BROKER, .fields = fields_none, .answer = service_get_status },
	{ .name = "org.pwreset.Service.GetHost", .sockets = SOCKET_CTL, .roles = SENIOR,
	  .route = ROUTE_BROKER, .fields = fields_hello, .answer = service_get_host },
	{ .name = "org.pwreset.Service.CutHost", .sockets = SOCKET_CTL, .roles = SENIOR,
	  .route = ROUTE_BROKER, .fields = fields_hello, .answer = service_cut_host,
	  .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Service.LiftHost", .sockets = SOCKET_CTL, .roles = SENIOR,
	  .route = ROUTE_BROKER, .fields = fields_hello, .answer = service_lift_host,
	  .flags = METHOD_AUDIT },
	{ .name = "org.pwreset.Service.Diagnose", .sockets = SOCKET_CTL, .roles = ROLE_ROOT,
	  .route = ROUTE_DIRECTORY, .fields = fields_none, .lost = UNAVAILABLE,
	  .deadline_ms = DIAGNOSE_MS },
	{ .name = "org.pwreset.Service.TestMail", .sockets = SOCKET_CTL, .roles = ROLE_ROOT,
	  .route = ROUTE_MAILER, .fields = fields_address, .worker = "org.pwreset.Mailer.Probe",
	  .lost = UNAVAILABLE, .flags = METHOD_AUDIT },

	{ 0 },
};
/* clang-format on */

static const struct {
	Socket socket;
	const char *name;
} sockets[SOCKETS] = {
	{ SOCKET_PAM, "pam" },
	{ SOCKET_WEB, "web" },
	{ SOCKET_CTL, "ctl" },
	{ SOCKET_RELAY, "relay" },
};

const char *socket_name(Socket socket)
{
	for (size_t i = 0; i < SOCKETS; i++)
		if (sockets[i].socket == socket)
			return sockets[i].name;
	return "";
}

Socket socket_parse(const char *name)
{
	for (size_t i = 0; i < SOCKETS; i++)
		if (strcmp(sockets[i].name, name) == 0)
			return sockets[i].socket;
	return 0;
}

const Method *method_find(const char *name)
{
	for (const Method *m = methods; m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

bool method_allowed(const Method *method, const MethodCaller *caller)
{
	if (!(method->sockets & caller->socket))
		return false;
	if ((method->flags & METHOD_ROOT_SETS) && !caller->root_sets)
		return false;
	return method->roles == 0 || (method->roles & caller->roles) != 0;
}
