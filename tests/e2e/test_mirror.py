#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two providers in mirror mode, and the first one killed while people recover: at the prompt, on the page, by IT."""
import os
import subprocess
import unittest
import urllib.parse

from harness import CODE, KEYBOARD_INTERACTIVE, LINK, UNLIMITED, LabCase, eventually, people, pexpect  # finds the lab's modules

import product  # pylint: disable=wrong-import-order

NEW = "teal kayak orbits mars 41"
SECRET = "the providers' own 4711"
SECOND = "/run/slapd/second"
PORTS = (389, 1389)
UNIT = f"""[Service]
ExecStart=/usr/sbin/slapd -d 0 -u openldap -g openldap -f /etc/ldap/second.conf -h "ldap://:{PORTS[1]}/ ldapi://{
    urllib.parse.quote(SECOND, safe='').replace('%', '%%')}"
"""


class Mirror(LabCase):
    LAB = {"profile": "ldap"}
    # As the docs say: every host has the same ordered list.
    SETTINGS = {"limits": UNLIMITED,
                "directory": {**product.STARTTLS, "timeout": "2",
                              "uri": " ".join(f"ldap://lab.example.com:{port}" for port in PORTS)}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.start_proxy()
        cls.mirror()

    @classmethod
    def mirror(cls):
        """The lab's slapd becomes the first of two."""
        text = cls.lab.read("/etc/ldap/slapd-ppolicy.conf").replace(
            "include /etc/ldap/lab/database.conf\n", f'include /etc/ldap/lab/database.conf\nrootpw "{SECRET}"\n')
        second = text.replace("database mdb", "pidfile /run/slapd/second.pid\nargsfile /run/slapd/second.args\ndatabase mdb").replace(
            "/var/lib/ldap/ppolicy", "/var/lib/ldap/second")
        for name, body, number in (("slapd-ppolicy", text, 0), ("second", second, 1)):
            cls.lab.write(f"/etc/ldap/{name}.conf", f"serverID {number + 1}\n" + body.replace(
                "database mdb", "moduleload syncprov\ndatabase mdb") + "overlay syncprov\n"
                f'syncrepl rid=001 provider=ldap://127.0.0.1:{PORTS[1 - number]} type=refreshAndPersist retry="1 +" '
                f'searchbase="{people.BASE}" bindmethod=simple binddn="cn=admin,{people.BASE}" credentials="{SECRET}"\n'
                "multiprovider on\n")
        cls.lab.write("/etc/systemd/system/slapd2.service", UNIT)
        cls.lab.exec(["install", "-d", "-o", "openldap", "-g", "openldap", "/var/lib/ldap/second"])
        # Logins and the mail system ask both as well.
        uris = "ldapi:/// ldapi://" + urllib.parse.quote(SECOND, safe="")
        for name, key in (("nslcd.conf", "uri "), ("postfix/ldap-mbox.cf", "server_host = ")):
            path = cls.lab.path(f"/etc/{name}")
            path.write_text(path.read_text().replace(f"{key}ldapi:///\n", f"{key}{uris}\n"))
        cls.lab.exec(["systemctl", "daemon-reload"])
        cls.lab.restart("slapd", "slapd2", "nslcd", "postfix@-")
        last = f"user{people.COUNT - 100:04}"
        assert eventually(lambda: cls.second_has(last, "userPassword"), 60), "the second provider stays empty"

    @classmethod
    def second_uri(cls):
        return "ldapi://" + urllib.parse.quote(str(cls.lab.path(SECOND)), safe="")

    @classmethod
    def ldap(cls, program, *words):
        return subprocess.run([program, "-H", cls.second_uri(), *words], capture_output=True, text=True, check=False, timeout=30,
                              env={"PATH": os.environ["PATH"], "LDAPNOINIT": "1"})

    @classmethod
    def second_has(cls, user, attribute):
        done = cls.ldap("ldapsearch", "-Q", "-Y", "EXTERNAL", "-LLL", "-b", f"uid={user},{people.PEOPLE}", "-s", "base", attribute)
        return f"{attribute}:" in done.stdout

    def second_binds(self, user, secret):
        return self.ldap("ldapwhoami", "-x", "-D", f"uid={user},{people.PEOPLE}", "-w", secret).returncode == 0

    def setUp(self):
        self.addCleanup(self.revive)

    def kill_first(self):
        self.lab.exec(["systemctl", "kill", "--signal=KILL", "slapd.service"])
        self.assertTrue(eventually(lambda: self.lab.exec(["sh", "-c", "exec 3<>/dev/tcp/127.0.0.1/389"], check=False).returncode, 5))

    def revive(self):
        self.lab.restart("slapd")
        self.lab.wait_port(PORTS[0])

    def both_agree(self, user, new, old):
        self.assertTrue(self.second_binds(user, new))
        self.revive()
        self.assertTrue(eventually(lambda: self.lab.binds(user, new), 30), "the one that was dead has not caught up")
        self.assertFalse(self.lab.binds(user, old))
        self.assertFalse(self.second_binds(user, old))

    def prompt(self, user, kill_before):
        """The dialogue at ssh's prompt; the first provider dies before that line is typed."""
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=60)
        child.expect("[Pp]assword: ")
        child.sendline("")
        child.expect("Enter = try again: ")
        child.sendline("y")
        child.expect("Enter = other ways: ")
        child.sendline("y")
        child.expect("Code: ")
        code = CODE.search(self.body(self.lab.wait_mail(user, 1, timeout=30)[0])).group(0)
        self.assertTrue(eventually(lambda: self.second_has(user, "pwresetToken")))
        if kill_before == "code":
            self.kill_first()
        child.sendline(code)
        child.expect("New password: ")
        child.sendline(NEW)
        child.expect("Retype new password: ")
        if kill_before == "again":
            self.kill_first()
        child.sendline(NEW)
        child.expect(rf"{user}@lab:\S*\$ ")
        child.sendline("id -un; exit")
        child.expect(f"\r\n{user}\r\n")
        child.expect(pexpect.EOF)
        self.both_agree(user, NEW, people.password(user))

    def test_dies_before_the_code_is_typed(self):
        self.prompt("alice", "code")

    def test_dies_before_the_password_is_written(self):
        self.prompt("erin", "again")

    def test_dies_between_mail_and_page(self):
        path = "/r/" + self.ask_link("bob")
        self.assertTrue(eventually(lambda: self.second_has("bob", "pwresetToken")))
        self.assertEqual(200, self.page(path)[0])
        self.kill_first()
        self.assertEqual(200, self.page(path, {"password": NEW, "again": NEW})[0])
        self.assertIn(self.page(path)[0], (404, 410), "used, whoever is asked")
        self.both_agree("bob", NEW, people.password("bob"))
        self.assertIn(self.page(path)[0], (404, 410), "and it stays so when the first is back")

    def test_all_of_it_while_one_is_dead(self):
        self.kill_first()
        self.lab.exec(["pwresetctl", "send-link", "carol"], user="helen")
        ticket = LINK.search(self.body(self.lab.wait_mail("carol", 1, timeout=30)[0])).group(1)
        self.set_password(ticket, NEW)
        self.both_agree("carol", NEW, people.password("carol"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
