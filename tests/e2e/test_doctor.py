#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each thing that an administrator can get wrong on a host: the doctor sees it, and what stands behind "mend:", applied as it
stands, makes it go away. The directory's part is tests/directory/test_doctor.py; here are the rules loaded from `pwresetctl schema`."""
import json
import os
import re
import shlex
import unittest

from harness import LabCase, people

HERE = "auth [conv_err=die default=ignore] pam_pwreset.so\n"
UNIX = "auth [success=2 default=ignore] pam_unix.so nullok try_first_pass\n"
LDAP = "auth [success=1 default=ignore] pam_ldap.so use_first_pass\n"
REST = "auth requisite pam_deny.so\nauth required pam_permit.so\n"
STACK = "/etc/pam.d/lightdm"


class Doctor(LabCase):
    LAB = {"name": f"doctor-{os.getpid()}", "profile": "ldap", "cn_config": True}
    CANARY = f"uid=user0900,{people.PEOPLE}"
    SETTINGS = {**LabCase.SETTINGS, "directory": {"decoy-dn": CANARY}}

    def sh(self, script):
        return self.lab.exec(["sh", "-ec", script]).stdout

    def prompt(self, command):
        """As root types it: the next command follows a failed one (timedatectl has no time service to turn on here)."""
        self.lab.exec(["sh", "-c", command], check=False)

    def found(self, code, part=""):
        """The findings of that name that are not ok, of which part is in the evidence."""
        done = self.lab.exec(["pwresetctl", "doctor", "--json=short"], check=False)
        return [found for found in json.loads(done.stdout)["findings"]
                if found["what"] == code and found["severity"] != "ok" and part in found.get("evidence", "")]

    def mended(self, code, part, apply, severity="error"):
        """Broken already: it is seen, with evidence; apply() is given its remedy, and then it is not seen any more."""
        seen = self.found(code, part)
        self.assertTrue(seen, f"{code} was not seen")
        # What the parser says of a file's mode has no command; the look at the file has.
        seen.sort(key=lambda found: "remedy" not in found)
        self.assertEqual((seen[0]["severity"], bool(seen[0]["evidence"]), bool(seen[0]["remedy"])), (severity, True, True), seen)
        apply(seen[0]["remedy"])
        self.assertEqual(self.found(code, part), [])

    # ---- commands

    COMMANDS = (
        ("credential", "pepper", "error", "chmod 0644 /etc/pwreset/credentials/pepper"),
        ("configuration", "pwreset.conf", "error", "chmod 0666 /etc/pwreset/pwreset.conf"),
        ("configuration", "10.conf", "error",
         "mkdir -p /etc/pwreset/pwreset.conf.d; echo '[policy]' >/etc/pwreset/pwreset.conf.d/10.conf; chown alice /etc/pwreset/pwreset.conf.d/10.conf"),
        ("folder", "/var/lib/pwreset", "error", "chmod 0755 /var/lib/pwreset"),
        ("folder", "/etc/pwreset/credentials", "error", "chown alice /etc/pwreset/credentials"),
        ("socket", "/run/pwreset/pam", "error", "chmod 0666 /run/pwreset/pam"),
        ("socket", "/run/pwreset/directory", "error", "chown alice /run/pwreset/directory"),
        ("unit", "pwreset-spool.path", "warning", "systemctl disable --now -q pwreset-spool.path"),
        ("unit", "pwreset-mailer.socket", "error", "systemctl stop pwreset-mailer.socket"),
        ("unit", "pwreset-pam.socket", "error", "systemctl stop pwreset-pam.socket"),
        ("pam-nullok", "common-auth", "warning", "passwd -q -d lou"),
        ("clock-behind", "mark", "error",
         "systemctl stop pwresetd.service; printf '%020d %020d %020d %020d\\n' $(($(date +%s) + 90000)) 0 0 0 >/var/lib/pwreset/mark; "
         "chown pwreset: /var/lib/pwreset/mark"),
    )

    def test_commands(self):
        for code, part, severity, broken in self.COMMANDS:
            with self.subTest(broken=broken):
                self.sh(broken)
                self.mended(code, part, self.prompt, severity)
        self.assertEqual(self.lab.exec(["pwresetctl", "doctor", "--quiet"]).stdout.splitlines()[-1], "Nothing is wrong.")

    # ---- lines

    def test_lines_of_sshd(self):
        before = self.lab.read("/etc/ssh/sshd_config")
        self.addCleanup(self.lab.write, "/etc/ssh/sshd_config", before)
        for code, broken, severity in (("sshd-pam", "UsePAM no", "error"), ("sshd-interactive", "KbdInteractiveAuthentication no", "error"),
                                       ("sshd-grace", "LoginGraceTime 20", "warning")):
            with self.subTest(broken=broken):
                self.lab.write("/etc/ssh/sshd_config", f"{broken}\n{before}")
                self.mended(code, broken.split()[0], lambda line: self.lab.write("/etc/ssh/sshd_config", f"{line}\n{before}"), severity)

    def stack(self, *lines):
        self.lab.write(STACK, "".join(lines))

    def test_lines_of_login_stacks(self):
        self.addCleanup(self.lab.exec, ["rm", "-f", STACK])

        def by_hand(remedy):
            return remedy.partition("by hand: ")[2].partition("   (")[0] + "\n"

        def faillock(remedy):
            line, _, where = remedy.partition("   (")
            self.assertEqual(where, "in the line before pam_faillock.so preauth)")
            self.stack(line + "\n", "auth requisite pam_faillock.so preauth\n", UNIX, "auth [default=die] pam_faillock.so authfail\n")

        cases = (
            ("pam-control", "warning", ("auth sufficient pam_pwreset.so\n", UNIX, LDAP, REST),
             lambda remedy: self.stack(by_hand(remedy), UNIX, LDAP, REST)),
            ("pam-order", "error", (UNIX, HERE, LDAP, REST), lambda remedy: self.stack(by_hand(remedy), UNIX, LDAP, REST)),
            ("pam-absent", "notice", (UNIX, LDAP, REST), lambda remedy: self.stack(by_hand(remedy), UNIX, LDAP, REST)),
            ("pam-asks-again", "warning", (HERE, UNIX, "auth required pam_ldap.so\n"),
             lambda remedy: self.stack(HERE, UNIX, f"auth required pam_ldap.so {remedy}\n")),
            ("pam-faillock", "error", ("auth requisite pam_faillock.so preauth\n", HERE, UNIX, "auth [default=die] pam_faillock.so authfail\n"),
             faillock),
            ("pam-argument", "error", (HERE.strip() + " trys=3\n", UNIX, LDAP), lambda remedy: self.stack(HERE, UNIX, LDAP)),
        )
        for code, severity, broken, apply in cases:
            with self.subTest(code=code):
                self.stack(*broken)
                self.mended(code, STACK, apply, severity)

    def test_recovery_within_sudo(self):
        """It would be privilege by secret answer, so that the doctor asks for the service to be taken out of the list."""
        before = self.lab.read("/etc/pam.d/sudo")
        self.addCleanup(self.lab.write, "/etc/pam.d/sudo", before)
        line = HERE.strip() + " services=login,sudo\n"
        self.lab.write("/etc/pam.d/sudo", line + before)
        self.mended("pam-services", "/etc/pam.d/sudo", lambda _: self.lab.write("/etc/pam.d/sudo", line.replace(",sudo", "") + before))

    def test_two_judges(self):
        before = self.lab.read("/etc/pam.d/common-password")
        self.addCleanup(self.lab.write, "/etc/pam.d/common-password", before)
        self.lab.write("/etc/pam.d/common-password", "password requisite pam_pwquality.so retry=3\n" + before)
        self.mended("pam-judged-twice", "common-password", lambda _: self.lab.write("/etc/pam.d/common-password", before), "warning")

    def test_settings_that_the_service_refuses(self):
        """The parser's own words name file, line, key and what would be right; there is no line besides."""
        before = self.lab.read("/etc/pwreset/pwreset.conf")
        # A broker that cannot read it fails until systemd gives up on its sockets.
        self.addCleanup(self.sh, "systemctl reset-failed 'pwreset*'; systemctl start pwreset-pam.socket pwreset-ctl.socket pwreset-web.socket")
        self.addCleanup(self.lab.write, "/etc/pwreset/pwreset.conf", before)
        for old, new, told in (("relay=127.0.0.1:25", "relay=mx.example.net:25", r"\btls\b.*starttls"),
                               ("tls=none", "tls=none\nuser=mailer", r"tls"),
                               ("origin=https:", "origin=http:", r"https://"),
                               ("hash=argon2id", "hash=md5", r"argon2id"),
                               ("[mail]", "[mail]\nrelais=x", r"relais")):
            with self.subTest(new=new):
                self.assertIn(old, before)
                self.lab.write("/etc/pwreset/pwreset.conf", before.replace(old, new))
                seen = self.found("configuration", "pwreset.conf")
                self.assertTrue(seen)
                self.assertRegex(seen[0]["text"], told)

    # ---- what the proxy writes down

    def test_a_link_in_the_proxys_log(self):
        """nginx as somebody who has not read docs/proxy/ sets it up, and a link that was mailed."""
        conf, log = "/etc/nginx/conf.d/doctor.conf", "/var/log/nginx/access.log"
        server = "server {{ listen 127.0.0.1:8099; {} location / {{ proxy_pass http://unix:/run/pwreset/http; }} }}\n"
        self.addCleanup(self.lab.exec, ["sh", "-c", f"rm -f {conf} /var/log/nginx/*.log; systemctl reload nginx"], check=False)
        self.lab.write(conf, server.format(""))
        self.sh("nginx -t -q; systemctl restart nginx")
        self.lab.wait_port(8099)
        self.lab.net_exec(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:8099/r/{self.ask_link('dave')}"])
        # Nothing was served behind it, so that both logs quote the request.
        self.assertIn(log, [found["evidence"] for found in self.found("proxy-log")])
        self.mended("proxy-config", conf, lambda line: self.lab.write(conf, server.format(line)), "warning")
        self.sh(f"nginx -t -q; rm -f /var/log/nginx/*.log; systemctl restart nginx")
        self.lab.wait_port(8099)
        self.lab.net_exec(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:8099/r/{self.ask_link('erin')}"])
        self.assertEqual(self.found("proxy-log"), [])

    # ---- the directory's rules, as the tool prints them

    def rules(self):
        """The database of the people, and which of its rules are ours."""
        text = self.sh("ldapsearch -Q -LLL -o ldif-wrap=no -Y EXTERNAL -H ldapi:/// -b cn=config '(olcSuffix=*)' olcAccess")
        dn = re.findall(r"(?m)^dn: (olcDatabase=\S*mdb,cn=config)$", text)[-1]
        own = [number for number, rule in re.findall(r"(?m)^olcAccess: \{(\d+)\}(.*)$", text) if "cn=pwreset,ou=services" in rule]
        return dn, own

    def test_rules_that_were_not_loaded(self):
        dn, own = self.rules()
        self.assertGreater(len(own), 10)
        remove = "".join(f"dn: {dn}\nchangetype: modify\ndelete: olcAccess\nolcAccess: {{{number}}}\n\n" for number in reversed(own))
        remove += f"dn: {dn}\nchangetype: modify\ndelete: olcLimits\n"
        self.lab.exec(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"], input=remove)
        self.assertTrue(self.found("acl-exposed"), "the rest of the rules let everybody read")

        def apply(remedy):
            """As pwresetctl(1) gives it to slapd."""
            command = re.search(r"'(pwresetctl schema --acl[^']*)'", remedy)[1]
            self.prompt(f"{command} --database={shlex.quote(dn)} | ldapadd -c -Q -Y EXTERNAL -H ldapi:///")

        self.mended("acl", "", apply)
        self.assertEqual(self.found("acl-exposed"), [])
        # Those of the overlay are asked for by their own name.
        self.mended("acl-marks", "pwdReset", apply)
        self.assertEqual(self.lab.exec(["pwresetctl", "doctor", "--canary", "--quiet"]).stdout.splitlines()[-1], "Nothing is wrong.")


if __name__ == "__main__":
    unittest.main(verbosity=2)
