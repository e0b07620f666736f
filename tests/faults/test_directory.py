#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each LDAP operation of each flow fails, hangs, is cut off or comes short in turn.

Usage: PWRESET_BUILD=BUILD test_directory.py; PWRESET_FULL=1: all of them, else a sample by PWRESET_SEED.
"""

import unittest

from campaign import Campaign, Point
from flows import FLOWS
from proxy import Proxy

REQUESTS = {0x60: "bind", 0x63: "search", 0x66: "modify", 0x68: "add", 0x4A: "delete", 0x6C: "rename", 0x6E: "compare", 0x77: "extended"}
DONE = {0x61, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x78}
CODES = {"timeLimitExceeded": 3, "constraintViolation": 19, "noSuchObject": 32, "insufficientAccess": 50, "busy": 51, "unavailable": 52}
# Name to (direction, what the proxy does).
FAULTS = {name: ("to", ("answer", code)) for name, code in CODES.items()}
FAULTS |= {"request lost": ("to", "cut"), "request hangs": ("to", "drop"), "request short": ("to", "short"),
           "reply lost": ("from", "cut"), "reply hangs": ("from", "drop"), "reply short": ("from", "short"),
           "reply garbled": ("from", "garbage"), "reply says busy": ("from", ("instead", 51))}


class Ldap(Point):
    """The N-th operation since arm(), on whatever connection."""

    def __init__(self, server):
        self.proxy = Proxy(server.uri)
        self.uri = self.proxy.uri
        self.n = self.seen = 0
        self.name = ""
        self.where, self.what = "to", None

    def arm(self, fault, n):
        self.where, self.what = FAULTS[fault] if fault else ("to", None)
        self.n, self.seen, self.name = n, 0, ""
        self.proxy.reset(self.rule)

    def rule(self, direction, tag, _count):
        if direction != self.where or tag not in (REQUESTS if direction == "to" else DONE):
            return None
        self.seen += 1
        if self.what is None or self.seen != self.n:
            return None
        self.name = REQUESTS.get(tag, hex(tag))
        return self.what

    def struck(self):
        return bool(self.name)

    def calm(self):
        self.proxy.reset(None)

    def close(self):
        self.proxy.close()


class Directory(unittest.TestCase):
    def test_every_operation_of_every_flow(self):
        campaign = Campaign("LDAP", Ldap, list(FAULTS), FLOWS, sample=42)
        self.assertEqual(campaign.run(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
