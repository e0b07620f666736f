# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people do, each in the SELinux domain in which they do it."""
import os
import re
import termios
import tty

from pexpect import fdpexpect

from facts import SERIAL_LOGIN, SERIAL_PERSON
from here import WATCH, Here
from harness import CODE, KEYBOARD_INTERACTIVE, LINK, LabCase, eventually, people, pexpect

NEW = "teal kayak orbits mars 41"
NEWER = "copper lantern hums 77 softly"
PATIENCE_S = 120  # everything is some ten times slower than on a real machine
DOORS = {
    "pam": "pwreset_pam_door_t", "web": "pwreset_web_door_t", "ctl": "pwreset_ctl_door_t",
    "relay": "pwreset_relay_door_t", "directory": "pwreset_directory_door_t", "mailer": "pwreset_mailer_door_t",
    "http": "pwreset_http_door_t",
}
UNITS = ("pam", "web", "ctl", "relay", "directory", "mailer", "http")
BULK = [person.uid for person in people.everybody() if person.uid.startswith("user0")][:12]


class VmCase(LabCase):
    """The lab is around us already, with the product in it."""

    MAIL_WITHIN_S = PATIENCE_S

    @classmethod
    def setUpClass(cls):
        cls.lab = Here()

    def recover(self, child, user, new):
        """The dialogue of a mailed code, up to the last Enter."""
        before = len(self.lab.mails(user))
        child.expect("[Pp]assword: ")
        child.sendline("")
        child.expect("Enter = try again: ")
        child.sendline("y")
        child.expect("Enter = other ways: ")
        child.sendline("y")
        child.expect("Code: ")
        body = self.body(self.lab.wait_mail(user, before + 1, timeout=PATIENCE_S)[before])
        child.sendline(CODE.search(body).group(0))
        child.expect("New password: ")
        child.sendline(new)
        child.expect("Retype new password: ")
        child.sendline(new)

    def log_in(self, user, secret):
        """A shell of user's by ssh."""
        child = self.lab.ssh(user, options=KEYBOARD_INTERACTIVE, timeout=PATIENCE_S)
        child.expect("[Pp]assword: ")
        child.sendline(secret)
        child.expect(rf"{user}@lab:\S*\$ ")
        return child

    def shell(self, child, user, command):
        """What a command in the shell says."""
        child.sendline(command)
        child.expect(r"\r\n")
        child.expect(rf"{user}@lab:\S*\$ ")
        return child.before.replace("\r", "").strip()


class Ways(VmCase):
    """In the order of their names."""

    def test_01_enforcing(self):
        """the kernel enforces, the doors are open and bear their labels"""
        self.assertEqual("Enforcing", self.lab.exec(["getenforce"]).stdout.strip())
        for door in UNITS:
            state = self.lab.exec(["systemctl", "is-active", f"pwreset-{door}.socket"], check=False).stdout.strip()
            self.assertEqual("active", state, door)
            label = self.lab.exec(["stat", "--format=%C", f"/run/pwreset/{door}"]).stdout.strip()
            self.assertEqual(f"system_u:object_r:{DOORS[door]}:s0", label)
        self.assertEqual("system_u:object_r:pwreset_credentials_t:s0",
                         self.lab.exec(["stat", "--format=%C", "/etc/pwreset/credentials/pepper"]).stdout.strip())

    def test_02_varlink(self):
        """a code by the pam socket: broker, directory worker, mailer, Postfix, each in its domain"""
        grant = self.varlink(timeout=PATIENCE_S).call("org.pwreset.Recovery.VerifyCode", user="wendy",
                                                      code=self.ask_code("wendy"))["grant"]
        self.set_password(grant, NEW)
        self.assert_password("wendy", NEW, [people.password("wendy")])
        self.assertTrue(eventually(lambda: len(self.lab.mails("wendy")) >= 2, PATIENCE_S), "she is told")

    def test_03_ssh(self):
        """recovery at ssh's prompt, by a confined user"""
        child = self.lab.ssh("rupert", options=KEYBOARD_INTERACTIVE, timeout=PATIENCE_S)
        self.recover(child, "rupert", NEW)
        child.expect(r"rupert@lab:\S*\$ ")
        self.assertEqual("user_u:user_r:user_t:s0", self.shell(child, "rupert", "id -Z"))
        child.sendline("exit")
        child.expect(pexpect.EOF)
        self.assert_password("rupert", NEW, [people.password("rupert")])

    def test_04_passwd(self):
        """passwd of a confined user, in passwd_t"""
        child = self.log_in("rupert", NEW)
        child.sendline("passwd")
        child.expect("[Cc]urrent .*assword: ")
        child.sendline(NEW)
        child.expect("New password: ")
        child.sendline(NEWER)
        child.expect("Retype new password: ")
        child.sendline(NEWER)
        child.expect(r"rupert@lab:\S*\$ ")
        child.sendline("exit")
        self.assert_password("rupert", NEWER, [NEW])

    def test_05_login(self):
        """recovery at login's prompt on a serial line"""
        line = os.open(f"/dev/{SERIAL_PERSON}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        self.addCleanup(os.close, line)
        tty.setraw(line)
        child = fdpexpect.fdspawn(line, timeout=PATIENCE_S, encoding="utf-8", codec_errors="replace")
        # What stood there before the line was raw may have been echoed, and taken for a name; and a prompt that is
        # left of the first getty would be answered before there is a second one that hears it.
        self.lab.exec(["systemctl", "stop", f"serial-getty@{SERIAL_LOGIN}.service"])
        termios.tcflush(line, termios.TCIOFLUSH)
        self.lab.exec(["systemctl", "start", f"serial-getty@{SERIAL_LOGIN}.service"])
        child.expect("login: ")
        child.sendline("niaj")
        self.recover(child, "niaj", NEW)
        child.expect(r"niaj@lab:\S*\$ ")
        self.assertEqual("user_u:user_r:user_t:s0", self.shell(child, "niaj", "id -Z"))
        child.sendline("exit")
        self.assert_password("niaj", NEW, [people.password("niaj")])

    def test_06_page(self):
        """a link by the page, through nginx and the page's socket"""
        self.assertEqual(200, self.page("/", {"user": "sybil"})[0])
        link = LINK.search(self.body(self.lab.wait_mail("sybil", 1, timeout=PATIENCE_S)[0])).group(1)
        self.assertEqual(200, self.page("/r/" + link)[0])
        self.assertEqual(200, self.page("/r/" + link, {"password": NEW, "again": NEW})[0])
        self.assert_password("sybil", NEW, [people.password("sybil")])
        direct = ["curl", "--silent", "--max-time", "30", "--output", "/dev/null", "--write-out", "%{http_code}",
                  "--unix-socket", "/run/pwreset/http", "http://reset.example.com/"]
        self.assertEqual("200", self.lab.exec(direct).stdout)

    def test_07_bulk(self):
        """staff send links to many at once, from a list in their home, in pwresetctl_t"""
        child = self.log_in("helen", people.password("helen"))
        self.assertEqual("staff_u:staff_r:staff_t:s0", self.shell(child, "helen", "id -Z"))
        self.shell(child, "helen", f"printf '%s\\n' {' '.join(BULK)} >list")
        said = self.shell(child, "helen", "pwresetctl send-link --file list; echo status $?")
        self.assertIn("status 0", said)
        for user in BULK:
            self.assertTrue(LINK.search(self.body(self.lab.wait_mail(user, 1, timeout=PATIENCE_S)[0])))
        self.assertIn("wendy", self.shell(child, "helen", "pwresetctl show wendy | cat"))
        child.sendline("exit")

    def leave_the_fleet(self):
        """The module's socket is the daemon's again."""
        self.lab.exec(["systemctl", "disable", "--now", "pwreset-fleet.socket"], timeout=600)
        self.lab.exec(["systemctl", "unmask", "--runtime", "pwreset-pam.socket"], timeout=600)
        # It starts its sockets; beside it, while it runs, none of them starts.
        self.lab.exec(["systemctl", "restart", "pwresetd.service"], timeout=600)

    def test_08_fleet(self):
        """a host of the fleet and its central host in one, by what "fleet add" prints: recovery at ssh's prompt, through ssh"""
        add = ["pwresetctl", "fleet", "add", "host1.example.com", "--central=lab.example.com"]
        there = re.split(r"(?m)^# \d\. ", self.lab.exec(add, timeout=600).stdout)[1]
        self.addCleanup(self.leave_the_fleet)
        # A host is one of the fleet or has the daemon, which would take the door back; here it must be both.
        self.lab.exec(["systemctl", "mask", "--runtime", "--now", "pwreset-pam.socket"], timeout=600)
        key = self.lab.exec(["sh", "-e", "-c", "# " + there], timeout=600).stdout.splitlines()[-1]
        here = re.split(r"(?m)^# \d\. ", self.lab.exec([*add, "-"], input=key + "\n", timeout=600).stdout)[2]
        self.lab.exec(["sh", "-e", "-c", "# " + here], timeout=600)
        for path, kind in (("/run/pwreset/pam", "pwreset_pam_door_t"), ("/etc/pwreset/fleet.key", "pwreset_credentials_t"),
                           ("/usr/lib/pwreset/pwreset-fleet", "pwreset_fleet_exec_t")):
            self.assertEqual(f"system_u:object_r:{kind}:s0", self.lab.exec(["stat", "--format=%C", path]).stdout.strip())
        # All the way, and the processes in between stay as long as the connection does.
        link = self.varlink(timeout=PATIENCE_S)
        self.assertEqual({"exists": True}, link.call("org.pwreset.Password.Exists", user="oscar"))
        WATCH.look()
        link.close()
        child = self.lab.ssh("oscar", options=KEYBOARD_INTERACTIVE, timeout=PATIENCE_S)
        self.recover(child, "oscar", NEW)
        child.expect(r"oscar@lab:\S*\$ ")
        child.sendline("exit")
        self.assert_password("oscar", NEW, [people.password("oscar")])
        self.assertIn("host1.example.com", self.body(self.lab.mails("oscar")[0]))

    def test_09_timer(self):
        """pwresetctl started by systemd, as its timer does"""
        self.assertEqual(0, self.lab.run_by_systemd(["/usr/bin/pwresetctl", "statistics"]))

    def test_10_reload_and_restart(self):
        """the broker takes its settings again, ends and comes back on the next call"""
        self.ask_code("grace")
        self.lab.exec(["systemctl", "reload", "pwresetd.service"])
        self.lab.exec(["systemctl", "restart", "pwresetd.service"])
        self.lab.exec(["systemctl", "stop", "pwresetd.service"])
        self.ask_code("heidi")

