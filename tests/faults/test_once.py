#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every failure of a few single calls, none left out: what must not be taken for something else when it cannot be read.

Usage: PWRESET_BUILD=BUILD test_once.py
"""

import email
import email.policy
import re
import sys
import tempfile
import unittest

import whole  # first: it finds the others
import worker as directory_worker
from case import DirectoryCase
from interposer import FAULTS, LIBRARY, Control
from slapd import PEOPLE

MORE = 2000  # failures than any call has


class Once(unittest.TestCase):
    def control(self):
        self.assertTrue(LIBRARY.exists(), "it is in builds without sanitizers")
        made = Control()
        self.addCleanup(made.close)
        return made

    @staticmethod
    def each(control, fault, function):
        """function(n) while the n-th call of that kind fails, until there is none; how many there were."""
        for n in range(1, MORE):
            control.arm(*FAULTS[fault], n)
            try:
                function(n)
            finally:
                control.calm()
            if not control.struck():
                print(f"{fault}: {n - 1} places", file=sys.stderr)
                return n - 1
        raise AssertionError("there is no end to it")


class Memory(Once, DirectoryCase):
    """No memory for a lock or a token is not an account without."""

    ppolicy = {}
    people_count = 400

    def setUp(self):
        self.faults = self.control()
        self.worker = self.again()

    def tearDown(self):
        self.worker.close()

    def again(self):
        return self.site.worker(**self.faults.environment)

    def tried(self, function):
        """The result, or None when it failed; then there is another worker, for this one may have left."""
        try:
            return function()
        except (directory_worker.Failure, directory_worker.Gone, ConnectionError, BrokenPipeError):
            self.faults.calm()
            self.worker.close()
            self.worker = self.again()
            return None

    def test_locked_by_an_administrator(self):
        user = self.take()
        self.slapd.modify(f"uid={user},{PEOPLE}", ("replace", "pwdAccountLockedTime", "000001010000Z"))
        self.assertNotIn("mail", self.worker.mint("code", user))

        def mint(n):
            reply = self.tried(lambda: self.worker.mint("code", user))
            self.assertNotIn("mail", reply or {}, f"{n}: {self.faults.what()}")

        self.assertGreater(self.each(self.faults, "no memory", mint), 50)
        self.assertEqual(self.slapd.tokens(user), [])

    def test_what_is_said_to_be_revoked(self):
        user = self.take()
        link = self.worker.link(user)

        def revoke(n):
            nonlocal user, link
            if self.tried(lambda: self.worker.call("Recovery.RevokeLink", {"link": link})) is None:
                return
            self.faults.calm()
            self.assertEqual(self.slapd.tokens(user), [], f"{n}: {self.faults.what()}")
            user = self.take()
            link = self.worker.link(user)

        self.assertGreater(self.each(self.faults, "no memory", revoke), 50)


class Names(Once):
    """A look-up of users and groups that fails as the broker starts leaves the page shut for a moment, not for a minute."""

    def test_start(self):
        server = whole.Server(1)
        self.addCleanup(server.stop)
        smtp = whole.relay.Relay()
        self.addCleanup(smtp.close)
        faults = self.control()
        site = whole.Whole(server, smtp, environment={"pwresetd": faults.environment}, keep=True)
        self.addCleanup(site.close)

        def start(_n):
            site.start()
            site.ready()
            site.kill()

        self.assertGreater(self.each(faults, "file fails", start), 20)


class Mails(Once):
    """A mail is sent whole or not at all, whatever of it libesmtp could not write."""

    def test_each_write(self):
        mailer = whole.of_mailer("worker")
        faults = self.control()
        smtp = whole.relay.Relay()
        self.addCleanup(smtp.close)
        folder = tempfile.TemporaryDirectory(prefix="pwreset-once-")
        self.addCleanup(folder.cleanup)
        root = mailer.make_root(folder.name, {"relay": f"127.0.0.1:{smtp.port}"})

        def send(_n):
            one = mailer.Worker(root, command=["env", *(f"{k}={v}" for k, v in faults.environment.items())])
            try:
                return one.send()["status"]
            except ConnectionError:
                return "gone"
            finally:
                one.close()

        def parts():
            message = email.message_from_bytes(smtp.messages[-1][2], policy=email.policy.default)
            return message["Subject"], [re.sub("[0-9]", "", part.get_content()) for part in message.walk()
                                        if not part.is_multipart()]  # but for its time

        self.assertEqual(send(0), "sent")
        expected = parts()

        def tried(n):
            before = len(smtp.messages)
            status = send(n)
            self.assertLessEqual(len(smtp.messages), before + 1)
            if len(smtp.messages) > before:
                self.assertEqual(parts(), expected, f"{status}: {faults.what()}")
            else:
                self.assertNotEqual(status, "sent", faults.what())

        self.assertGreater(self.each(faults, "disk full", tried), 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
