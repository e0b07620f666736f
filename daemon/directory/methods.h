/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handlers of the table in methods.c, by the file that has them. userdata is the Worker. */
#pragma once

#include "worker.h"

#define METHOD(name) int name(Serve *serve, const VarlinkCall *varlink, void *userdata)

METHOD(method_mint); /* mint.c */
METHOD(method_mint_links);

METHOD(method_verify_code);   /* code.c */
METHOD(method_get_questions); /* questions.c */
METHOD(method_answer_questions);
METHOD(method_verify_saved_code); /* saved.c */
METHOD(method_inspect_link);      /* link.c */
METHOD(method_revoke_link);
METHOD(method_set_password); /* redeem.c */

METHOD(method_password_verify); /* password.c */
METHOD(method_password_exists);
METHOD(method_password_change);
METHOD(method_password_set_by_root);
METHOD(method_password_check); /* judge.c */
METHOD(method_password_get_policy);

METHOD(method_status); /* enroll.c */
METHOD(method_list_questions);
METHOD(method_enroll_questions);
METHOD(method_enroll_codes);
METHOD(method_enroll_mail); /* enroll_mail.c */
METHOD(method_confirm_mail);

METHOD(method_admin_show);      /* admin_show.c */
METHOD(method_admin_send_link); /* admin.c */
METHOD(method_admin_revoke);
METHOD(method_admin_unlock); /* admin_account.c */
METHOD(method_admin_set_mail);
METHOD(method_admin_remind_user_name);
METHOD(method_admin_set_password); /* admin_password.c */
METHOD(method_admin_set_pin);      /* pin.c */
METHOD(method_admin_verify_pin);
METHOD(method_admin_find);          /* find.c */
METHOD(method_admin_remind_expiry); /* expiry.c */

METHOD(method_diagnose); /* diagnose.c */

extern const ServeMethod directory_methods[];
