#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tools/chaos in short: blows by a seed that is always the same, then by one that never is; and that cooked books are found."""
import os
import random
import time
import unittest

from chaos import BUILD, Chaos

SECONDS = 10
SEED = 4711
PEOPLE = 60


class Storms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chaos = Chaos(BUILD, 2 * PEOPLE, f"chaos-{os.getpid()}")
        cls.addClassCleanup(cls.chaos.close)

    def test_the_books_balance(self):
        self.chaos.storm(SECONDS, SEED, PEOPLE)
        self.chaos.storm(SECONDS, random.SystemRandom().randrange(1 << 32), PEOPLE)
        books = self.chaos.verdict()
        self.assertEqual([], books.wrong)
        self.assertGreater(sum(self.chaos.dealt.values()), SECONDS)
        self.assertGreater(books.figures["redemptions and changes"], 0)
        self.cooked(books)

    def cooked(self, books):
        """A promise that was not kept, a change that did not happen, one of which nobody was told: each is seen."""
        idle = [user for user in books.users if user not in books.by_user("set") and user not in books.by_user("request")]
        self.assertGreater(len(idle), 1, "somebody had nothing to do with it")
        now = {"time": time.time()}
        mailed, ended = books.ids("link")
        books.notes += [{"what": "request", "user": idle[0], "kind": "link", "outcome": "accepted", **now}
                        for _ in range(len(ended[None]) + 1)]
        books.check_requests()
        self.assertTrue(any("neither mail nor end" in line for line in books.wrong), books.wrong)
        books.wrong.clear()
        books.notes.append({"what": "set", "user": idle[1], "new": "never set 42", "outcome": "done", "via": "code", "said": "", **now})
        books.check_passwords([idle[1]])
        self.assertTrue(any(line.startswith(f"{idle[1]}: ") for line in books.wrong), books.wrong)
        books.wrong.clear()
        changed = next(user for user, secret in books.final.items() if not secret.startswith(user))
        for request in list(books.mailed):
            if books.mailed[request][0][0] == changed and "changed" in books.ends[request]:
                del books.mailed[request]
                books.ends[request]["changed"] = ("not-done", changed)
        books.check_notices()
        self.assertTrue(any(line.startswith(f"{changed}: told 0 times") for line in books.wrong), books.wrong)
        self.excused(books)

    def excused(self, books):
        """Entries that differ are slapd's own fault only where the one with the older says that it has had the newer write."""
        books.wrong.clear()
        older, newer, between = (f"2026010100000{n}.000000Z#000000#002#000000" for n in (1, 3, 2))
        for stamps, seen in (([older, newer], between), ([older, newer], ""), ([older, older], newer)):
            books.check_disagreement("somebody", stamps, [{"002": seen}, {"002": seen}])
        self.assertEqual(["somebody: the providers disagree"] * 3, books.wrong)
        books.check_disagreement("somebody", [older, newer], [{"002": newer}, {"002": newer}])
        self.assertEqual((3, True), (len(books.wrong), books.newer["somebody"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
