/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host of the fleet, which has one unit and ssh, and the keys that a central host lets in. */

#include <shadow.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "doctor.h"
#include "fleet.h"

#define UNIT "pwreset-fleet.socket"
#define MODULE_SOCKET PWRESET_RUNDIR "/pam"
#define JOURNAL "journalctl -n 20 -u 'pwreset-fleet@*'"
#define TRY_MS 15000 /* what the module waits */
#define OUTPUT_BYTES 65536
#define PLACE_BYTES 64

static bool unit_is(const char *verb, const char *unit)
{
	const char *argv[] = { "/usr/bin/systemctl", "--quiet", verb, unit, NULL };
	char output[64];

	return access("/run/systemd/system", F_OK) == 0 &&
	       program_read(argv, output, sizeof(output)) == 0;
}

bool fleet_member(void)
{
	return unit_is("is-enabled", UNIT) || unit_is("is-active", UNIT);
}

static void check_unit(Doctor *doctor)
{
	if (!unit_is("is-active", UNIT))
		finding_add(doctor, SEVERITY_ERROR, "unit",
			    N_("The socket of the PAM module is not active: no recovery at the "
			       "prompt."),
			    UNIT, "systemctl enable --now " UNIT);
	else if (!unit_is("is-enabled", UNIT))
		finding_add(doctor, SEVERITY_WARNING, "unit",
			    N_("A unit is active now, but not after the next boot."), UNIT,
			    "systemctl enable --now " UNIT);
}

static void check_key(Doctor *doctor)
{
	struct stat st;

	if (lstat(FLEET_KEY, &st) < 0)
		finding_add(doctor, SEVERITY_ERROR, "fleet-key",
			    N_("This host has no key for the central hosts."), FLEET_KEY,
			    "ssh-keygen -t ed25519 -N '' -f " FLEET_KEY);
	else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 0077) != 0)
		finding_add(doctor, SEVERITY_ERROR, "fleet-key",
			    N_("This host's key can be read by others, or is no file of root's."),
			    FLEET_KEY, "chown root:root " FLEET_KEY " && chmod 0600 " FLEET_KEY);
}

static void check_known(Doctor *doctor)
{
	char line[FLEET_LINE_MAX];
	FILE *file = fopen(FLEET_KNOWN, "re");
	bool known = false;

	while (!known && file && fgets(line, sizeof(line), file))
		known = strncmp(line, FLEET_ALIAS " ", strlen(FLEET_ALIAS " ")) == 0;
	if (file)
		fclose(file);
	if (!known)
		finding_add(doctor, SEVERITY_ERROR, "fleet-known-hosts",
			    N_("No central host's key is known here, so none is spoken to."),
			    FLEET_KNOWN,
			    N_("run \"pwresetctl fleet add\" with this host's name on a central "
			       "host, and step 1 here"));
}

/* As the module does it, all the way to the daemon. */
static void check_central(Doctor *doctor)
{
	CLEANUP(client_freep) Client *client = NULL;
	VarlinkReply reply = {};
	int r;

	if (geteuid() != 0) {
		finding_add(doctor, SEVERITY_NOTICE, "not-root",
			    N_("The central host was not asked: only root may."), NULL,
			    "sudo pwresetctl doctor");
		return;
	}
	r = client_connect(&client, MODULE_SOCKET, true, TRY_MS);
	if (r == 0) {
		client_open(client, "org.varlink.service.GetInfo", false);
		r = client_call(client, TRY_MS, &reply);
	}
	if (r < 0 || reply.error)
		finding_add(doctor, SEVERITY_ERROR, "fleet-central",
			    N_("No central host answers: no recovery at the prompt, though logins "
			       "go on."),
			    r < 0 ? strerrordesc_np(-r) : reply.error, JOURNAL);
	else
		finding_add(doctor, SEVERITY_OK, "fleet-central", N_("A central host answers."),
			    NULL, NULL);
}

void doctor_fleet_member(Doctor *doctor)
{
	check_unit(doctor);
	check_key(doctor);
	check_known(doctor);
	check_central(doctor);
}

static bool skip(const char **p, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

/*
 * As "fleet add" writes it, and from="" where the administrator knows the addresses: options behind
 * restrict could give back what that takes away.
 */
static bool line_good(const char *p)
{
	char host[HOST_NAME_MAX_LEN + 1], key[FLEET_KEY_MAX];
	const char *line = p;

	if (p[strspn(p, " \t\r\n")] == '\0' || p[0] == '#')
		return true;
	if (!skip(&p, "restrict,"))
		return false;
	if (skip(&p, "from=\"")) {
		p += strcspn(p, "\"");
		if (!skip(&p, "\","))
			return false;
	}
	if (!skip(&p, "command=\"") || !fleet_line_host(line, host))
		return false;
	skip(&p, "/usr/bin/");
	return skip(&p, FLEET_RELAY) && skip(&p, host) && skip(&p, "\" ") &&
	       fleet_key_parse(p, key);
}

static void check_lines(Doctor *doctor, FILE *file)
{
	char line[FLEET_LINE_MAX], place[PLACE_BYTES];

	for (unsigned n = 1; fgets(line, sizeof(line), file); n++) {
		if (line_good(line))
			continue;
		snprintf(place, sizeof(place), "%s:%u", FLEET_KEYS, n);
		finding_add(doctor, SEVERITY_ERROR, "fleet-keys",
			    N_("A key of the fleet may do more than join its host to the service, "
			       "or is none."),
			    place, "restrict,command=\"/usr/bin/" FLEET_RELAY "HOST\" KEY");
	}
}

/* As pwreset-relay-ssh@.service starts it. */
static void check_relay_sshd(Doctor *doctor)
{
	/* One word in two lines. NOLINTNEXTLINE(bugprone-suspicious-missing-comma) */
	const char *argv[] = { "/usr/sbin/sshd",
			       "-T",
			       "-f",
			       FLEET_SSHD,
			       "-C",
			       "user=pwreset-relay,host=fleet,addr=192.0.2.1",
			       NULL };
	AUTO_FREE char *output = malloc(OUTPUT_BYTES);
	const struct spwd *account;

	if (!output || geteuid() != 0)
		return;
	account = getspnam("pwreset-relay");
	if (account && account->sp_pwdp[0] == '!')
		finding_add(doctor, SEVERITY_ERROR, "fleet-account",
			    N_("The account that the fleet's hosts log in to is locked, and sshd "
			       "lets none of them in."),
			    "pwreset-relay", "usermod -p '*' pwreset-relay");
	if (program_read(argv, output, OUTPUT_BYTES) != 0 ||
	    !strstr(output, "\nauthorizedkeysfile " FLEET_KEYS "\n"))
		finding_add(doctor, SEVERITY_ERROR, "fleet-sshd",
			    N_("sshd does not start with what it is told for the fleet's hosts."),
			    FLEET_SSHD, "/usr/sbin/sshd -t -f " FLEET_SSHD);
	else
		finding_add(doctor, SEVERITY_OK, "fleet-sshd",
			    N_("sshd lets the fleet's hosts in."), NULL, NULL);
}

static void check_central_unit(Doctor *doctor, const char *unit, const char *remedy)
{
	if (!unit_is("is-active", unit))
		finding_add(doctor, SEVERITY_ERROR, "unit",
			    N_("The socket of the fleet's hosts is not active."), unit, remedy);
}

void doctor_fleet_central(Doctor *doctor)
{
	FILE *file = fopen(FLEET_KEYS, "re");
	struct stat st;

	if (!file)
		return;
	if (fstat(fileno(file), &st) < 0 || st.st_uid != 0 || (st.st_mode & 0022) != 0 ||
	    (st.st_mode & 0004) == 0)
		finding_add(doctor, SEVERITY_ERROR, "fleet-keys",
			    N_("The fleet's keys are not root's alone to change, or sshd cannot "
			       "read them."),
			    FLEET_KEYS, "chown root:root " FLEET_KEYS " && chmod 0644 " FLEET_KEYS);
	check_lines(doctor, file);
	fclose(file);
	check_central_unit(doctor, "pwreset-relay.socket",
			   "systemctl enable pwreset-relay.socket && "
			   "systemctl restart pwresetd.service");
	check_central_unit(doctor, "pwreset-relay-ssh.socket",
			   "systemctl enable --now pwreset-relay-ssh.socket");
	check_relay_sshd(doctor);
}
