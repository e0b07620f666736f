/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table against the documents: every method has its row with just its parameters, every row its
 * document; who may what is written down here a second time, cell by cell. Usage:
 * test_broker_methods FOLDER-OF-VARLINK-FILES
 */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "limit.h"
#include "methods.h"

static const char *folder;

/* clang-format off */
static const char *const public_interfaces[] = {
	"org.varlink.service", "org.pwreset.Recovery", "org.pwreset.Password",
		"org.pwreset.Account",
	"org.pwreset.Admin",   "org.pwreset.Service",  "org.pwreset.Relay",
};
/* clang-format on */
static const char *const internal_interfaces[] = { "org.pwreset.Directory", "org.pwreset.Mailer" };

static char *document_read(const char *interface)
{
	AUTO_FCLOSE FILE *f = NULL;
	char path[512];
	char *text = calloc(1, 65536);

	snprintf(path, sizeof(path), "%s/%s.varlink", folder, interface);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	return text;
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* Calls see(name, parameters) for each "method Name(parameters)" at the start of a line. */
static unsigned methods_walk(const char *interface, void (*see)(const char *name, char *parameters))
{
	AUTO_FREE char *text = document_read(interface);
	unsigned n = 0;

	for (char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		char name[256], *open, *close;

		if (strncmp(p, "method ", 7) != 0)
			continue;
		open = strchr(p, '(');
		close = strchr(open, ')');
		snprintf(name, sizeof(name), "%s.%.*s", interface, (int)word_length(p + 7), p + 7);
		*close = '\0';
		see(name, open + 1);
		*close = ')';
		n++;
	}
	return n;
}

static bool field_known(const Method *method, const char *name, size_t len)
{
	for (const VarlinkField *f = method->fields; f->name; f++)
		if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
			return true;
	return false;
}

static void row_holds(const char *name, char *parameters)
{
	const Method *method = method_find(name);
	unsigned n = 0, fields = 0;

	if (!method)
		fail_msg("%s has no row", name);
	for (char *p = parameters; *p; p++) {
		size_t len = word_length(p);
		const VarlinkField *field = NULL;

		if (len == 0)
			continue;
		if (p[len] == ':') {
			bool optional = strncmp(p + len, ": ?", 3) == 0;

			if (!field_known(method, p, len))
				fail_msg("%s: the row lacks %.*s", name, (int)len, p);
			for (const VarlinkField *f = method->fields; f->name; f++)
				if (strlen(f->name) == len && memcmp(f->name, p, len) == 0)
					field = f;
			if (field->mandatory == optional)
				fail_msg("%s: %.*s is%s mandatory", name, (int)len, p,
					 optional ? " not" : "");
			n++;
		}
		p += len - 1;
	}
	for (const VarlinkField *f = method->fields; f->name; f++)
		fields++;
	if (n != fields)
		fail_msg("%s: the row has parameters that the document lacks", name);
}

static void test_every_method_has_its_row_and_every_row_its_method(void **state UNUSED)
{
	unsigned documented = 0, rows = 0;

	for (size_t i = 0; i < ARRAY_SIZE(public_interfaces); i++)
		documented += methods_walk(public_interfaces[i], row_holds);
	for (const Method *m = methods; m->name; m++)
		rows++;
	assert_int_equal(documented, rows);
}

static void row_absent(const char *name, char *parameters UNUSED)
{
	if (method_find(name))
		fail_msg("%s is internal and has a row", name);
}

static void test_what_is_between_us_and_the_workers_has_no_row(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(internal_interfaces); i++)
		assert_true(methods_walk(internal_interfaces[i], row_absent) > 0);
}

static void test_rows_are_sound(void **state UNUSED)
{
	for (const Method *m = methods; m->name; m++) {
		print_message("%s\n", m->name);
		assert_non_null(m->fields);
		assert_int_not_equal(m->sockets, 0);
		/* A role can be held on ctl alone. */
		assert_true(m->roles == 0 || m->sockets == SOCKET_CTL);
		assert_int_equal(m->slot_sockets & SOCKET_CTL, 0);
		assert_true((m->slot == SLOT_NONE) == (m->slot_sockets == 0));
		assert_true((m->slot == SLOT_FIXED) == (m->late != NULL));
		/*
		 * Cut off by a slot, it could have happened: it must be nothing that people are
		 * told of.
		 */
		assert_false(m->slot == SLOT_FIXED &&
			     (m->notices[0] != REQUEST_NONE || m->after != REQUEST_NONE));
		assert_true((m->route == ROUTE_BROKER) == (m->answer != NULL));
		assert_true((m->route == ROUTE_SPOOL) == (m->kind != REQUEST_NONE));
		assert_true((m->route == ROUTE_DIRECTORY || m->route == ROUTE_MAILER) ==
			    (m->lost != NULL));
		assert_true((m->route == ROUTE_DIRECTORY) == (m->deadline_ms > 0));
		assert_false(field_known(m, "caller", 6));
		/* What strangers can call costs them something, unless it is answered here. */
		assert_true(m->cost > 0 || m->route == ROUTE_BROKER || m->roles != 0 ||
			    (m->flags & METHOD_ROOT_SETS));
		for (const VarlinkField *f = m->fields; f->name; f++)
			assert_true(f->max > 0 ||
				    (f->type != JSON_STRING && f->type != JSON_ARRAY));
	}
}

static bool may(const char *name, Socket socket, unsigned roles, bool root_sets)
{
	return method_allowed(method_find(name), &(const MethodCaller){ socket, roles, root_sets });
}

static void test_deny_by_default(void **state UNUSED)
{
	for (const Method *m = methods; m->name; m++) {
		for (unsigned socket = 1; socket < 1U << SOCKETS; socket <<= 1)
			assert_int_equal(
				method_allowed(m, &(const MethodCaller){ socket, 15, true }),
				(m->sockets & socket) != 0);
		assert_false(method_allowed(m, &(const MethodCaller){ 0, 15, true }));
		assert_false(method_allowed(m, &(const MethodCaller){ 1U << SOCKETS, 15, true }));
	}
	assert_null(method_find(""));
	assert_null(method_find("org.pwreset.Admin"));
	assert_null(method_find("org.pwreset.Admin.show"));
}

static void test_roles_cell_by_cell(void **state UNUSED)
{
	/* clang-format off */
	static const struct {
		const char *name;
		const char *may; /* root, helpdesk, administrator, owner, none */
	} matrix[] = {
		{ "org.pwreset.Admin.Show", "yyyyn" }, { "org.pwreset.Admin.SendLink", "yyyyn" },
		{ "org.pwreset.Admin.Revoke", "yyyyn" }, { "org.pwreset.Admin.Unlock", "yyyyn" },
		{ "org.pwreset.Admin.SetMail", "yyyyn" }, { "org.pwreset.Admin.SetPassword",
		  "ynyyn" },
		{ "org.pwreset.Admin.SetPin", "ynyyn" }, { "org.pwreset.Admin.VerifyPin", "yyyyn" },
		{ "org.pwreset.Admin.Find", "yyyyn" }, { "org.pwreset.Admin.RemindExpiry",
		  "ynyyn" },
		{ "org.pwreset.Admin.RemindUserName", "yyyyn" }, { "org.pwreset.Service.GetStatus",
		  "ynyyn" },
		{ "org.pwreset.Service.GetHost", "ynyyn" }, { "org.pwreset.Service.CutHost",
		  "ynyyn" },
		{ "org.pwreset.Service.LiftHost", "ynyyn" },
		{ "org.pwreset.Service.Diagnose", "ynnnn" }, { "org.pwreset.Service.TestMail",
		  "ynnnn" },
	};
	/* clang-format on */
	unsigned rows = 0;

	for (size_t i = 0; i < ARRAY_SIZE(matrix); i++)
		for (unsigned role = 0; role <= ROLES; role++) {
			unsigned held = role < ROLES ? 1U << role : 0;

			if (may(matrix[i].name, SOCKET_CTL, held, true) !=
			    (matrix[i].may[role] == 'y'))
				fail_msg("%s, role %u", matrix[i].name, role);
			assert_false(may(matrix[i].name, SOCKET_PAM, held, true));
			assert_false(may(matrix[i].name, SOCKET_WEB, held, true));
			assert_false(may(matrix[i].name, SOCKET_RELAY, held, true));
		}
	for (const Method *m = methods; m->name; m++)
		rows += m->roles != 0;
	assert_int_equal(rows, ARRAY_SIZE(matrix));
}

static void test_sockets_of_note(void **state UNUSED)
{
	assert_false(may("org.pwreset.Password.SetByRoot", SOCKET_PAM, 0, false));
	assert_true(may("org.pwreset.Password.SetByRoot", SOCKET_PAM, 0, true));
	assert_false(may("org.pwreset.Password.SetByRoot", SOCKET_RELAY, 0, true));
	assert_false(may("org.pwreset.Recovery.AnswerQuestions", SOCKET_WEB, 0, true));
	assert_false(may("org.pwreset.Recovery.VerifyCode", SOCKET_CTL, 15, true));
	assert_false(may("org.pwreset.Account.Status", SOCKET_RELAY, 0, true));
	assert_false(may("org.pwreset.Relay.Hello", SOCKET_PAM, 0, true));
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_method_has_its_row_and_every_row_its_method),
		cmocka_unit_test(test_what_is_between_us_and_the_workers_has_no_row),
		cmocka_unit_test(test_rows_are_sound),
		cmocka_unit_test(test_deny_by_default),
		cmocka_unit_test(test_roles_cell_by_cell),
		cmocka_unit_test(test_sockets_of_note),
	};

	if (argc != 2)
		return EXIT_FAILURE;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
