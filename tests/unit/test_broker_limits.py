#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may ask how often: by source, by name, by both, and what a wrong guess costs.

Usage: test_broker_limits.py PWRESETD [unittest arguments]
"""
import os
import sys
import unittest

from broker_harness import Broker, as_user

PROGRAM = None
R, P, A = "org.pwreset.Recovery.", "org.pwreset.Password.", "org.pwreset.Admin."
ACCOUNT = "org.pwreset.Account."
PASSWORD = "c2VjcmV0LWNhbmFyeQ=="  # base64 of "secret-canary"


class Limits(unittest.TestCase):
    settings = {"per_source": 5, "per_user": 8, "total": 100000}

    def setUp(self):
        self.b = Broker(PROGRAM, **self.settings).start()
        self.addCleanup(self.b.close)
        self.addCleanup(lambda: self.assertEqual(self.b.complaints(), []))

    def request(self, user, address, name="pam"):
        error, reply = self.b.call(name, R + "RequestCode", user=user, origin={"address": address})
        self.assertTrue(error == "" or 1 <= reply["seconds"] <= 60, reply)
        return error or "ok"

    def test_a_source_is_slowed_and_others_are_not(self):
        mine = [self.request(f"user{i}", "192.0.2.1") for i in range(10)]
        self.assertEqual(mine, ["ok"] * 5 + ["TryLater"] * 5)
        self.assertEqual(self.request("user1", "192.0.2.2"), "ok")
        # A customer has a whole /64.
        six = [self.request(f"u{i}", f"2001:db8:1:2::{i}") for i in range(1, 8)]
        self.assertEqual(six.count("ok"), 5)

    def test_a_stranger_cannot_keep_somebody_out(self):
        stranger = [self.request("victim", "192.0.2.1") for _ in range(40)]
        self.assertEqual(stranger.count("ok"), 4)  # half of the name's bucket, for both together
        self.assertEqual([self.request("VICTIM", "192.0.2.2") for _ in range(3)], ["ok"] * 3)

    def test_wrong_guesses_cost_more(self):
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.Refused"
        origin = {"address": "192.0.2.9"}
        answers = [self.b.call("pam", R + "VerifyCode", user=f"u{i}", code="y", origin=origin)[0] for i in range(5)]
        self.assertEqual(answers, ["Refused"] * 2 + ["TryLater"] * 3)

    PAGE = [(ACCOUNT + "Status", {"current": PASSWORD}), (ACCOUNT + "EnrollCodes", {"current": PASSWORD}),
            (ACCOUNT + "EnrollQuestions", {"current": PASSWORD, "answers": [{"id": "q0", "answer": "a"}]}),
            (ACCOUNT + "EnrollMail", {"current": PASSWORD, "address": "x@example.com"}),
            (ACCOUNT + "ConfirmMail", {"address": "x@example.com", "code": "y"})]

    def visit(self, method, visitor, **parameters):
        return self.b.call("web", method, origin={"service": "web", "address": visitor}, **parameters)[0]

    def test_each_visitor_of_the_page_is_a_source_and_pays_for_wrong_guesses(self):
        (self.b.root / "etc/passwd").write_text("pwreset-web:x:0:0::/:/bin/sh\n")
        self.b.restart()
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.WrongPassword"
        for n, (method, parameters) in enumerate(self.PAGE):
            # A wrong password is three calls: the bucket of five is empty after two.
            seen = [self.visit(method, f"192.0.2.{n}", user=f"{n}u{i}", **parameters) for i in range(4)]
            self.assertEqual(seen, ["WrongPassword"] * 2 + ["TryLater"] * 2 if "Status" not in method else
                             ["WrongPassword"] * 3 + ["TryLater"], method)
            self.assertEqual(self.visit(method, "198.51.100.1" + str(n), user=f"{n}u9", **parameters), "WrongPassword")
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.LinkDead"
        seen = [self.visit(R + "InspectLink", "192.0.2.77", link="x" * 60) for i in range(4)]
        self.assertEqual(seen, ["LinkDead"] * 2 + ["TryLater"] * 2)
        self.b.directory.handle = lambda m, p: {}
        for method, parameters in ((P + "Check", {"password": PASSWORD}), (ACCOUNT + "ListQuestions", {})):
            seen = [self.visit(method, "203.0.113." + method[-1].encode().hex(), **parameters) for i in range(60)]
            self.assertEqual(seen.count(""), 50, method)

    def test_a_current_password_is_guessed_from_somewhere(self):
        """passwd's first pass: whoever guesses at one place stops nobody at another."""
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.WrongPassword"
        for origin in ({"service": "sshd", "address": "192.0.2.7"}, {"service": "passwd", "terminal": "/dev/pts/7"}):
            seen = [self.b.call("pam", P + "Verify", user=f"u{i}", password=PASSWORD, origin=origin)[0] for i in range(4)]
            self.assertEqual(seen, ["WrongPassword"] * 2 + ["TryLater"] * 2, origin)
        self.assertEqual(self.b.call("pam", P + "Verify", user="x", password=PASSWORD, origin={"terminal": "/dev/pts/8"})[0],
                         "WrongPassword")
        self.assertEqual(self.b.call("pam", P + "Verify", user="x", password=PASSWORD, origin={"address": "a\nb"}),
                         ("InvalidParameter", {"parameter": "origin"}))
        # The journal says where.
        self.assertIn("192.0.2.7", self.b.log_text())

    def test_an_empty_address_is_none(self):
        """Many may stand behind it: it has the wide bucket, and a few wrong guesses lock nobody out."""
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.Refused"
        seen = [self.b.call("pam", R + "VerifyCode", user=f"u{i}", code="y", origin={"address": "", "terminal": ""})[0]
                for i in range(10)]
        self.assertEqual(seen, ["Refused"] * 10)

    def test_an_origin_that_is_none_is_refused_and_on_ctl_any(self):
        calls = [*self.PAGE, (R + "InspectLink", {"link": "x"}), (P + "Check", {"password": PASSWORD}),
                 (ACCOUNT + "ListQuestions", {})]
        (self.b.root / "etc/passwd").write_text("pwreset-web:x:0:0::/:/bin/sh\n")
        self.b.restart()
        for method, parameters in calls:
            for origin in ("web", ["192.0.2.1"], {"uid": "0"}, {"address": 4}, {"address": "1" * 256}, {"address": "a\nb"}):
                reply = self.b.call("web", method, origin=origin, **parameters)
                self.assertEqual(reply, ("InvalidParameter", {"parameter": "origin"}), (method, origin))
            if "InspectLink" not in method:
                reply = self.b.call("ctl", method, origin={"address": "192.0.2.1"}, **parameters)
                self.assertEqual(reply, ("InvalidParameter", {"parameter": "origin"}), method)
        self.assertEqual(self.b.directory.calls, [])

    def test_limits_survive_exit(self):
        for i in range(5):
            self.request(f"u{i}", "192.0.2.1")
        self.b.kill(15)
        self.b.start()
        self.assertEqual(self.request("u9", "192.0.2.1"), "TryLater")

    def test_a_host_of_the_fleet_is_one_source(self):
        answers = []
        for i in range(8):
            with self.b.client("relay") as c:
                c.call("org.pwreset.Relay.Hello", host="web1")
                answers.append(c.call(R + "RequestCode", user=f"u{i}", origin={"address": f"198.51.100.{i}"})[0])
        # A host pays for its connections, too.
        self.assertEqual(answers.count(""), 4)

    def test_closed_doors_cost_too_and_known_is_as_unknown(self):
        def knock():
            return [self.b.call("ctl", A + "Show", user="x")[0] for _ in range(10)]

        answers = as_user(61013, 61013, [], knock)
        self.assertEqual(answers, ["PermissionDenied"] * 5 + ["TryLater"] * 5)

    def test_no_name_and_no_address_in_the_file(self):
        self.request("victim", "192.0.2.77")
        self.b.kill(15)
        data = (self.b.state / "limits").read_bytes()
        for text in (b"victim", b"192.0.2.77", b"\xc0\x00\x02\x4d"):
            self.assertNotIn(text, data)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: needs root, to be the peers that it plays")
        sys.exit(77)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2, warnings="ignore")
