/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a directory worker answers. Who may ask is decided in the broker's table, and for staff once more in roles.c. */
#include "methods.h"

const ServeMethod directory_methods[] = {
	{ "org.pwreset.Directory.Mint", method_mint },

	{ "org.pwreset.Recovery.VerifyCode", method_verify_code },
	{ "org.pwreset.Recovery.InspectLink", method_inspect_link },
	{ "org.pwreset.Recovery.SetPassword", method_set_password },
	{ "org.pwreset.Recovery.RevokeLink", method_revoke_link },

	{ "org.pwreset.Password.Verify", method_password_verify },
	{ "org.pwreset.Password.Exists", method_password_exists },
	{ "org.pwreset.Password.Change", method_password_change },
	{ "org.pwreset.Password.SetByRoot", method_password_set_by_root },
	{ "org.pwreset.Password.Check", method_password_check },
	{ "org.pwreset.Password.GetPolicy", method_password_get_policy },

	{ "org.pwreset.Admin.Show", method_admin_show },
	{ "org.pwreset.Admin.SendLink", method_admin_send_link },
	{ "org.pwreset.Admin.Revoke", method_admin_revoke },

	{ "org.pwreset.Service.Diagnose", method_diagnose },
	{ 0 },
};
