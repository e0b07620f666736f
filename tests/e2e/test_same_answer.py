#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Known and unknown names: the same bytes, and times that tell nothing (tools/timing in short)."""
import json
import re
import unittest

import timing
from harness import KEYBOARD_INTERACTIVE, UNLIMITED, LabCase

# Of each kind a quarter of the calls; so many posts and askings at ssh's prompt of each.
CALLS = 2000
PAGES = 120
ASKINGS = 72  # twelve connections
CROPS = (99,)  # the slowest hundredth is the scheduler's
ASKED_FOR = {kind: name for kind, name in timing.KINDS.items() if kind != "questions"}
KINDS = ("alice", "lockedadmin", "expired", "nomail", "stan", "nosuchperson")
SLOT_MS = 250


class SameAnswer(LabCase):
    SETTINGS = {"limits": UNLIMITED, "recovery": {"answer-slot": str(SLOT_MS)}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.start_proxy()

    def replies(self, socket, method, **parameters):
        return {name: self.varlink(socket).raw(method, user=name, **parameters) for name in KINDS}

    def assert_same(self, replies):
        self.assertEqual(1, len(set(replies.values())), replies)

    def test_bytes_on_the_sockets(self):
        self.assert_same(self.replies("pam", "org.pwreset.Recovery.RequestCode"))
        self.assert_same(self.replies("web", "org.pwreset.Recovery.RequestLink"))
        refused = self.replies("pam", "org.pwreset.Recovery.VerifyCode", code="AAAA-BBBB")
        self.assert_same(refused)
        self.assertEqual("org.pwreset.Failure.Refused", json.loads(refused["alice"].decode())["error"])

    def test_bytes_on_the_page(self):
        pages = {name: self.page("/", {"user": name}) for name in KINDS}
        self.assertEqual(1, len(set(pages.values())))
        pages = {name: self.page("/code", {"user": name, "code": "AAAA-BBBB"}) for name in KINDS}
        bodies = {re.sub(rf"\b{name}\b", "NAME", body) for name, (_, body) in pages.items()}
        self.assertEqual(1, len(bodies))

    def test_screens_at_the_prompt(self):
        screens = {}
        for user in ("grace", "nosuchperson"):
            child = self.lab.ssh(user, options=(*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1"), timeout=60)
            child.expect("[Pp]assword: ")
            child.sendline("")
            child.expect("Enter = try again: ")
            child.sendline("y")
            child.expect("Enter = other ways: ")
            child.sendline("y")
            child.expect("Code: ")
            child.sendline("AAAA-BBBB")
            child.expect("Again, or Enter = other ways: ")
            child.sendline("AAAA-BBBB")
            child.expect("Again, or Enter = other ways: ")
            child.close(force=True)
            screens[user] = re.sub(user, "NAME", child.seen.getvalue())
        self.assertEqual(screens["grace"], screens["nosuchperson"])

    def assert_tells_nothing(self, result):
        print("\n".join(result.lines()))
        self.assertLess(result.largest, timing.T_MAX)

    def assert_time_tells_nothing(self, way, each, asker, workers):
        self.assert_tells_nothing(timing.measure(way, each, asker, workers, ASKED_FOR, CROPS))

    def test_time_of_a_request(self):
        self.assert_time_tells_nothing("RequestCode", CALLS // 4, timing.by_socket(self.lab, "RequestCode"), 1)

    def test_time_of_an_answer(self):
        self.assert_time_tells_nothing("VerifyCode", CALLS // 4, timing.by_socket(self.lab, "VerifyCode", code="AAAA-BBBB"), 10)

    def test_time_of_the_page(self):
        self.assert_time_tells_nothing("page: a link", PAGES, timing.by_page(self.lab, "/"), 1)
        self.assert_time_tells_nothing("page: a wrong code", PAGES // 2, timing.by_page(self.lab, "/code", code="AAAA-BBBB"), 10)

    def test_time_of_the_prompt(self):
        for result in timing.measure_prompt(self.lab, ASKINGS, 16, ASKED_FOR, CROPS):
            self.assert_tells_nothing(result)


if __name__ == "__main__":
    unittest.main(verbosity=2)
