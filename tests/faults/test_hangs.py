#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each system call of broker, workers and page that may wait does not come back in turn: watchdog or alarm ends the process, and
whoever asked has an answer that is true.

Not of module and tool, whose calls have time-outs of their own (tests/pam/test_replies.c, tests/unit/test_client.c) and end with
who has called them.

Usage: PWRESET_BUILD=BUILD test_hangs.py; PWRESET_FULL=1: a stride through all of them, else a sample by PWRESET_SEED.
"""

import unittest

from campaign import FULL, Campaign
from flows import FLOWS
from flows_programs import FLOWS_PROGRAMS
from interposer import LIBRARY, alive
from keeper import STARTING_S, WATCHDOG_S
from test_calls import Calls, Start
from whole import wait_for

SLACK_S = 20  # on a busy host
SITES = 12 if FULL else 6  # each hang lasts for the whole of its bound


class Hangs(Calls):
    def __init__(self, server):
        super().__init__(server)
        for name in ("pwresetctl", "login"):
            del self.environment[name]

    def endured(self):
        """The one that hung has been ended in its time; one that only waits for its next call has nothing to answer for."""
        if not self.struck():
            return ""
        pid, alarm_ms = self.control.hanging()
        if self.program() in ("pwresetd", "pwreset-web"):
            bound = STARTING_S + WATCHDOG_S
        elif alarm_ms or self.call() != "poll":
            bound = alarm_ms / 1000
        else:
            return ""
        if wait_for(lambda: not alive(pid), bound + SLACK_S):
            return ""
        return f"{self.what()} hangs after {bound} s"

    def call(self):
        return self.control.text(0)


class Hanging(unittest.TestCase):
    def test_every_call_of_every_flow(self):
        self.assertTrue(LIBRARY.exists(), "it is in builds without sanitizers")
        made = Campaign("hangs", Hangs, ["hangs"], {**FLOWS, **FLOWS_PROGRAMS, "start": Start}, sample=10, sites=SITES)
        self.assertEqual(made.run(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
