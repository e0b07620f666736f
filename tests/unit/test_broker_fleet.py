#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts of the fleet: each has a record, a share of the connections, and no more, whatever its root says or does.

Usage: test_broker_fleet.py PWRESETD [unittest arguments]
"""
import socket
import sys
import time
import unittest

from broker_harness import GROUPS, USERS, Broker, Gone, as_user, wait_for

PROGRAM = None
R, P, S = "org.pwreset.Recovery.", "org.pwreset.Password.", "org.pwreset.Service."
HELLO = "org.pwreset.Relay.Hello"
PASSWORD = "c2VjcmV0LWNhbmFyeQ=="  # base64 of "secret-canary"


class Case(unittest.TestCase):
    settings = {"slot": 100}

    def setUp(self):
        self.b = Broker(PROGRAM, **self.settings).start()
        self.addCleanup(self.b.close)
        self.addCleanup(lambda: self.assertEqual(self.b.complaints(), []))

    def host(self, name):
        """A connection that speaks for a host; None: not let in."""
        c = self.b.client("relay")
        self.addCleanup(c.s.close)
        error, reply = c.call(HELLO, host=name)
        if error == "":
            return c
        self.assertEqual(error, "TryLater")
        self.assertTrue(0 < reply["seconds"] <= 86400, reply)
        self.assertRaises((Gone, BrokenPipeError), c.call, HELLO, host=name)
        return None

    def state(self, name):
        return self.b.call("ctl", S + "GetHost", host=name)[1]

    def gone(self, connection):
        link = getattr(connection, "s", connection)
        link.settimeout(5)
        try:
            return link.recv(1) == b""
        except ConnectionResetError:
            return True


class Record(Case):
    settings = {"slot": 100, "host_guesses": 10}

    def setUp(self):
        super().setUp()
        self.b.directory.handle = lambda m, p: {"exists": True} if m == P + "Exists" else "org.pwreset.Failure.Refused"

    def guess(self, name, i):
        c = self.host(name)
        return c and c.call(R + "VerifyCode", user=f"user{i}", code="AAAA-AAAA", origin={"address": f"198.51.100.{i}"})[0]

    def test_who_guesses_under_many_names_is_cut_off_by_its_own(self):
        silent, other = self.host("web1"), self.host("web2")
        self.assertEqual([self.guess("web1", i) for i in range(14)], ["Refused"] * 11 + [None] * 3)
        self.assertTrue(self.gone(silent))
        state = self.state("web1")
        self.assertEqual((state["guesses"], state["connections"]), (10, 0))
        self.assertTrue(3500 < state["seconds"] <= 3600, state)
        self.assertIsNone(self.host("WEB1"))
        # Nobody else notices.
        self.assertEqual(other.call(P + "Exists", user="x"), ("", {"exists": True}))
        self.assertEqual(self.guess("web2", 1), "Refused")
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="user1")[0], "")
        self.assertIn("VerifyCode on relay at web1", self.b.log_text())
        self.assertEqual(self.b.log_text().count("cut: "), 1)
        # Nor does a restart make it forgotten.
        self.b.kill(15)
        self.b.start()
        self.assertIsNone(self.host("web1"))

    def test_names_passwords_and_noise_count(self):
        self.b.directory.handle = lambda m, p: {"exists": False}
        c = self.host("names")
        for i in range(11):
            self.assertEqual(c.call(P + "Exists", user=f"u{i}")[1], {"exists": False})
        self.assertTrue(self.gone(c))
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.WrongPassword"
        for i in range(11):
            self.assertEqual(self.host("passwords").call(P + "Verify", user=f"u{i}", password=PASSWORD)[0], "WrongPassword")
        self.assertIsNone(self.host("passwords"))
        c = self.host("noise")
        for _ in range(101):
            self.assertEqual(c.call("org.pwreset.Recovery.Nothing")[0], "MethodNotFound")
        self.assertTrue(self.gone(c))
        self.assertIsNone(self.host("noise"))

    def test_who_wants_no_answers_is_let_go_all_the_same(self):
        c = self.host("web1")
        for i in range(30):
            c.send(R + "VerifyCode", more={"oneway": True}, user=f"u{i}", code="y")
        self.assertTrue(self.gone(c))
        self.assertEqual(len(self.b.directory.of("VerifyCode")), 11)
        self.assertIsNone(self.host("web1"))
        # Nor does asking for what is not theirs get a second try that way.
        c = self.host("web2")
        c.send(P + "SetByRoot", more={"oneway": True}, user="x", password=PASSWORD)
        self.assertTrue(self.gone(c))

    def test_guesses_at_once_go_little_further(self):
        """What a record holds is known when a guess has been looked at; until then a host has its connections, and no more."""
        links = [self.host("web1") for _ in range(40)]
        for i, link in enumerate(links):
            link.send(R + "VerifyCode", user=f"user{i}", code="AAAA-AAAA")
        for link in links:
            self.assertEqual(link.receive()["error"], "org.pwreset.Failure.Refused")
            self.assertTrue(self.gone(link))
        self.assertEqual((self.state("web1")["connections"], len(self.b.directory.of("VerifyCode"))), (0, 40))
        self.assertIsNone(self.host("web1"))
        self.assertIsNotNone(self.host("web2"))

    def test_the_right_ones_and_the_prompt_of_this_host_do_not_count(self):
        c = self.host("web1")
        for i in range(30):
            self.assertEqual(c.call(P + "Exists", user=f"u{i}")[0], "")
            self.assertEqual(self.b.call("pam", R + "VerifyCode", user=f"u{i}", code="y")[0], "Refused")
        self.assertEqual(self.state("web1"), {"host": "web1", "connections": 1, "guesses": 0, "seconds": 0})

    def test_staff_show_cut_off_and_lift(self):
        def by(who, group, method):
            return as_user(USERS[who], USERS[who], [GROUPS[group]], lambda: self.b.call("ctl", S + method, host="web1"))

        self.assertEqual(by("helen", "desk", "GetHost")[0], "PermissionDenied")
        self.assertEqual(by("helen", "desk", "LiftHost")[0], "PermissionDenied")
        c = self.host("web1")
        self.assertEqual(by("ada", "admins", "CutHost"), ["", {}])
        self.assertTrue(self.gone(c))
        self.assertEqual(self.state("web1")["seconds"], 86400)
        self.assertIsNone(self.host("web1"))
        self.assertEqual(by("ada", "admins", "LiftHost"), ["", {}])
        self.assertEqual(self.state("web1"), {"host": "web1", "connections": 0, "guesses": 0, "seconds": 0})
        self.assertEqual(self.host("web1").call(P + "Exists", user="x")[0], "")
        self.assertEqual(self.b.call("ctl", S + "CutHost", host="-oProxyCommand=x")[0], "InvalidParameter")

    def test_what_waits_for_its_answer_gets_it(self):
        self.b.directory.handle = lambda m, p: time.sleep(0.3) or {}
        c = self.host("web1")
        c.send(P + "Verify", user="x", password=PASSWORD)
        self.assertTrue(wait_for(lambda: self.b.directory.methods()))
        self.assertEqual(self.b.call("ctl", S + "CutHost", host="web1")[0], "")
        self.assertEqual(c.receive(), {"parameters": {}})
        self.assertTrue(self.gone(c))


class Slow(Case):
    settings = {"slot": 100, "per_source": 5}

    def test_connecting_costs_as_well(self):
        self.assertEqual([self.host("web1") is not None for _ in range(60)].count(True), 50)
        self.assertIsNotNone(self.host("web2"))

    def test_names_cost_a_call(self):
        self.b.directory.handle = lambda m, p: {"exists": True}
        c = self.host("web1")
        self.assertEqual([c.call(P + "Exists", user=f"u{i}")[0] for i in range(6)], [""] * 4 + ["TryLater"] * 2)


class Flood(Case):
    settings = {"slot": 100, "clients": 64, "clients_per_uid": 8}

    def test_one_host_crowds_out_neither_others_nor_the_prompt(self):
        mine = [self.host("web1") for _ in range(20)]
        self.assertEqual(self.state("web1")["connections"], 8)
        self.assertTrue(self.gone(mine[0]))
        self.assertFalse(any(c is None for c in mine))
        # Those that do not even say who they are take one another's place, and not for long.
        nameless = []
        for _ in range(40):
            c = socket.socket(socket.AF_UNIX)
            c.connect(str(self.b.run / "relay"))
            c.sendall(b'{"method":"org.pwreset.Relay.Hel')
            nameless.append(c)
            self.addCleanup(c.close)
        start = time.monotonic()
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="x")[0], "")
        self.assertEqual(self.b.call("ctl", "org.varlink.service.GetInfo")[0], "")
        self.assertLess(time.monotonic() - start, 2)
        self.assertIsNotNone(self.host("good9"))
        time.sleep(12)
        for c in nameless:
            self.assertTrue(self.gone(c))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
