/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a directory worker answers. Who may ask is decided in the broker's table, and for staff once
 * more in roles.c.
 */
#include "methods.h"

const ServeMethod directory_methods[] = {
	{ "org.pwreset.Directory.Mint", method_mint },
	{ "org.pwreset.Directory.MintLinks", method_mint_links },

	{ "org.pwreset.Recovery.VerifyCode", method_verify_code },
	{ "org.pwreset.Recovery.GetQuestions", method_get_questions },
	{ "org.pwreset.Recovery.AnswerQuestions", method_answer_questions },
	{ "org.pwreset.Recovery.VerifySavedCode", method_verify_saved_code },
	{ "org.pwreset.Recovery.InspectLink", method_inspect_link },
	{ "org.pwreset.Recovery.SetPassword", method_set_password },
	{ "org.pwreset.Recovery.RevokeLink", method_revoke_link },

	{ "org.pwreset.Password.Verify", method_password_verify },
	{ "org.pwreset.Password.Exists", method_password_exists },
	{ "org.pwreset.Password.Change", method_password_change },
	{ "org.pwreset.Password.SetByRoot", method_password_set_by_root },
	{ "org.pwreset.Password.Check", method_password_check },
	{ "org.pwreset.Password.GetPolicy", method_password_get_policy },

	{ "org.pwreset.Account.Status", method_status },
	{ "org.pwreset.Account.ListQuestions", method_list_questions },
	{ "org.pwreset.Account.EnrollQuestions", method_enroll_questions },
	{ "org.pwreset.Account.EnrollCodes", method_enroll_codes },
	{ "org.pwreset.Account.EnrollMail", method_enroll_mail },
	{ "org.pwreset.Account.ConfirmMail", method_confirm_mail },

	{ "org.pwreset.Admin.Show", method_admin_show },
	{ "org.pwreset.Admin.SendLink", method_admin_send_link },
	{ "org.pwreset.Admin.Revoke", method_admin_revoke },
	{ "org.pwreset.Admin.Unlock", method_admin_unlock },
	{ "org.pwreset.Admin.SetMail", method_admin_set_mail },
	{ "org.pwreset.Admin.SetPassword", method_admin_set_password },
	{ "org.pwreset.Admin.SetPin", method_admin_set_pin },
	{ "org.pwreset.Admin.VerifyPin", method_admin_verify_pin },
	{ "org.pwreset.Admin.RemindUserName", method_admin_remind_user_name },
	{ "org.pwreset.Admin.Find", method_admin_find },
	{ "org.pwreset.Admin.RemindExpiry", method_admin_remind_expiry },

	{ "org.pwreset.Service.Diagnose", method_diagnose },
	{ 0 },
};
