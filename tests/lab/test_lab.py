#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab itself: every service that later tests stand on does its work in a fresh copy."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

import pexpect

import container
import people
from lab import CA, SSH_PORT, SSH_SSS_PORT, Lab, LabError

SHELL = r"\$ $"
HERE = pathlib.Path(__file__).resolve().parent
# A lab in a process that can be killed: prints the leader's process id and sits there.
SITTER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from lab import Lab
lab = Lab.new(sys.argv[2]).start()
print(lab.leader, flush=True)
time.sleep(600)
"""


def gone(pid, seconds=10):
    deadline = time.monotonic() + seconds
    while container.start_time(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return container.start_time(pid) is None


class LabCase(unittest.TestCase):
    """A lab of its own for each class."""

    options = {}
    lab = None

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab.new(**cls.options).start()
        cls.addClassCleanup(cls.lab.stop)

    def log_in(self, uid, method, port=SSH_PORT):
        """ssh by one method up to the shell, which must be uid's on a terminal."""
        child = self.lab.ssh(uid, port=port, options=[f"PreferredAuthentications={method}"])
        child.expect("assword: ")
        child.sendline(people.password(uid))
        child.expect(SHELL)
        child.sendline("echo me=$(id -un) tty=$(tty)")
        child.expect(r"me=(\S+) tty=(\S+)")
        self.assertEqual(child.match[1], uid)
        self.assertTrue(child.match[2].startswith("/dev/pts/"), child.match[2])
        child.sendline("exit")
        child.expect(pexpect.EOF)

    def service_sets(self, uid, value):
        """Whether the product's identity may write this as uid's userPassword."""
        ldif = f"dn: {people.BY_UID[uid].dn}\nchangetype: modify\nreplace: userPassword\nuserPassword: {value}\n"
        argv = ["ldapmodify", "-x", "-H", "ldapi:///", "-D", people.SERVICE_DN, "-w", people.SERVICE_PASSWORD]
        done = self.lab.exec(argv, input=ldif, check=False)
        self.assertIn(done.returncode, (0, 50), done.stderr)
        return done.returncode == 0

    def refused(self, uid, secret, port=SSH_PORT):
        child = self.lab.ssh(
            uid, port=port, options=["NumberOfPasswordPrompts=1", "PreferredAuthentications=password"]
        )
        child.expect("assword: ")
        child.sendline(secret)
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual(child.exitstatus, 255, child.seen.getvalue())


class Site(LabCase):
    """One lab with all in it."""

    def test_systemd_is_pid_1_and_running(self):
        self.assertEqual(self.lab.exec(["cat", "/proc/1/comm"]).stdout, "systemd\n")
        self.assertEqual(self.lab.exec(["systemctl", "is-system-running"]).stdout, "running\n")
        active = self.lab.exec(["systemctl", "is-active", "cron", "nslcd", "sssd"]).stdout
        self.assertEqual(active, "active\n" * 3)

    def test_cgroups_are_its_own(self):
        groups = pathlib.Path(f"/proc/{self.lab.leader}/cgroup").read_text().splitlines()
        strange = [line for line in groups if self.lab.name not in line]
        self.assertEqual(strange, [])

    def test_ssh_password_by_nslcd(self):
        self.log_in("alice", "password")

    def test_ssh_keyboard_interactive_by_nslcd(self):
        self.log_in("alice", "keyboard-interactive")

    def test_ssh_password_by_sssd(self):
        self.log_in("alice", "password", SSH_SSS_PORT)

    def test_ssh_keyboard_interactive_by_sssd(self):
        self.log_in("alice", "keyboard-interactive", SSH_SSS_PORT)

    def test_ssh_refuses_a_wrong_password(self):
        for port in (SSH_PORT, SSH_SSS_PORT):
            self.refused("erin", "wrong", port)

    def test_crowd_gets_a_home(self):
        self.log_in("user0001", "password")
        self.assertTrue(self.lab.path("/home/user0001/.profile").exists())

    def test_local_user(self):
        self.log_in(people.LOCAL_USER, "keyboard-interactive")

    def test_login_on_a_terminal(self):
        child = self.lab.spawn(["login", "-p"])
        child.expect("login: ")
        child.sendline("bob")
        child.expect("Password: ")
        child.sendline(people.password("bob"))
        child.expect(SHELL)
        child.sendline("echo me=$(id -un) session=${XDG_SESSION_ID:-none}")
        child.expect(r"me=bob session=(\S+)")
        self.assertNotEqual(child.match[1], "none")
        child.sendline("exit")
        child.expect(pexpect.EOF)

    def test_passwd_by_pam_ldap(self):
        new = "quiet-Lantern-59-maple"
        child = self.lab.spawn(["passwd"], user="dave")
        child.expect(r"\(current\) LDAP Password: ")
        child.sendline(people.password("dave"))
        child.expect("New password: ")
        child.sendline(new)
        child.expect("Retype new password: ")
        child.sendline(new)
        child.expect("password updated successfully")
        child.expect(pexpect.EOF)
        self.assertTrue(self.lab.binds("dave", new))
        self.assertFalse(self.lab.binds("dave", people.password("dave")))
        self.assertTrue(self.lab.ldap_person("dave")["userPassword"][0].startswith("{ARGON2}"))

    def test_sudo_and_su(self):
        child = self.lab.spawn(["sudo", "id", "-un"], user="bob")
        child.expect(r"\[sudo\] password for bob: ")
        child.sendline(people.password("bob"))
        child.expect("root\r\n")
        child.expect(pexpect.EOF)
        child = self.lab.spawn(["su", "-c", "id -un", "erin"], user="bob")
        child.expect("Password: ")
        child.sendline(people.password("erin"))
        child.expect("erin\r\n")
        child.expect(pexpect.EOF)

    def test_mail_arrives_and_strangers_are_refused(self):
        code = (
            "import smtplib; s = smtplib.SMTP('lab.example.com'); s.starttls();"
            "s.sendmail('a@example.com', ['carol@example.com', 'x@example.org'], 'Subject: hello\\n\\nthere');"
            "s.mail('a@example.com'); print(s.rcpt('nobody@example.com')[0])"
        )
        done = self.lab.net_exec(["/usr/bin/python3", "-c", code])
        self.assertEqual(done.stdout, "550\n")
        message = self.lab.wait_mail("carol")[-1]
        self.assertEqual(message["subject"], "hello")
        self.assertEqual(message["delivered-to"], "carol@example.com")
        self.assertEqual(self.lab.wait_mail("elsewhere")[-1]["delivered-to"], "x@example.org")
        self.assertEqual(sorted(self.lab.all_mails()), ["carol", "elsewhere"])

    def test_relay_down_and_up(self):
        self.lab.stop_relay()
        with self.assertRaises(LabError):
            self.lab.wait_port(25, timeout=0.2)
        self.lab.start_relay()

    def test_nothing_leaves(self):
        self.assertEqual(self.lab.exec(["ip", "-o", "link"]).stdout.count("\n"), 1)
        code = "import socket; socket.create_connection(('192.0.2.1', 25), 5)"
        done = self.lab.net_exec(["/usr/bin/python3", "-c", code], check=False)
        self.assertIn("unreachable", done.stderr)

    def whoami_tls(self, *words, ca=CA):
        argv = ["env", f"LDAPTLS_CACERT={ca}", "ldapwhoami", "-x", *words]
        return self.lab.exec(argv, check=False)

    def test_tls_is_verified(self):
        for words in (("-ZZ", "-H", "ldap://lab.example.com"), ("-H", "ldaps://lab.example.com")):
            self.assertEqual(self.whoami_tls(*words).stdout, "anonymous\n")
            stranger = self.whoami_tls(*words, ca="/etc/lab/tls/untrusted.crt")
            self.assertNotEqual(stranger.returncode, 0)
        wrong_name = self.whoami_tls("-ZZ", "-H", "ldap://127.0.0.1")
        self.assertNotEqual(wrong_name.returncode, 0)

    def test_ppolicy_locks(self):
        for uid in ("lockedadmin", "lockedtemp"):
            self.assertFalse(self.lab.binds(uid, people.password(uid)), uid)
        for _ in range(5):
            self.assertFalse(self.lab.binds("sybil", "wrong"))
        self.assertFalse(self.lab.binds("sybil", people.password("sybil")))
        self.assertIn("pwdAccountLockedTime", self.lab.ldap_person("sybil"))

    def test_special_people(self):
        self.assertNotIn("mail", self.lab.ldap_person("nomail"))
        self.assertNotIn("userPassword", self.lab.ldap_person("fresh"))
        self.assertEqual(len(self.lab.ldap_search("(mail=shared@example.com)")), 2)
        self.assertEqual(self.lab.ldap_person("zoe")["cn"], ["Zoé Müller-Ünal"])
        self.assertEqual(self.lab.exec(["id", "-Gn", "helen"]).stdout, "people pwreset-helpdesk\n")
        self.refused("expired", people.password("expired"))
        self.refused("fresh", "")

    def test_rules_of_the_service(self):
        new = people.argon2id("quiet-Lantern-59-maple", people.CROWD_COST)
        self.assertTrue(self.service_sets("oscar", new))
        self.assertTrue(self.lab.binds("oscar", "quiet-Lantern-59-maple"))
        for uid, value in (("oscar", "in clear"), ("stan", new), ("nestor", new), ("sysop", new)):
            self.assertFalse(self.service_sets(uid, value), uid)

    def test_a_thousand(self):
        found = self.lab.ldap_search("(!(uid=user2*))", "uid", base=people.PEOPLE, scope="one")
        self.assertEqual(len(found), people.COUNT)
        self.assertTrue(self.lab.binds("user0700", people.password("user0700")))

    def test_pamtester(self):
        argv = ["pamtester", "login", "kim", "authenticate"]
        good = self.lab.exec(argv, input=people.password("kim") + "\n")
        self.assertIn("successfully authenticated", good.stdout + good.stderr)

    def test_restart_of_slapd_is_quick(self):
        began = time.monotonic()
        self.lab.restart("slapd")
        self.assertTrue(self.lab.binds("kim", people.password("kim")))
        self.assertLess(time.monotonic() - began, 5)
        for _ in range(8):
            self.lab.restart("slapd")
        self.log_in("alice", "password")
        self.lab.wait_sssd()
        self.log_in("alice", "password", SSH_SSS_PORT)

    def test_slapd_killed_loses_nothing(self):
        self.lab.replace("trent", description="before ünder 9")
        self.lab.signal("slapd")
        with self.assertRaises(LabError):
            self.lab.binds("trent", people.password("trent"))
        self.lab.restart("slapd")
        self.assertEqual(self.lab.ldap_person("trent")["description"], ["before ünder 9"])

    def test_crowd_grows(self):
        self.lab.add_people(2000, 300)
        found = self.lab.ldap_search("(uid=user22*)", "uid", base=people.PEOPLE)
        self.assertEqual(len(found), 100)
        self.assertTrue(self.lab.binds("user2299", people.password("user2299")))

    def test_varlinkctl_reaches_inside(self):
        done = self.lab.varlinkctl(
            "call",
            "/run/systemd/userdb/io.systemd.DynamicUser",
            "io.systemd.UserDatabase.GetUserRecord",
            '{"userName":"nobody-such","service":"io.systemd.DynamicUser"}',
        )
        self.assertIn("NoRecordFound", done.stdout + done.stderr)

    def test_paths_stay_inside(self):
        self.lab.exec(["ln", "-sfn", "/etc/hostname", "/tmp/link"])
        self.assertEqual(self.lab.read("/tmp/link"), "lab\n")
        self.assertEqual(self.lab.read("/var/run/../run/slapd/slapd.pid").strip().isdigit(), True)
        self.assertRegex(str(self.lab.path("/bin/sh")), rf"^/proc/{self.lab.leader}/root/usr/bin/")

    def test_journal(self):
        self.lab.exec(["logger", "-t", "labtest", "a line"])
        lines = [item["MESSAGE"] for item in self.lab.journal() if item.get("SYSLOG_IDENTIFIER") == "labtest"]
        self.assertEqual(lines, ["a line"])
        self.assertIn("slapd starting", self.lab.journal_text("slapd"))


class ByCnConfig(LabCase):
    """slapd by cn=config, no ppolicy, everybody through SSSD."""

    options = {"profile": "sss", "ppolicy": False, "cn_config": True}

    def test_config_can_be_changed(self):
        change = "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcDbIndex\nolcDbIndex: sn eq\n"
        found = self.lab.ldap_search("(objectClass=olcMdbConfig)", "olcSuffix", base="cn=config")
        self.assertEqual(len(found), 1)
        change = re.sub(r"^dn: .*", f"dn: {found[0][0]}", change)
        self.lab.ldap_modify(change)
        after = self.lab.ldap_search("(olcDbIndex=sn eq)", "dn", base="cn=config")
        self.assertEqual(len(after), 1)

    def test_no_ppolicy(self):
        self.assertTrue(self.lab.binds("lockedadmin", people.password("lockedadmin")))
        self.assertNotIn("pwdChangedTime", self.lab.ldap_person("alice"))

    def test_sssd_alone(self):
        self.log_in("alice", "keyboard-interactive")
        off = self.lab.exec(["systemctl", "is-active", "nslcd"], check=False)
        self.assertEqual(off.stdout, "inactive\n")


    def test_passwd_by_sssd(self):
        new = "quiet-Lantern-59-maple"
        child = self.lab.spawn(["passwd"], user="dave")
        child.expect("Current Password: ")
        child.sendline(people.password("dave"))
        child.expect("New password: ")
        child.sendline(new)
        child.expect("Retype new password: ")
        child.sendline(new)
        child.expect("password updated successfully")
        child.expect(pexpect.EOF)
        self.assertTrue(self.lab.binds("dave", new))
        changed = int(self.lab.ldap_person("dave")["shadowLastChange"][0])
        self.assertGreater(changed, people.LAST_CHANGE_DAY)


class ByCnConfigWithPpolicy(LabCase):
    """The fourth of the directories, and nslcd alone."""

    options = {"profile": "ldap", "cn_config": True}

    def test_ppolicy(self):
        self.assertFalse(self.lab.binds("lockedadmin", people.password("lockedadmin")))
        self.lab.set_policy(pwdMaxFailure="1")
        self.assertFalse(self.lab.binds("sybil", "wrong"))
        self.assertFalse(self.lab.binds("sybil", people.password("sybil")))

    def test_nslcd_alone(self):
        self.log_in("bob", "password")


class ByFileWithoutPpolicy(LabCase):
    """A server that hashes by itself."""

    options = {"profile": "ldap", "ppolicy": False, "hash_mode": "server"}

    def test_rules_of_the_service(self):
        self.assertTrue(self.service_sets("oscar", "quiet-Lantern-59-maple"))
        self.assertTrue(self.lab.binds("oscar", "quiet-Lantern-59-maple"))
        self.assertFalse(self.service_sets("stan", "quiet-Lantern-59-maple"))

    def test_login(self):
        self.log_in("bob", "password")
        self.assertNotIn("pwdChangedTime", self.lab.ldap_person("alice"))


class Life(unittest.TestCase):
    """Beginnings and ends."""

    def test_two_at_once_are_apart(self):
        with Lab.new() as one, Lab.new() as two:
            one.start()
            two.start()
            one.write("/tmp/mark", "one")
            self.assertFalse(two.path("/tmp/mark").exists())
            one.exec(["systemctl", "stop", "ssh"])
            self.assertEqual(two.exec(["systemctl", "is-active", "ssh"]).stdout, "active\n")
            folder = one.folder
        self.assertFalse(folder.exists())
        self.assertTrue(gone(one.leader))
        self.assertFalse(one.state.file.exists())

    def test_a_cable_between_two(self):
        with Lab.new() as host, Lab.new() as centre:
            host.start()
            centre.start()
            host.link(centre)
            banner = host.exec(["bash", "-c", f"exec 3<>/dev/tcp/{centre.name}.lab.example.com/22; head -1 <&3"])
            self.assertIn("SSH-2.0", banner.stdout)

    def test_ends_with_its_process(self):
        name = f"sitter-{os.getpid()}"
        with subprocess.Popen(
            [sys.executable, "-c", SITTER, str(HERE), name], stdout=subprocess.PIPE, text=True
        ) as sitter:
            leader = int(sitter.stdout.readline())
            self.assertIsNotNone(container.start_time(leader))
            sitter.send_signal(signal.SIGKILL)
        self.assertTrue(gone(leader), "the container outlived its owner")
        container.reap()
        with self.assertRaises(LabError):
            Lab.attach(name)
        self.assertFalse((container.SPACE / name).exists())

    def test_clean_stop(self):
        lab = Lab.new().start()
        lab.stop(clean=True)
        self.assertTrue(gone(lab.leader))
        self.assertFalse(lab.folder.exists())

    def test_a_name_is_taken_once(self):
        name = f"taken-{os.getpid()}"
        with Lab.new(name) as lab:
            with self.assertRaises(LabError):
                Lab.new(name)
            lab.start()
        with self.assertRaises(LabError):
            Lab.new("../x")


class TimedResult(unittest.TextTestResult):
    """Says how long each took."""

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        self.stream.write(f"{time.monotonic() - self.began:.1f} s ")
        super().addSuccess(test)


if __name__ == "__main__":
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=TimedResult, verbosity=2))
