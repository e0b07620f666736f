# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the suites share: a directory and a site for a class, a worker for a test, and the size of a run."""

import os
import sys
import time
import unittest

import slapd
import worker

FULL = os.environ.get("PWRESET_FULL") == "1"
GOOD = "seven brave otters 41 sing"
BETTER = "nine quiet lamps 58 drift"
PPOLICY = {
    "none": None,
    "plain": {},
    "quality 1": {"pwdCheckQuality": "1"},
    "strict": {"pwdCheckQuality": "2", "pwdSafeModify": "TRUE", "pwdMinAge": "3600", "pwdMustChange": "TRUE",
               "pwdInHistory": "5"},
}


class DirectoryCase(unittest.TestCase):
    """One directory for the class; people are taken in turn, so that no test meets another's traces."""

    ppolicy = None
    slapd_options = {}
    site_options = {}
    people_count = 60

    @classmethod
    def setUpClass(cls):
        cls.slapd = cls.make_directory()
        cls.addClassCleanup(cls.slapd.stop)
        cls.site = cls.make_site(**cls.site_options)
        cls.addClassCleanup(cls.site.close)
        cls.taken = 0

    @classmethod
    def make_directory(cls):
        people = [slapd.person(f"p{n:03}", 20000 + n) for n in range(cls.people_count)]
        return slapd.Slapd(ppolicy=cls.ppolicy, people=people, **cls.slapd_options)

    def setUp(self):
        self.worker = self.new_worker()

    def another_site(self, **more):
        """On the same directory, with a configuration or secrets of its own; ends with the test."""
        made = self.make_site(**{**self.site_options, **more})
        self.addCleanup(made.close)
        return made

    @classmethod
    def make_site(cls, **options):
        return worker.Site(cls.slapd.uri, **options)

    def new_worker(self, site=None, **environment):
        made = (site or self.site).worker(**environment)
        self.addCleanup(made.close)
        return made

    def take(self):
        """A person that no test has touched."""
        cls = type(self)
        cls.taken += 1
        return f"p{cls.taken - 1:03}"

    def fails(self, error, function, *args, **kwargs):
        """The call is answered with that error; its parameters."""
        with self.assertRaises(worker.Failure) as caught:
            function(*args, **kwargs)
        self.assertEqual(caught.exception.error, error, caught.exception.parameters)
        return caught.exception.parameters

    def dead(self, reason, function, *args, **kwargs):
        self.assertEqual(self.fails("LinkDead", function, *args, **kwargs), {"reason": reason})

    def verify(self, user, code, **caller):
        return self.worker.call("Recovery.VerifyCode", {"user": user, "code": code}, **caller)


def now():
    return int(time.time())


def main():
    if not os.access("/usr/sbin/slapd", os.X_OK):
        print("no /usr/sbin/slapd: install PKGS_TEST of tools/lib/packages.sh", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
