#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay fails, hangs, closes or comes short at each step of each mail of a flow.

Usage: PWRESET_BUILD=BUILD test_relay.py; PWRESET_FULL=1: at all of them, else at a sample by PWRESET_SEED.
"""

import re
import unittest

from campaign import Campaign, Point
from flows import REACT_S, Change, Enrol, Link, Request, Staff
from whole import relay, wait_for

FAULTS = {
    "temporary": relay.say(b"450 4.3.0 not now\r\n"),
    "permanent": relay.say(b"554 5.7.1 never\r\n"),
    "leaves": relay.say_and_close(b"421 4.3.2 going down\r\n"),
    "closes": relay.close,
    "hangs": relay.hang,
    "short": relay.say_and_close(b"25"),
    "garbled": relay.say_and_close(b"\xff\xfe\x00" * 40 + b"\r\n"),
    "endless": relay.say_and_close(b"250-" + b"a" * 70000 + b"\r\n"),
}


class Acts(dict):
    """What tests/mailer/relay.py asks at each step; here the n-th of all does otherwise."""

    def __init__(self):
        super().__init__()
        self.n = self.seen = 0
        self.act, self.name = None, ""

    def get(self, name, default=None):
        # These two are asked beside the steps, and mean nothing to them.
        if name in ("text", "handshake"):
            return default
        self.seen += 1
        if self.act is None or self.seen != self.n:
            return default
        self.name = name
        return self.act


class Smtp(Point):
    def __init__(self, _server):
        self.acts = Acts()
        self.smtp = relay.Relay()
        self.smtp.acts = self.acts

    def arm(self, fault, n):
        self.acts.act, self.acts.n, self.acts.seen, self.acts.name = FAULTS.get(fault), n, 0, ""

    @property
    def seen(self):
        return self.acts.seen

    def struck(self):
        return bool(self.acts.name)

    def calm(self):
        self.acts.act = None

    def close(self):
        self.smtp.close()


def mailed(flow):
    """The same, and the mail is waited for that it causes; a relay that says "never" is believed."""

    class Mailed(flow):
        def act(self):
            self.before = len(self.whole.mails(self.user))
            super().act()
            wait_for(lambda: len(self.whole.mails(self.user)) > self.before or self.whole.struck(), REACT_S)

        def books(self):
            never = rf"^mail: [a-z-]+( for {self.user}\b.*)?: permanent \(.*554"
            if not self.whole.mails(self.user)[self.before:] and re.search(never, self.whole.log_text(), re.M):
                return
            super().books()

    Mailed.__name__ = flow.__name__
    return Mailed


class Relay(unittest.TestCase):
    def test_every_step_of_every_mail(self):
        flows = {flow.__name__.lower(): mailed(flow) for flow in (Request, Link, Change, Staff, Enrol)}
        campaign = Campaign("SMTP", Smtp, list(FAULTS), flows, sample=24)
        self.assertEqual(campaign.run(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
