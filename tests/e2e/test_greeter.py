#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A graphical greeter: lightdm under Xvfb, with keys and clicks; the last row of the matrix of programs.

Screenshots of each step lie in $OUT/greeter/STACK.
"""

import os
import pathlib
import sys
import time
import unittest

from greeter import Greeter, install
from harness import BUILD, CODE, UNLIMITED, LabCase, people, stop_daemon
from lab import Lab
from pam_matrix import GREETER, Marks, run_apart

NEW = "teal kayak orbits mars 41"
SHOTS = pathlib.Path(os.environ.get("OUT", "/tmp/pwreset-test")) / "greeter"


class GreeterCase:
    """Over one kind of stack; the classes below say which."""

    PROFILE = None
    EXPIRED = {"shadowLastChange": "0"}

    @classmethod
    def setUpClass(cls):
        cls.marks = Marks(cls.PROFILE)
        cls.addClassCleanup(cls.marks.save, "greeter")
        cls.lab = Lab.new(profile=cls.PROFILE)
        cls.addClassCleanup(cls.lab.stop)
        cls.lab.start()
        cls.lab.set_policy(pwdMustChange="TRUE")
        install(cls.lab)
        cls.lab.install_product(BUILD, {"limits": UNLIMITED})
        cls.greeter = Greeter(cls.lab, SHOTS / cls.PROFILE)

    def setUp(self):
        self.greeter.restart()

    def recover(self, user, *replies):
        """Name, empty password, "y", "y", then the code from the mail and what follows it."""
        for step, text in enumerate((user, "", "y", "y")):
            self.greeter.type(text)
            self.greeter.shot(f"{self._testMethodName}-{step}")
        mail = self.lab.wait_mail(user, 1, timeout=30)[0]
        code = CODE.search(LabCase.body(mail)).group(0)
        for step, text in enumerate(replies, 4):
            self.greeter.type(code if text is None else text, still=2)
            self.greeter.shot(f"{self._testMethodName}-{step}")

    def test_ordinary_login_by_mouse(self):
        self.greeter.click("bob")
        self.greeter.click(people.password("bob"))
        self.assertTrue(self.greeter.session_of("bob"))
        self.greeter.shot("ordinary-session")
        self.marks.add(GREETER, "unchanged")

    def test_wrong_password(self):
        self.greeter.type("carol")
        self.greeter.type("not the password")
        time.sleep(4)
        self.greeter.shot("wrong-password")
        self.assertFalse(self.greeter.running("-u", "carol", "-x", "openbox"))

    def test_recovery(self):
        self.recover("dave", None, NEW, NEW)
        self.assertTrue(self.greeter.session_of("dave"))
        self.greeter.shot("recovery-session")
        self.assertTrue(self.lab.binds("dave", NEW))
        self.assertFalse(self.lab.binds("dave", people.password("dave")))
        self.marks.add(GREETER, "recovery")

    def test_refused(self):
        self.recover("erin", "AAAA-AAAA", "BBBB-BBBB", "CCCC-CCCC")
        time.sleep(4)
        self.assertFalse(self.greeter.running("-u", "erin", "-x", "openbox"))
        self.assertTrue(self.lab.binds("erin", people.password("erin")))
        self.marks.add(GREETER, "refused")

    def test_try_again(self):
        for text in ("frank", "", "", people.password("frank")):
            self.greeter.type(text)
        self.assertTrue(self.greeter.session_of("frank"))

    def test_forced_change(self):
        self.lab.replace("grace", **self.EXPIRED)
        old = people.password("grace")
        for step, text in enumerate(("grace", old, old, NEW, NEW)):
            self.greeter.type(text, still=2)
            self.greeter.shot(f"forced-change-{step}")
        self.assertTrue(self.greeter.session_of("grace"))
        self.assertTrue(self.lab.binds("grace", NEW))
        self.marks.add(GREETER, "expired")

    def test_daemon_away(self):
        stop_daemon(self)
        for step, text in enumerate(("heidi", "", "y", "y")):
            self.greeter.type(text)
            self.greeter.shot(f"daemon-away-{step}")
        self.greeter.type(people.password("heidi"))
        self.assertTrue(self.greeter.session_of("heidi"))
        self.marks.add(GREETER, "daemon dead")


class GreeterLdap(GreeterCase, unittest.TestCase):
    PROFILE = "ldap"


class GreeterSss(GreeterCase, unittest.TestCase):
    PROFILE = "sss"
    EXPIRED = {"pwdReset": "TRUE"}


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: the lab needs root")
        sys.exit(77)
    if [word for word in sys.argv[1:] if word != "-v"]:
        unittest.main()
    sys.exit(run_apart(__file__, ("GreeterLdap", "GreeterSss"), "greeter", (GREETER,)))
