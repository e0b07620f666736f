/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lets a host in, as two scripts to be read and run: one for the host, one for each host that
 * runs pwresetd. Both may be run again: what the administrator added to the host's files stays, and
 * a new key takes the place of the host's old one. OpenSSH is all that stands between the two; what
 * its server is told stands in fleet.sshd, and a key's own line restricts it.
 */

#include <glob.h>
#include <string.h>

#include "fleet.h"

#define HOST_KEYS "/etc/ssh/ssh_host_*_key.pub"
#define SELINUX_MODULE "/usr/share/selinux/packages/pwreset.pp"
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

bool fleet_line_host(const char *line, char ret[static HOST_NAME_MAX_LEN + 1])
{
	const char *at = strstr(line, "command=\"");
	size_t n;

	if (line[0] == '#' || !at)
		return false;
	line = strstr(at, FLEET_RELAY);
	if (!line)
		return false;
	line += strlen(FLEET_RELAY);
	n = strcspn(line, "\"");
	if (line[n] != '"' || n > HOST_NAME_MAX_LEN)
		return false;
	memcpy(ret, line, n);
	ret[n] = '\0';
	return host_valid(ret);
}

bool fleet_key_parse(const char *line, char ret[static FLEET_KEY_MAX])
{
	static const char *const types[] = { "ssh-ed25519 ", "ecdsa-sha2-nistp", "ssh-rsa ",
					     "sk-ssh-ed25519@openssh.com ",
					     "sk-ecdsa-sha2-nistp256@openssh.com " };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t type = strcspn(line, " "), body;

		if (strncmp(line, types[i], strlen(types[i])) != 0 || line[type] != ' ')
			continue;
		body = strspn(line + type + 1, BASE64);
		if (body < 32 || type + 1 + body >= FLEET_KEY_MAX ||
		    !strchr(" \t\r\n", line[type + 1 + body]))
			return false;
		memcpy(ret, line, type + 1 + body);
		ret[type + 1 + body] = '\0';
		return true;
	}
	return false;
}

/*
 * By what the fleet's host shall know this one. Each line is added if it is not there: other
 * central hosts have theirs.
 */
static void print_own_keys(void)
{
	char line[FLEET_LINE_MAX], key[FLEET_KEY_MAX];
	glob_t found;
	unsigned n = 0;

	fputs("while read -r key; do grep -qsxF \"$key\" " FLEET_KNOWN " || "
	      "echo \"$key\" >> " FLEET_KNOWN "; done <<'END'\n",
	      stdout);
	if (glob(HOST_KEYS, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			FILE *file = fopen(found.gl_pathv[i], "re");

			if (file && fgets(line, sizeof(line), file) && fleet_key_parse(line, key)) {
				printf(FLEET_ALIAS " %s\n", key);
				n++;
			}
			if (file)
				fclose(file);
		}
		globfree(&found);
	}
	if (n == 0)
		fputs("# " FLEET_ALIAS " PUT-HERE-THE-PUBLIC-KEY-OF-SSHD-ON-THIS-CENTRAL-HOST\n",
		      stdout);
	fputs("END\n", stdout);
}

/* Neither sshd nor ssh may use another port than those of this type. */
static void print_selinux_port(void)
{
	fputs("\tsemanage port -l -n | grep -q '^ssh_port_t .*[ ,]" FLEET_PORT "\\(,\\|$\\)' || "
	      "semanage port -a -t ssh_port_t -p tcp " FLEET_PORT "\n",
	      stdout);
}

static void print_host(const char *host, const char *central)
{
	printf(_("# 1. On %s, as root. It needs pam_pwreset.so, pwreset-fleet.socket, "
		 "pwresetctl and ssh, and no other part of pwreset.\n"
		 "#    Of several central hosts each prints this step, and each is for this host: "
		 "they are asked in that order.\n"),
	       host);
	printf("systemd-sysusers\n"
	       "mkdir -p -m 0755 /etc/pwreset\n"
	       "test -e " FLEET_KEY " || ssh-keygen -q -t ed25519 -N '' -C %s -f " FLEET_KEY "\n"
	       "grep -qsxF 'Host %s' " FLEET_SSH " || cat >> " FLEET_SSH " <<'END'\n"
	       "Host %s\n"
	       "\tPort " FLEET_PORT "\n"
	       "\tUser pwreset-relay\n"
	       "END\n",
	       host, central, central);
	print_own_keys();
	fputs("chmod 0644 " FLEET_SSH " " FLEET_KNOWN "\n"
	      "if selinuxenabled 2> /dev/null; then\n"
	      "\tsemodule -l | grep -qx pwreset || semodule -i " SELINUX_MODULE "\n",
	      stdout);
	print_selinux_port();
	fputs("\trestorecon -RFi " PWRESET_CONFDIR " " PWRESET_RUNDIR
	      " /usr/lib/pwreset /usr/bin/pwresetctl\n"
	      "fi\n"
	      "systemctl daemon-reload\n"
	      "systemctl enable --now pwreset-fleet.socket\n"
	      "if command -v pam-auth-update > /dev/null; then pam-auth-update --enable pwreset-recovery "
	      "pwreset-password; fi\n"
	      "cat " FLEET_KEY ".pub\n",
	      stdout);
}

void fleet_forget_print(const char *host)
{
	fputs("sed -i '/" FLEET_RELAY, stdout);
	for (const char *p = host; *p; p++)
		printf(*p == '.' ? "\\%c" : "%c", *p);
	puts("\"/d' " FLEET_KEYS);
}

static void print_central(const char *host, const char *key)
{
	printf(_("\n# 2. Here, and on every other host that runs pwresetd, as root.\n"));
	if (!key)
		printf(_("#    The key is what step 1 printed last.\n"));
	if (key) {
		fputs("test ! -e " FLEET_KEYS " || ", stdout);
		fleet_forget_print(host);
	}
	printf("cat >> " FLEET_KEYS " <<'END'\n"
	       "restrict,command=\"/usr/bin/" FLEET_RELAY "%s\" %s\n"
	       "END\n"
	       "chmod 0644 " FLEET_KEYS "\n",
	       host, key ? key : "PUT-HERE-THE-KEY-OF-STEP-1");
	/* sshd lets nobody in whose account is locked; "*" is no password either. */
	fputs("usermod -p '*' pwreset-relay\n"
	      "if selinuxenabled 2> /dev/null; then\n"
	      "\t. /etc/selinux/config\n"
	      "\tcp " PWRESET_DATADIR
	      "/selinux/pwreset_relay_u /etc/selinux/$SELINUXTYPE/contexts/users/pwreset_relay_u\n"
	      "\tsemanage login -l -n | grep -q '^pwreset-relay ' || semanage login -a -s "
	      "pwreset_relay_u pwreset-relay\n",
	      stdout);
	print_selinux_port();
	fputs("\trestorecon -F " FLEET_KEYS "\n"
	      "fi\n"
	      /* A socket is not started beside its running service; that starts its sockets. */
	      "systemctl enable pwreset-relay.socket && systemctl restart pwresetd.service\n"
	      "systemctl enable --now pwreset-relay-ssh.socket\n",
	      stdout);
}

void fleet_add_print(const char *host, const char *central, const char *key)
{
	print_host(host, central);
	print_central(host, key);
	printf(_("\n# 3. On %s: does it answer?  "), host);
	puts("pwresetctl doctor");
}
