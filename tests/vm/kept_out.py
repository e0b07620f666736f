# SPDX-License-Identifier: LGPL-2.1-or-later
"""After the ways of people: nothing of ours was denied; and then what must be denied is tried."""
import os
import shutil
import unittest

import audit
from facts import DENIED, PROBE
from here import WATCH, Here

DOOR = "/run/pwreset/"
PEPPER = "/etc/pwreset/credentials/pepper"
LDAP, SMTP, SSH = "389", "25", "22"
# A program's type, what it tries, and whether it may: the same act is allowed to one and denied to another, so that a
# denial is the policy's and not the probe's. nslcd runs as root beside us and has no business with us.
MATRIX = (
    ("sshd_exec_t", "unix", DOOR + "pam", True),
    ("nslcd_exec_t", "unix", DOOR + "pam", False),
    ("nslcd_exec_t", "unix", DOOR + "ctl", False),
    ("nslcd_exec_t", "read", PEPPER, False),
    ("sshd_exec_t", "unix", DOOR + "directory", False),
    ("sshd_exec_t", "read", PEPPER, False),
    ("pwresetd_exec_t", "unix", DOOR + "directory", True),
    ("pwresetd_exec_t", "unix", DOOR + "mailer", True),
    ("pwresetd_exec_t", "tcp", LDAP, False),
    ("pwresetd_exec_t", "tcp", SMTP, False),
    ("pwresetd_exec_t", "read", PEPPER, False),
    ("pwreset_directory_exec_t", "tcp", LDAP, True),
    ("pwreset_directory_exec_t", "tcp", SMTP, False),
    ("pwreset_directory_exec_t", "unix", DOOR + "mailer", False),
    ("pwreset_mailer_exec_t", "tcp", SMTP, True),
    ("pwreset_mailer_exec_t", "tcp", LDAP, False),
    ("pwreset_mailer_exec_t", "unix", DOOR + "directory", False),
    ("pwreset_mailer_exec_t", "unix", "/run/slapd/ldapi", False),
    ("pwreset_web_exec_t", "unix", DOOR + "web", True),
    ("pwreset_web_exec_t", "unix", DOOR + "directory", False),
    ("pwreset_web_exec_t", "unix", DOOR + "pam", False),
    ("pwreset_web_exec_t", "unix", DOOR + "ctl", False),
    ("pwreset_web_exec_t", "tcp", LDAP, False),
    ("pwreset_web_exec_t", "read", "/var/log/lastlog", False),
    ("pwreset_fleet_exec_t", "tcp", SSH, True),
    ("pwreset_fleet_exec_t", "tcp", LDAP, False),
    ("pwreset_fleet_exec_t", "tcp", SMTP, False),
    ("pwreset_fleet_exec_t", "unix", DOOR + "ctl", False),
    ("pwreset_fleet_exec_t", "unix", DOOR + "relay", False),
    ("pwreset_fleet_exec_t", "read", PEPPER, False),
    ("pwresetctl_exec_t", "unix", DOOR + "ctl", True),
    ("pwresetctl_exec_t", "unix", DOOR + "pam", False),
)


# A process's name as the kernel cuts it, and where it was seen: pwresetctl of staff and of systemd, and the relay's.
PROGRAMS = {
    "pwresetd": {"pwresetd_t"},
    "pwreset-directo": {"pwreset_directory_t"},
    "pwreset-mailer": {"pwreset_mailer_t"},
    "pwreset-web": {"pwreset_web_t"},
    "passwd": {"passwd_t"},
    "pwresetctl": {"pwresetctl_t", "pwreset_relay_t"},
    "pwreset-fleet": {"pwreset_fleet_t"},
}


class Audit(unittest.TestCase):
    """Comes after all ways and before the denials that are meant."""

    def test_no_denial(self):
        """no denial in which one of our types stands"""
        self.assertEqual([], sorted({audit.short(line) for line in audit.ours(audit.lines())}))


    def test_domains(self):
        """each program was seen in its domain and in no other"""
        WATCH.stop()
        self.assertEqual(PROGRAMS, WATCH.seen)


class KeptOut(unittest.TestCase):
    """With doors and secret open to everybody by their modes, so that what is left is the policy's doing."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Here()
        cls.lab.exec(["sh", "-c", f"chmod 0666 {DOOR}* {PEPPER} && chmod 0755 {os.path.dirname(PEPPER)}"])

    def attempt(self, kind, act, what):
        """The probe's status in the domain that systemd starts for a program of that type."""
        program = f"{PROBE}.{kind}"
        shutil.copy(PROBE, program)
        self.lab.exec(["chcon", "-t", kind, program])
        return self.lab.run_by_systemd([program, act, what])

    def test_matrix(self):
        """who reaches which door, port and secret"""
        wrong = []
        for kind, act, what, allowed in MATRIX:
            status = self.attempt(kind, act, what)
            if status != (0 if allowed else DENIED):
                wrong.append(f"{kind} {act} {what}: {status}, should be {'done' if allowed else 'denied'}")
        self.assertEqual([], wrong)

    def test_the_denial_is_in_the_audit(self):
        """a domain without business at our door is written down"""
        self.attempt("nslcd_exec_t", "unix", DOOR + "pam")
        found = {audit.short(line) for line in audit.ours(audit.lines())}
        self.assertTrue(any(text.startswith("nslcd_t -> pwreset_") for text in found), found)
