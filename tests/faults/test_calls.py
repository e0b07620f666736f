#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each allocation and each system call of broker and workers fails in turn, over each flow; half of them while workers start.

Usage: PWRESET_BUILD=BUILD test_calls.py; PWRESET_FULL=1: a stride through all of them, else a sample by PWRESET_SEED.
"""

import unittest

from campaign import Campaign, Point
from flows import FLOWS, Request
from flows_programs import FLOWS_PROGRAMS
from interposer import FAULTS, LIBRARY, Control

FAIL = [name for name in FAULTS if name != "hangs"]  # test_hangs.py


class Calls(Point):
    """The n-th call of a kind in any of the site's processes."""

    page = True

    def __init__(self, _server):
        self.control = Control()
        self.environment = dict.fromkeys(("pwresetd", "directory", "mailer", "web", "pwresetctl", "login"), self.control.environment)
        self.site = None

    def prepare(self, site):
        self.site = site

    def arm(self, fault, n):
        if n % 2:
            # Cold: those that are there end, and new ones start under the fault.
            for worker in self.site.whole.workers():
                worker.terminate()
                worker.wait()
        kind, error = FAULTS[fault] if fault else (0, 0)
        self.control.arm(kind, error, n)

    def places(self, faults):
        return {fault: self.control.seen(FAULTS[fault][0]) for fault in faults}

    def struck(self):
        return self.control.struck()

    def what(self):
        return self.control.what()

    def program(self):
        return self.control.program()

    def calm(self):
        self.control.calm()

    def close(self):
        self.control.close()


class Start(Request):
    """The broker starts, and takes a request."""

    def call(self):
        self.whole.kill()
        self.whole.start()
        return super().call()


class Failing(unittest.TestCase):
    def test_every_call_of_every_flow(self):
        self.assertTrue(LIBRARY.exists(), "it is in builds without sanitizers")
        made = Campaign("calls", Calls, FAIL, {**FLOWS, **FLOWS_PROGRAMS, "start": Start}, sample=56)
        self.assertEqual(made.run(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
