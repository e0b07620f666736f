#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls with "more": answered in parts, stopped by who hangs up or does not read, started again without sending twice, and
never in the way of a person.

Usage: test_broker_bulk.py PWRESETD [unittest arguments]
"""
import os
import signal
import sys
import threading
import time
import unittest

from broker_harness import Broker, Die, Gone, mint, wait_for

PROGRAM = None
R, P, A, S = "org.pwreset.Recovery.", "org.pwreset.Password.", "org.pwreset.Admin.", "org.pwreset.Service."
MORE = {"more": True}
PAGES = 5


def consent(method, parameters):
    """A directory worker that knows everybody but "boss", and has a few pages of people."""
    name = method.rpartition(".")[2]
    if name == "SendLink":
        return {"results": [{"user": u, "status": "privileged" if u == "boss" else "ok"} for u in parameters["users"]]}
    if name in ("Find", "RemindExpiry"):
        page = int(parameters.get("after", "p0")[1:]) + 1
        return {"users": [f"u{page}x{i}" for i in range(3)], **({"next": f"p{page}"} if page < PAGES else {})}
    return mint(method, parameters) if name == "Mint" else {"exists": True}


class Case(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.b = Broker(PROGRAM, **self.settings).start()
        self.b.directory.handle = consent
        self.addCleanup(self.b.close)
        self.addCleanup(lambda: self.assertEqual(self.b.complaints(), []))
        self.client = None
        self.addCleanup(lambda: self.client and self.client.s.close())

    def stream(self, client, method, **parameters):
        """Each answer's parameters, and the error that ended it, if one did."""
        client.send(method, more=MORE, **parameters)
        answers = []
        while True:
            reply = client.receive()
            if "error" in reply:
                return answers, reply["error"].rpartition(".")[2]
            answers.append(reply["parameters"])
            if not reply.get("continues"):
                return answers, ""

    def minted(self):
        return sorted(p["request"]["user"] for p in self.b.directory.of("Mint"))


class Parts(Case):
    def test_links_part_by_part(self):
        users = ["boss"] + [f"u{i}" for i in range(119)]
        with self.b.client("ctl") as c:
            answers, error = self.stream(c, A + "SendLink", users=users, batch="may")
            self.assertEqual((error, [len(a["results"]) for a in answers]), ("", [50, 50, 20]))
            self.assertEqual([r["user"] for a in answers for r in a["results"]], users)
            self.assertEqual([r["user"] for a in answers for r in a["results"] if r["status"] != "ok"], ["boss"])
            # The connection is as good as before.
            self.assertEqual(c.call(S + "GetStatus")[0], "")
        self.assertTrue(all(p["batch"] == "may" for p in self.b.directory.of("SendLink")))
        self.assertTrue(wait_for(lambda: len(self.minted()) == 119))
        self.assertEqual(self.minted(), sorted(users[1:]))
        self.assertEqual(self.b.log_text().count(A + "SendLink by uid 0 on ctl: ok"), 1, self.b.log_text())

    def test_who_does_not_ask_for_parts_gets_one_answer(self):
        users = [f"u{i}" for i in range(120)]
        error, reply = self.b.call("ctl", A + "SendLink", users=users)
        self.assertEqual((error, len(reply["results"]), len(self.b.directory.of("SendLink"))), ("", 120, 1))
        self.assertEqual(self.b.call("ctl", A + "Find", filter="(uid=*)")[1]["next"], "p1")

    def test_one_part_and_nobody(self):
        with self.b.client("ctl") as c:
            self.assertEqual(self.stream(c, A + "SendLink", users=["a"]), ([{"results": [{"user": "a", "status": "ok"}]}], ""))
            self.assertEqual(self.stream(c, A + "SendLink", users=[]), ([{"results": []}], ""))

    def test_pages_of_people(self):
        with self.b.client("ctl") as c:
            answers, error = self.stream(c, A + "Find", filter="(uid=*)")
            self.assertEqual((error, len(answers)), ("", PAGES))
            self.assertEqual([p.get("after") for p in self.b.directory.of("Find")], [None, "p1", "p2", "p3", "p4"])
            answers, error = self.stream(c, A + "Find", filter="(uid=*)", after="p3")
            self.assertEqual((error, len(answers)), ("", 2))
            answers, error = self.stream(c, A + "RemindExpiry", days=7)
            self.assertEqual((error, [a["reminded"] for a in answers]), ("", [3] * PAGES))
        self.assertTrue(wait_for(lambda: len(self.minted()) == 3 * PAGES))

    def test_a_worker_that_does_not_move_on(self):
        self.b.directory.handle = lambda m, p: {"users": [], "next": "p1"}
        with self.b.client("ctl") as c:
            answers, error = self.stream(c, A + "Find", filter="(uid=*)")
        self.assertEqual((len(answers), error), (1, "Unavailable"))

    def test_an_error_ends_it(self):
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.Unavailable" if p.get("after") == "p2" else consent(m, p)
        with self.b.client("ctl") as c:
            self.assertEqual(self.stream(c, A + "Find", filter="(uid=*)")[1], "Unavailable")
            self.assertEqual(c.call(S + "GetStatus")[0], "")

    def test_a_method_without_parts_ignores_more(self):
        with self.b.client("ctl") as c:
            self.assertEqual(len(self.stream(c, S + "GetStatus")[0]), 1)


class Stopped(Case):
    def begin(self, stop_at):
        """A run whose third part waits until the event is set."""
        gate = threading.Event()

        def handle(method, parameters):
            if method.endswith("SendLink") and len(self.b.directory.of("SendLink")) == stop_at:
                gate.wait(10)
            return consent(method, parameters)

        self.b.directory.handle = handle
        self.users = [f"u{i}" for i in range(300)]
        self.client = self.b.client("ctl")
        self.client.send(A + "SendLink", more=MORE, users=self.users, batch="june")
        self.assertTrue(wait_for(lambda: len(self.b.directory.of("SendLink")) == stop_at))
        return gate

    def resume(self):
        self.b.directory.handle = consent
        with self.b.client("ctl") as c:
            answers, error = self.stream(c, A + "SendLink", users=self.users, batch="june")
        self.assertEqual((error, sum(len(a["results"]) for a in answers)), ("", 300))
        self.assertTrue(wait_for(lambda: len(set(self.minted())) == 300, 30))
        self.assertEqual(len({p["request"]["id"] for p in self.b.directory.of("Mint")}), 300)

    def test_who_hangs_up_stops_it(self):
        gate = self.begin(3)
        self.client.s.close()
        self.assertTrue(wait_for(lambda: "SendLink by uid 0 on ctl: interrupted" in self.b.log_text()), self.b.log_text())
        gate.set()
        self.assertTrue(wait_for(lambda: len(self.minted()) == 100))
        time.sleep(0.3)
        self.assertEqual((len(self.b.directory.of("SendLink")), len(self.minted())), (3, 100))
        self.resume()

    def test_killed_broker(self):
        gate = self.begin(3)
        self.b.kill()
        gate.set()
        self.b.start()
        self.client.s.close()
        self.resume()

    def test_killed_between_the_spool_and_the_notes_of_the_run(self):
        """The notes of the last part are not on the disk; what the spool has tells of them."""
        self.b.mailer.refuse()
        self.begin(3).set()
        while "error" not in (reply := self.client.receive()) and reply.get("continues"):
            pass
        self.b.kill()
        path = self.b.state / "batches"
        path.write_text("".join(path.read_text().splitlines(True)[:-120]))
        self.b.start()
        self.b.mailer.open()
        self.resume()

    def test_a_broker_that_leaves_says_so_after_the_part_in_hand(self):
        gate = self.begin(3)
        self.client.receive()
        self.client.receive()
        os.kill(self.b.pid, signal.SIGTERM)
        time.sleep(0.3)
        gate.set()
        self.assertTrue(self.client.receive()["continues"])
        self.assertEqual(self.client.receive()["error"], "org.pwreset.Failure.Unavailable")
        self.assertRaises(Gone, self.client.receive)
        self.assertEqual(self.b.exited(10), 0)
        self.b.start()
        self.resume()

    def test_who_does_not_read_stops_it(self):
        def handle(method, parameters):
            page = int(parameters.get("after", "p0")[1:]) + 1
            return {"users": [f"{i:050}" for i in range(900)], "next": f"p{page:08}"}

        self.b.directory.handle = handle
        with self.b.client("ctl") as c:
            c.send(A + "Find", more=MORE, filter="(uid=*)")
            self.assertTrue(wait_for(lambda: len(self.b.directory.of("Find")) > 1))
            time.sleep(1)
            stood = len(self.b.directory.of("Find"))
            time.sleep(0.5)
            self.assertEqual(len(self.b.directory.of("Find")), stood)
            self.assertLess(stood, 40)  # of 48 KB each: what the socket holds, and one more
            self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "")
            c.receive()
            for _ in range(stood):
                c.receive()
            self.assertTrue(wait_for(lambda: len(self.b.directory.of("Find")) > stood))


class Together(Case):
    """Links of a run are made many with one call, when the relay takes them as fast."""

    def run_of(self, n):
        users = [f"u{i}" for i in range(n)]
        with self.b.client("ctl") as c:
            self.assertEqual(self.stream(c, A + "SendLink", users=users, batch="july")[1], "")
        return users

    def reached(self):
        return [p["mail"]["to"][0].partition("@")[0] for p in self.b.mailer.of("Send")]

    def test_as_many_as_the_relay_takes(self):
        users = self.run_of(400)
        self.assertTrue(wait_for(lambda: len(self.reached()) == 400))
        self.assertEqual(sorted(self.reached()), sorted(users))
        self.assertEqual(len({p["mail"]["id"] for p in self.b.mailer.of("Send")}), 400)
        self.assertEqual(max(self.b.directory.together), 16)
        self.assertGreater(sum(self.b.directory.together), 300)

    def test_a_slow_relay_gets_one_after_the_other(self):
        """Nothing is minted long before it leaves."""
        self.b.mailer.handle = lambda m, p: time.sleep(0.3) or {"status": "sent", "detail": ""}
        self.run_of(100)
        self.assertTrue(wait_for(lambda: len(self.reached()) >= 5))
        self.assertEqual(self.b.directory.together, [])
        self.assertLess(len(self.minted()), 20)

    def test_a_worker_that_dies_of_one_costs_the_others_nothing_but_time(self):
        def handle(method, parameters):
            if method.endswith("Mint") and parameters["request"]["user"] == "u200":
                raise Die
            return consent(method, parameters)

        self.b.directory.handle = handle
        users = self.run_of(300)
        self.assertTrue(wait_for(lambda: len(set(self.reached())) == 299, 40))
        self.assertEqual(sorted(self.reached()), sorted(set(users) - {"u200"}))
        self.assertIn(" asked for by uid 0", self.b.log_text())

    def test_one_that_fails_is_alone_with_it(self):
        def handle(method, parameters):
            if method.endswith("Mint") and parameters["request"]["user"] == "u200":
                return "org.pwreset.Failure.Unavailable"
            return consent(method, parameters)

        self.b.directory.handle = handle
        self.run_of(300)
        self.assertTrue(wait_for(lambda: len(set(self.reached())) == 299, 10))

    def test_who_gets_none_is_told_apart(self):
        def handle(method, parameters):
            if method.endswith("Mint") and parameters["request"]["user"] in ("u150", "u151"):
                return {"skip": "privileged"}
            return consent(method, parameters)

        self.b.directory.handle = handle
        users = self.run_of(200)
        self.assertTrue(wait_for(lambda: len(self.reached()) == 198))
        self.assertEqual(sorted(self.reached()), sorted(set(users) - {"u150", "u151"}))
        self.assertTrue(wait_for(lambda: not (self.b.state / "spool").exists()))
        self.assertEqual(self.b.log_text().count("privileged"), 2, self.b.log_text())

    def test_a_relay_that_stops_is_not_asked_for_all_that_is_in_hand_with_ever_longer_pauses(self):
        down = threading.Event()

        def send(method, parameters):
            if len(self.b.mailer.of("Send")) == 100:
                down.set()
                threading.Timer(1.5, down.clear).start()
            return {"status": "temporary", "detail": "x"} if down.is_set() else {"status": "sent", "detail": ""}

        self.b.mailer.handle = send
        start = time.monotonic()
        users = self.run_of(300)
        self.assertTrue(wait_for(lambda: set(self.reached()) == set(users) and not (self.b.state / "spool").exists(), 40))
        self.assertLess(time.monotonic() - start, 20)


class Persons(Case):
    """Somebody waits at a prompt while ten thousand links are on their way."""

    settings = {"connections": 2}

    def test_a_slow_relay_keeps_a_connection_for_persons(self):
        self.b.mailer.handle = lambda m, p: time.sleep(0.5) or {"status": "sent", "detail": ""}
        with self.b.client("ctl") as c:
            self.assertEqual(self.stream(c, A + "SendLink", users=[f"u{i}" for i in range(200)])[1], "")
        self.assertTrue(wait_for(lambda: self.b.mailer.of("Send")))
        for i in range(3):
            start = time.monotonic()
            self.assertEqual(self.b.call("pam", R + "RequestCode", user=f"person{i}")[0], "")
            self.assertTrue(wait_for(lambda: any(p["mail"]["to"] == [f"person{i}@example.com"] for p in self.b.mailer.of("Send"))))
            self.assertLess(time.monotonic() - start, 0.45)
            time.sleep(0.6)
        self.assertLess(len(self.b.mailer.of("Send")), 20)

    def test_a_slow_directory_keeps_a_connection_for_calls(self):
        def handle(method, parameters):
            if method.endswith(("SendLink", "Mint")):
                time.sleep(0.5)
            return consent(method, parameters)

        self.b.directory.handle = handle
        with self.b.client("ctl") as c:
            c.send(A + "SendLink", more=MORE, users=[f"u{i}" for i in range(200)])
            c.receive()
            for _ in range(3):
                start = time.monotonic()
                self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "")
                self.assertLess(time.monotonic() - start, 0.45)
                time.sleep(0.3)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
