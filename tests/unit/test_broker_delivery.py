#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the broker makes of the answers of directory and relay: tried again or over, who is written to again, what is said.

Usage: test_broker_delivery.py PWRESETD [unittest arguments]
"""
import time

from broker_harness import TICKET, Case, mint, run, wait_for

R, P, A, S = "org.pwreset.Recovery.", "org.pwreset.Password.", "org.pwreset.Admin.", "org.pwreset.Service."
PASSWORD = "c2VjcmV0LWNhbmFyeQ=="


class Answers(Case):
    def test_temporary_is_tried_again_and_permanent_is_not(self):
        answers = iter(["temporary", "temporary", "sent", "permanent"])
        self.b.mailer.handle = lambda m, p: {"status": next(answers), "detail": "450 4.7.1 said the relay"}
        self.b.call("pam", R + "RequestCode", user="alice")
        self.assertTrue(wait_for(lambda: self.queued() == 0, 40))
        self.b.call("pam", R + "RequestCode", user="bob")
        self.assertTrue(wait_for(lambda: "permanent (450" in self.b.log_text()))
        self.assertEqual([r["request"]["attempt"] for r in self.b.directory.of("Mint")], [1, 2, 3, 1])
        self.assertEqual(len(set(self.sent()[:3])), 1, "a retry has another Message-ID")
        self.assertEqual(self.queued(), 0)

    LATER = {"status": "temporary", "detail": "STARTTLS: not offered", "remedy": "Enable TLS there."}

    def lines(self, word):
        return [line for line in self.b.log_text().splitlines() if word in line]

    def test_the_first_failure_is_told_and_that_it_is_over(self):
        answers = iter([self.LATER, {"status": "sent", "detail": ""}])
        self.b.mailer.handle = lambda m, p: next(answers)
        self.b.call("pam", R + "RequestCode", user="alice", origin={"address": "192.0.2.1"})
        self.assertTrue(wait_for(lambda: self.lines("relay-failed")))
        self.assertEqual(self.queued(), 1, "long before the request's end")
        self.assertTrue(wait_for(lambda: self.lines("relay-back"), 40))
        line, = self.lines("relay-failed")
        self.assertEqual(line, "put-off: code for alice from 192.0.2.1: relay-failed (STARTTLS: not offered. Enable TLS there.)")
        self.assertEqual(self.lines("relay-back"), ["resumed: resumed: relay-back (the relay takes mail again; 1 requests wait)"])
        self.assertNotIn("CANARY42", self.b.log_text())

    def test_who_failed_is_told_apart(self):
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.Unavailable"
        self.b.mailer.refuse()
        self.b.call("pam", R + "RequestCode", user="typed by mistake")
        self.assertTrue(wait_for(lambda: self.lines("directory-failed (org.pwreset.Failure.Unavailable. See ")))
        self.b.directory.handle = mint
        self.assertTrue(wait_for(lambda: self.lines("directory-back"), 20))
        self.assertTrue(wait_for(lambda: self.lines("relay-failed (No such file or directory. See ")))
        self.assertEqual((len(self.lines("directory-failed")), self.lines("relay-back")), (1, []))
        self.assertNotIn("typed by mistake", self.lines("directory-failed")[0], "nobody knows whether that is a name")

    def test_an_outage_is_a_few_lines_however_many_wait(self):
        self.b.mailer.handle = lambda m, p: {**self.LATER, "detail": "\u00e9" * 300}
        self.b.directory.handle = lambda m, p: ({"results": [{"user": u, "status": "ok"} for u in p["users"]]}
                                                if m.endswith("SendLink") else mint(m, p))
        self.b.call("ctl", A + "SendLink", users=[f"u{i}" for i in range(500)])
        self.assertTrue(wait_for(lambda: len(self.sent()) > 7, 30))
        self.assertEqual(len(self.lines("relay-failed")), 5)
        self.assertTrue(all("\u00e9. Enable TLS there.)" in line for line in self.lines("relay-failed")))
        self.b.mailer.handle = lambda m, p: {"status": "sent", "detail": ""}
        self.assertTrue(wait_for(lambda: self.lines("relay-back"), 40))
        self.assertTrue(wait_for(lambda: self.queued() == 0, 60))
        self.assertEqual((len(self.lines("relay-failed")), len(self.lines("relay-back"))), (5, 1))

    def test_what_mint_skips_is_over_and_back_off_waits(self):
        answers = iter([{"skip": "back-off", "after": 1}, {"skip": "no-such-user"}])
        self.b.directory.handle = lambda m, p: next(answers)
        self.b.call("pam", R + "RequestCode", user="alice")
        self.assertTrue(wait_for(lambda: len(self.b.directory.calls) == 2, 8))
        self.assertTrue(wait_for(lambda: self.queued() == 0))
        self.assertEqual(self.b.mailer.calls, [])
        self.assertIn("no-such-user", self.b.log_text())

    def test_while_the_directory_is_down_it_is_asked_by_one(self):
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.Unavailable"
        for i in range(60):
            self.b.call("pam", R + "RequestCode", user=f"u{i}")
        time.sleep(5)
        self.assertLess(len(self.b.directory.calls), 24)
        self.b.directory.handle = mint
        self.assertTrue(wait_for(lambda: len(set(self.sent())) == 60, 60))


class Reached(Case):
    """Of several addresses those that have a mail are left alone in a retry, where that mail stays good."""
    settings = {"slot": 100}
    TO = ["a@example.com", "b@example.com", "c@example.com"]

    def setUp(self):
        super().setUp()
        self.to = list(self.TO)
        self.b.directory.handle = self.directory

    def directory(self, method, parameters):
        if not method.endswith("Mint"):
            return {"user": "alice"}
        reply = mint(method, parameters)
        reply["mail"]["to"] = self.to
        return reply

    def mailer(self, *answers):
        answers = iter(answers)
        self.b.mailer.handle = lambda m, p: next(answers)

    def passed_over(self):
        return [p.get("reached", []) for p in self.b.mailer.of("Send")]

    def change(self):
        self.assertEqual(self.b.call("pam", R + "SetPassword", ticket=TICKET, password=PASSWORD)[0], "")

    @staticmethod
    def later(*reached):
        return {"status": "temporary", "detail": "RCPT: 451 greylisted", "reached": list(reached)}

    DONE = {"status": "sent", "detail": "", "reached": [0, 1, 2]}

    def test_over_a_crash(self):
        self.mailer(self.later(0, 2), self.DONE)
        self.change()
        self.assertTrue(wait_for(lambda: "relay-failed" in self.b.log_text()))
        spool = self.b.state / "spool"
        self.assertTrue(wait_for(lambda: "reached" in spool.read_text()))
        for address in self.TO:
            self.assertNotIn(address, spool.read_text())
        self.b.restart()
        self.assertTrue(wait_for(lambda: self.queued() == 0, 20))
        self.assertEqual(self.passed_over(), [[], [0, 2]])
        self.assertEqual(len(set(self.sent())), 1, "the id is what Message-IDs are made of")

    def test_other_addresses_are_all_written_to(self):
        self.mailer(self.later(0, 2), self.DONE)
        self.change()
        self.assertTrue(wait_for(lambda: len(self.sent()) == 1))
        self.to = self.TO[1:]
        self.assertTrue(wait_for(lambda: self.queued() == 0, 40))
        self.assertEqual(self.passed_over(), [[], []])

    def test_what_is_made_anew_goes_to_all(self):
        self.mailer(self.later(0), self.DONE)
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="alice")[0], "")
        self.assertTrue(wait_for(lambda: self.queued() == 0, 20))
        self.assertEqual(self.passed_over(), [[], []])

    def test_a_lying_mailer_does_no_harm(self):
        self.mailer({**self.later(), "reached": [-1, 99, "x", None, 1 << 40, 1]}, self.DONE)
        self.change()
        self.assertTrue(wait_for(lambda: self.queued() == 0, 40))
        self.assertEqual(self.passed_over(), [[], [1]])


if __name__ == "__main__":
    run()
