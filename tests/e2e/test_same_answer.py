#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Known and unknown names: the same bytes, and times that tell nothing (Welch |t| < 4.5 over interleaved calls)."""
import json
import math
import random
import re
import statistics
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import KEYBOARD_INTERACTIVE, UNLIMITED, LabCase, Varlink

CALLS = 2000
T_MAX = 4.5
KINDS = ("alice", "lockedadmin", "expired", "nomail", "stan", "nosuchperson")
SLOT_MS = 250


def welch(one, other):
    """Welch's t of two samples, the slowest hundredth of all cut off: the scheduler's, not ours."""
    bound = statistics.quantiles(one + other, n=100)[98]
    one, other = ([x for x in sample if x <= bound] for sample in (one, other))
    spread = math.sqrt(statistics.variance(one) / len(one) + statistics.variance(other) / len(other))
    return (statistics.mean(one) - statistics.mean(other)) / spread


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

    def interleaved(self, method, workers, **parameters):
        """Seconds a call for a known and an unknown name, in random order over as many connections."""
        order = ["niaj", "nosuchperson"] * (CALLS // 2)
        random.Random(1).shuffle(order)
        path = self.lab.path("/run/pwreset/pam")

        def some(names):
            took = []
            with Varlink(path, 60) as link:
                for name in names:
                    begin = time.perf_counter()
                    link.raw(method, user=name, **parameters)
                    took.append((name, time.perf_counter() - begin))
            return took

        with ThreadPoolExecutor(workers) as pool:
            parts = pool.map(some, [order[index::workers] for index in range(workers)])
            took = [pair for part in parts for pair in part]
        known = [seconds for name, seconds in took if name == "niaj"]
        unknown = [seconds for name, seconds in took if name != "niaj"]
        t = welch(known, unknown)
        print(f"{method}: known {statistics.mean(known) * 1e3:.3f} ms, unknown {statistics.mean(unknown) * 1e3:.3f} ms, "
              f"Welch t = {t:+.2f} over {len(took)} calls")
        return t

    def test_time_of_a_request(self):
        self.assertLess(abs(self.interleaved("org.pwreset.Recovery.RequestCode", 1)), T_MAX)

    def test_time_of_an_answer(self):
        self.assertLess(abs(self.interleaved("org.pwreset.Recovery.VerifyCode", 10, code="AAAA-BBBB")), T_MAX)


if __name__ == "__main__":
    unittest.main(verbosity=2)
