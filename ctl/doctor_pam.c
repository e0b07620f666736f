/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PAM stacks, read as libpam reads them, and held against what pam_pwreset(8) asks for: its place,
 * its control value, its arguments, and what the modules behind it must be told.
 */

#include <string.h>

#include "doctor.h"
#include "pam_stack.h"

#define MODULE "pam_pwreset.so"
#define AUTH_LINE                                                                                  \
	"pam-auth-update --enable pwreset-recovery, or by hand: auth [conv_err=die default=ignore] pam_pwreset.so"
#define FAILLOCK_LINE                                                                              \
	"auth [authtok_recover_err=1 conv_err=die default=ignore] pam_pwreset.so faillock"
#define PASSWORD_LINE "password [success=N user_unknown=ignore default=die] pam_pwreset.so"

/* Modules that ask for a password. */
/* clang-format off */
static const char *const password_modules[] = {
	"pam_unix.so", "pam_ldap.so", "pam_sss.so", "pam_krb5.so", "pam_winbind.so", "pam_ldapd.so",
		"pam_systemd_home.so",
};
/* clang-format on */

/* Of these, the ones of the directory; they ask again unless told to take what was typed. */
static const char *const directory_modules[] = { "pam_ldap.so", "pam_sss.so", "pam_krb5.so",
						 "pam_winbind.so" };

/* clang-format off */
static const char *const arguments[] = {
	"socket=", "services=", "timeout=", "tries=", "nudge=", "sssd=", "faillock", "policy_only",
		"use_authtok", "enforce_for_root",
};
/* clang-format on */

static bool is_one_of(const char *module, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(module, list[i]) == 0)
			return true;
	return false;
}

static bool asks_password(const PamLine *line)
{
	return is_one_of(line->module, password_modules, ARRAY_SIZE(password_modules));
}

static bool of_directory(const PamLine *line)
{
	return is_one_of(line->module, directory_modules, ARRAY_SIZE(directory_modules));
}

static void report(Doctor *doctor, Severity severity, const char *what, const char *text,
		   const PamStack *stack, const PamLine *line, const char *remedy)
{
	char seen[1200];

	if (line)
		snprintf(seen, sizeof(seen), "%s:%u: %s %s %s", line->file, line->line,
			 line->control, line->module, line->arguments);
	else
		snprintf(seen, sizeof(seen), "/etc/pam.d/%s", stack->service);
	finding_add(doctor, severity, what, text, seen, remedy);
}

/* An argument that the module does not know keeps it from doing anything. */
static void check_arguments(Doctor *doctor, const PamStack *stack, const PamLine *line)
{
	for (const char *p = line->arguments; *p;) {
		size_t n = strcspn(p, " ");
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
			size_t len = strlen(arguments[i]);
			bool value = arguments[i][len - 1] == '=';

			known = known || (n >= len && (value || n == len) &&
					  strncmp(p, arguments[i], len) == 0);
		}
		if (!known)
			report(doctor, SEVERITY_ERROR, "pam-argument",
			       N_("The PAM module does not know one of its arguments."), stack,
			       line, N_("pam_pwreset(8) lists them"));
		p += n;
		p += strspn(p, " ");
	}
}

/*
 * What the login modules below must be told, so that they verify the new password instead of asking
 * again.
 */
static void check_following(Doctor *doctor, const PamStack *stack, size_t from)
{
	for (size_t i = from; i < stack->n; i++) {
		const PamLine *line = &stack->lines[i];

		if (of_directory(line) && !pam_line_has(line, "use_first_pass") &&
		    !pam_line_has(line, "try_first_pass"))
			report(doctor, SEVERITY_WARNING, "pam-asks-again",
			       N_("This module asks for the password once more, after a recovery as well."),
			       stack, line, "try_first_pass");
	}
}

static void check_faillock(Doctor *doctor, const PamStack *stack, size_t ours)
{
	const PamLine *line = &stack->lines[ours];
	size_t preauth = 0;

	while (preauth < stack->n &&
	       !(strcmp(stack->lines[preauth].module, "pam_faillock.so") == 0 &&
		 pam_line_has(&stack->lines[preauth], "preauth")))
		preauth++;
	if (preauth == stack->n)
		return;
	/* The jump is over one line, and nothing else may be skipped by it. */
	if (preauth != ours + 1 || !pam_line_has(line, "faillock") ||
	    !strstr(line->control, "authtok_recover_err=1"))
		report(doctor, SEVERITY_ERROR, "pam-faillock",
		       N_("pam_faillock denies the login after a recovery: its count of failures is still there."),
		       stack, line,
		       FAILLOCK_LINE "   (in the line before pam_faillock.so preauth)");
}

static void check_control(Doctor *doctor, const PamStack *stack, const PamLine *line)
{
	/*
	 * The module answers PAM_IGNORE; anything that makes a decision of it would deny or let in.
	 */
	if (strcmp(line->control, "optional") == 0 ||
	    (line->control[0] == '[' && strstr(line->control, "default=ignore") &&
	     !strstr(line->control, "success=")))
		return;
	report(doctor, SEVERITY_WARNING, "pam-control",
	       N_("The PAM module never decides a login; this control value lets it."), stack, line,
	       AUTH_LINE);
}

static void check_auth(Doctor *doctor, const PamStack *stack)
{
	size_t ours = pam_stack_find(stack, MODULE), first = 0;
	const PamLine *line;

	while (first < stack->n && !asks_password(&stack->lines[first]))
		first++;
	if (ours == stack->n) {
		report(doctor, SEVERITY_NOTICE, "pam-absent",
		       N_("No recovery is offered at this prompt."), stack,
		       first < stack->n ? &stack->lines[first] : NULL,
		       AUTH_LINE "   (in the line before it)");
		return;
	}
	line = &stack->lines[ours];
	if (first < ours)
		report(doctor, SEVERITY_ERROR, "pam-order",
		       N_("A password module stands before the PAM module, and asks first."), stack,
		       &stack->lines[first], AUTH_LINE "   (in the line before it)");
	else
		report(doctor, SEVERITY_OK, "pam-auth", N_("Recovery is offered at this prompt."),
		       stack, line, NULL);
	check_control(doctor, stack, line);
	check_arguments(doctor, stack, line);
	check_faillock(doctor, stack, ours);
	check_following(doctor, stack, ours + 1);
}

/*
 * Programs that give the rights of another for a password; and what services= of a line names, else
 * the module's default.
 */
static const char *const elevating[] = { "sudo", "sudo-i",  "su",        "su-l",  "polkit-1",
					 "doas", "runuser", "runuser-l", "pkexec" };

static bool line_serves(const PamLine *line, const char *service)
{
	const char *list = strstr(line->arguments, "services=");
	size_t len = strlen(service);

	if (!list)
		return false;
	for (list += strlen("services="); *list && *list != ' ';) {
		size_t n = strcspn(list, ", ");

		if (n == len && strncmp(list, service, n) == 0)
			return true;
		list += n;
		list += *list == ',';
	}
	return false;
}

static void check_elevating(Doctor *doctor, const char *service)
{
	AUTO_PAM_STACK PamStack *stack = NULL;

	if (pam_stack_read(&stack, doctor->root, service, "auth") != 0)
		return;
	for (size_t i = 0; i < stack->n; i++)
		if (strcmp(stack->lines[i].module, MODULE) == 0 &&
		    line_serves(&stack->lines[i], service))
			report(doctor, SEVERITY_ERROR, "pam-services",
			       N_("Recovery inside a program that gives other rights: whoever sits at an open terminal gets them for a mailed code or an answer."),
			       stack, &stack->lines[i], N_("services= without it"));
}

/* Two judges: whoever satisfies the one is refused by the other, with another reason. */
static void check_judges(Doctor *doctor, const PamStack *stack)
{
	static const char *const judges[] = { "pam_pwquality.so", "pam_cracklib.so",
					      "pam_passwdqc.so" };

	for (size_t i = 0; i < stack->n; i++)
		if (is_one_of(stack->lines[i].module, judges, ARRAY_SIZE(judges)))
			report(doctor, SEVERITY_WARNING, "pam-judged-twice",
			       N_("A second module judges new passwords, by rules that the page and pwresetctl do not have."),
			       stack, &stack->lines[i],
			       N_("take the line out (Debian: pam-auth-update --disable pwquality)"));
}

/*
 * With nullok, Enter at the password prompt is the login of an account that has none, and no way to
 * recovery.
 */
static void check_empty(Doctor *doctor, const PamStack *stack)
{
	size_t at = 0;
	char path[512], line[1024], remedy[160];
	AUTO_FCLOSE FILE *f = NULL;

	while (at < stack->n && !(strcmp(stack->lines[at].module, "pam_unix.so") == 0 &&
				  pam_line_has(&stack->lines[at], "nullok")))
		at++;
	snprintf(path, sizeof(path), "%s/etc/shadow", doctor->root);
	f = at < stack->n ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strcspn(line, ":");

		if (line[n] != ':' || line[n + 1] != ':')
			continue;
		snprintf(remedy, sizeof(remedy), "passwd --lock '%.*s'", (int)(n < 64 ? n : 64),
			 line);
		report(doctor, SEVERITY_WARNING, "pam-nullok",
		       N_("An account of this host has no password, and this line lets it log in by Enter alone."),
		       stack, &stack->lines[at], remedy);
	}
}

/* policy_only: a module below writes, and must take the password that was judged. */
static void check_policy_only(Doctor *doctor, const PamStack *stack, size_t ours)
{
	const PamLine *line = &stack->lines[ours];
	bool written = false;

	if (strcmp(line->control, "requisite") != 0 && strcmp(line->control, "required") != 0 &&
	    line->control[0] != '[')
		report(doctor, SEVERITY_ERROR, "pam-policy-control",
		       N_("With this control value a refused password is set nevertheless."), stack,
		       line, "password requisite pam_pwreset.so policy_only");
	for (size_t i = ours + 1; i < stack->n; i++) {
		if (!asks_password(&stack->lines[i]))
			continue;
		written = true;
		if (!pam_line_has(&stack->lines[i], "use_authtok"))
			report(doctor, SEVERITY_ERROR, "pam-use-authtok",
			       N_("This module asks for another new password than the one that was judged."),
			       stack, &stack->lines[i], "use_authtok");
	}
	if (!written)
		report(doctor, SEVERITY_ERROR, "pam-nobody-writes",
		       N_("The password is judged, but no module below writes it."), stack, line,
		       PASSWORD_LINE);
}

static void check_password(Doctor *doctor, const PamStack *stack)
{
	size_t ours = pam_stack_find(stack, MODULE), first = 0;
	const PamLine *line;

	/* pam_unix may stand first: local accounts are its. */
	while (first < stack->n && !of_directory(&stack->lines[first]))
		first++;
	if (ours == stack->n) {
		report(doctor, SEVERITY_NOTICE, "pam-passwd",
		       N_("passwd does not go through the service: neither policy nor notices."),
		       stack, NULL, PASSWORD_LINE);
		return;
	}
	line = &stack->lines[ours];
	check_arguments(doctor, stack, line);
	check_judges(doctor, stack);
	if (first < ours)
		report(doctor, SEVERITY_ERROR, "pam-passwd-order",
		       N_("Another module changes the password before the service is asked."),
		       stack, &stack->lines[first], PASSWORD_LINE "   (in the line before it)");
	if (pam_line_has(line, "policy_only"))
		check_policy_only(doctor, stack, ours);
	else if (strcmp(line->control, "sufficient") != 0 && line->control[0] != '[')
		report(doctor, SEVERITY_WARNING, "pam-passwd-control",
		       N_("After the service has written the password, the modules below write it again or fail."),
		       stack, line, PASSWORD_LINE);
}

/*
 * nslcd searches the directory as the person whose password it has just checked. While a policy
 * with pwdMustChange wants that password changed, slapd refuses the search, and so nslcd the login:
 * nobody gets as far as the change.
 */
static void check_nslcd(Doctor *doctor)
{
	AUTO_FCLOSE FILE *f = NULL;
	char path[512], line[512], seen[600];

	snprintf(path, sizeof(path), "%s/etc/nslcd.conf", doctor->root);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		char *save, *key = strtok_r(line, " \t\n", &save),
			    *value = key ? strtok_r(NULL, " \t\n", &save) : NULL;

		if (key && value && strcasecmp(key, "pam_authc_search") == 0 &&
		    strcasecmp(value, "NONE") == 0)
			return;
	}
	snprintf(seen, sizeof(seen), "%s: pam_authc_search", path);
	finding_add(
		doctor, SEVERITY_NOTICE, "nslcd-search",
		N_("Where the directory's policy has pwdMustChange, nslcd refuses a temporary password instead of having it changed."),
		seen, N_("pam_authc_search NONE   (in /etc/nslcd.conf)"));
}

static bool find_module(const Doctor *doctor)
{
	/* clang-format off */
	static const char *const folders[] = {
		"/lib/security", "/lib64/security", "/usr/lib/security", "/usr/lib64/security",
			"/usr/lib/x86_64-linux-gnu/security",
		"/usr/lib/aarch64-linux-gnu/security", "/lib/x86_64-linux-gnu/security",
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s%s/" MODULE, doctor->root, folders[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

void doctor_pam(Doctor *doctor)
{
	/* The module's own default of services=. */
	static const char *const services[] = { "login", "sshd", "gdm-password", "lightdm",
						"cockpit" };
	AUTO_PAM_STACK PamStack *stack = NULL;
	bool nslcd = false, empty_told = false;

	if (!find_module(doctor))
		finding_add(
			doctor, SEVERITY_ERROR, "pam-module",
			N_("The PAM module is not installed."), MODULE,
			N_("meson install -C build, with -Dpamdir= where this host's PAM modules are elsewhere"));
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (pam_stack_read(&stack, doctor->root, services[i], "auth") == 0) {
			check_auth(doctor, stack);
			if (!empty_told)
				check_empty(doctor, stack);
			empty_told = empty_told || pam_stack_find(stack, "pam_unix.so") < stack->n;
			nslcd = nslcd || pam_stack_find(stack, "pam_ldap.so") < stack->n;
		}
		stack = pam_stack_free(stack);
	}
	for (size_t i = 0; i < ARRAY_SIZE(elevating); i++)
		check_elevating(doctor, elevating[i]);
	if (pam_stack_read(&stack, doctor->root, "passwd", "password") == 0)
		check_password(doctor, stack);
	if (nslcd)
		check_nslcd(doctor);
}
