#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The broker's spool: nothing accepted is lost, duplicates are bounded, nothing secret lies on the disk.

Usage: test_broker_spool.py PWRESETD [unittest arguments]
"""
import os
import re
import resource
import shutil
import signal
import sys
import threading
import time
import unittest

from broker_harness import TICKET, Case, Die, Gone, files, mint, run, wait_for

R, P, A, S = "org.pwreset.Recovery.", "org.pwreset.Password.", "org.pwreset.Admin.", "org.pwreset.Service."
PASSWORD = "c2VjcmV0LWNhbmFyeQ=="
LINK_SECRET = TICKET[-40:]
KILL_ROUNDS = 40
AWAY_S = 1  # by then what a person asked for is due


def spool_text(broker):
    path = broker.state / "spool"
    return path.read_text() if path.exists() else ""


class Requests(Case):
    settings = {"idle_exit": 1}

    def test_the_request_says_who_asked_from_where_and_nothing_secret(self):
        self.b.directory.handle = lambda m, p: time.sleep(1) or mint(m, p)
        origin = {"service": "sshd", "host": "web1", "address": "192.0.2.1", "terminal": "ssh"}
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="alice", language="pt-BR", origin=origin)[0], "")
        self.assertTrue(wait_for(lambda: self.sent()))
        request = self.b.directory.of("Mint")[0]["request"]
        self.assertEqual({k: request[k] for k in ("kind", "user", "language", "origin", "attempt", "roles")},
                         {"kind": "code", "user": "alice", "language": "pt-BR", "origin": origin, "attempt": 1, "roles": []})
        self.assertEqual(request["expires"] - request["created"], 1800)
        self.assertEqual(len(request["id"]), 22)
        self.assertEqual(self.sent(), [request["id"]])
        for name, data in files(self.b.state).items():
            self.assertNotIn(b"CANARY42", data, name)
        self.assertNotIn("CANARY42", self.b.log_text())
        self.assertEqual((self.b.state / "spool").stat().st_mode & 0o777, 0o600)

    def test_idle_exit_leaves_no_spool_and_comes_back(self):
        self.b.call("pam", R + "RequestCode", user="alice")
        self.assertTrue(wait_for(lambda: self.sent()))
        self.assertEqual(self.b.exited(6), 0)
        self.assertEqual(sorted(files(self.b.state)), ["limits", "mark"])
        self.b.start()
        self.assertEqual(self.b.call("ctl", S + "GetStatus")[1]["sent"], 1)

    def test_it_stays_while_a_request_waits_or_a_client_is_there(self):
        self.b.mailer.refuse()
        self.b.call("pam", R + "RequestCode", user="alice")
        self.assertIsNone(self.b.exited(3))
        self.b.mailer.open()
        self.assertTrue(wait_for(lambda: self.sent(), 20))
        with self.b.client("ctl"):
            self.assertIsNone(self.b.exited(3))
        self.assertEqual(self.b.exited(6), 0)

    def test_sigterm_finishes_what_is_in_hand(self):
        self.b.mailer.handle = lambda m, p: time.sleep(1) or {"status": "sent", "detail": ""}
        self.b.directory.handle = lambda m, p: mint(m, p) if m.endswith("Mint") else time.sleep(0.5) or {"exists": True}
        self.b.call("pam", R + "RequestCode", user="alice")
        self.assertTrue(wait_for(lambda: self.b.mailer.concurrent))
        with self.b.client("pam") as c:
            c.send(P + "Exists", user="x")
            self.assertTrue(wait_for(lambda: self.b.directory.concurrent))
            os.kill(self.b.pid, signal.SIGTERM)
            self.assertEqual(c.receive()["parameters"], {"exists": True})
        self.assertEqual(self.b.exited(5), 0)
        self.assertEqual(spool_text(self.b), "")

    def test_nobody_is_looked_up_while_the_reply_is_on_its_way(self):
        """Work for somebody who is there takes longer, and would keep the reply waiting for a processor."""
        minted = []

        def handle(method, parameters):
            minted.append(time.monotonic())
            return mint(method, parameters)

        self.b.directory.handle = handle
        waits = []
        for i in range(6):
            self.assertEqual(self.b.call("pam", R + "RequestCode", user=f"u{i}")[0], "")
            replied = time.monotonic()
            self.assertTrue(wait_for(lambda: len(minted) > len(waits), 5))
            waits.append(minted[-1] - replied)
        self.assertGreater(min(waits), 0.2, waits)
        self.assertLess(max(waits), 2, waits)
        self.assertGreater(max(waits) - min(waits), 0.01, "at no moment that can be foretold")

    def test_persons_are_not_kept_waiting_by_a_run(self):
        order = []
        gate = threading.Event()

        def handle(method, parameters):
            if method.endswith("SendLink"):
                return {"results": [{"user": u, "status": "ok"} for u in parameters["users"]]}
            gate.wait(10)
            order.append(parameters["request"]["user"])
            return mint(method, parameters)

        self.b.directory.handle = handle
        self.b.call("ctl", A + "SendLink", users=[f"u{i}" for i in range(300)])
        self.b.call("pam", R + "RequestCode", user="person")
        time.sleep(AWAY_S)
        gate.set()
        self.assertTrue(wait_for(lambda: len(order) == 301, 30))
        self.assertLess(order.index("person"), 40)
        self.assertEqual(len(set(order)), 301)


class Notices(Case):
    settings = {"slot": 100}

    def change(self, answer):
        self.b.directory.handle = lambda m, p: mint(m, p) if m.endswith("Mint") else answer(p)
        return self.b.call("pam", R + "SetPassword", ticket=TICKET, password=PASSWORD, origin={"host": "web1"})

    def test_success_is_told_at_once_with_the_operations_id(self):
        operations = []
        self.assertEqual(self.change(lambda p: operations.append(p["caller"]["operation"]) or {"user": "alice"})[0], "")
        self.assertTrue(wait_for(lambda: self.sent()))
        request = self.b.directory.of("Mint")[0]["request"]
        self.assertEqual((request["kind"], request["id"], request["done"]), ("changed", operations[0], True))
        self.assertNotIn(LINK_SECRET, request["ticket"])
        self.assertEqual(request["origin"], {"host": "web1"})
        self.assertEqual(request["expires"] - request["created"], 86400)

    def test_the_notice_is_on_the_disk_before_the_worker_knows(self):
        seen = []
        self.change(lambda p: seen.append(spool_text(self.b)) or {"user": "alice"})
        self.assertIn('"kind":"changed"', seen[0])
        for secret in (LINK_SECRET, PASSWORD, "secret-canary"):
            self.assertNotIn(secret, seen[0])

    def test_a_definite_error_is_not_told(self):
        self.assertEqual(self.change(lambda p: "org.pwreset.Failure.PasswordRefused")[0], "PasswordRefused")
        time.sleep(0.5)
        self.assertEqual(self.queued(), 0)
        self.assertEqual(self.b.directory.of("Mint"), [])

    def test_an_unknown_outcome_is_left_to_mint(self):
        for answer in (lambda p: "org.pwreset.Failure.OutcomeUnknown", self.die):
            self.assertEqual(self.change(answer)[0], "OutcomeUnknown")
        time.sleep(1)
        self.assertEqual(self.queued(), 2)
        self.assertEqual(self.b.directory.of("Mint"), [])
        dues = [int(x) for x in re.findall(r'"op":"add".*"due":(\d+)', spool_text(self.b))]
        self.assertTrue(all(20 <= due / 1000 - time.time() <= 26 for due in dues), dues)

    @staticmethod
    def die(parameters):
        raise Die()

    def test_killed_in_between_mint_finds_out(self):
        def answer(parameters):
            os.kill(self.b.pid, signal.SIGKILL)
            time.sleep(0.2)
            raise Die()

        self.assertRaises((Gone, ConnectionError), self.change, answer)
        self.b.exited()
        # Its time is made to come without waiting for the deadline.
        self.b.restart()
        self.assertEqual(self.queued(), 1)

    def test_mint_is_asked_again_and_told_that_it_has_seen_nothing(self):
        """Over a kill, too: what no server knew of at first may come to light, and what none knows twice is over."""
        answers = [{"skip": "unsure", "after": 1}, {"skip": "not-seen", "after": 1}, {"skip": "unsure", "after": 1}, {"skip": "not-done"}]
        self.b.directory.handle = lambda m, p: answers[len(self.b.directory.of("Mint")) - 1] if m.endswith("Mint") else {"user": "alice"}
        self.assertEqual(self.b.call("pam", R + "SetPassword", ticket=TICKET, password=PASSWORD)[0], "")
        self.assertTrue(wait_for(lambda: '"missed":true' in spool_text(self.b)))
        self.b.restart()
        self.assertTrue(wait_for(lambda: self.queued() == 0))
        self.assertEqual([r["request"].get("missed", False) for r in self.b.directory.of("Mint")], [False, False, True, True])
        self.assertIn("not-done", self.b.log_text())
        self.assertEqual(self.sent(), [])

    def test_enrolled_address_two_mails_and_a_name_is_needed(self):
        self.b.directory.handle = lambda m, p: mint(m, p) if m.endswith("Mint") else {}
        method = "org.pwreset.Account.EnrollMail"
        self.assertEqual(self.b.call("ctl", method, current=PASSWORD, address="a@example.org"),
                         ("InvalidParameter", {"parameter": "user"}))
        self.assertEqual(self.b.call("ctl", method, current=PASSWORD, address="a@example.org", user="alice")[0], "")
        self.assertTrue(wait_for(lambda: len(self.sent()) == 2))
        self.assertEqual(sorted(r["request"]["kind"] for r in self.b.directory.of("Mint")), ["mail-changed", "mail-confirm"])

    def test_a_mailed_password_is_made_when_it_is_mailed(self):
        self.b.directory.handle = lambda m, p: mint(m, p) if m.endswith("Mint") else {}
        self.assertEqual(self.b.call("ctl", A + "SetPassword", user="bob", mail=True, password=PASSWORD),
                         ("InvalidParameter", {"parameter": "mail"}))
        self.assertEqual(self.b.call("ctl", A + "SetPassword", user="bob", mail=True, temporary=True)[0], "")
        self.assertTrue(wait_for(lambda: self.sent()))
        request = self.b.directory.of("Mint")[0]["request"]
        self.assertEqual((request["kind"], request["user"], request["requester"], request["roles"]),
                         ("temporary", "bob", "0", ["root"]))
        self.assertEqual(len(self.b.directory.of("Mint")), 1)


class Staff(Case):
    @staticmethod
    def consent(method, parameters):
        if method.endswith("SendLink"):
            return {"results": [{"user": u, "status": "privileged" if u == "boss" else "ok"} for u in parameters["users"]]}
        if method.endswith("RemindExpiry"):
            return {"users": ["alice", "bob"], "next": "bob"}
        return mint(method, parameters) if method.endswith("Mint") else {}

    def setUp(self):
        super().setUp()
        self.b.directory.handle = self.consent

    def test_send_link_spools_those_who_may_be_sent_one(self):
        error, reply = self.b.call("ctl", A + "SendLink", users=["alice", "boss", "bob"])
        self.assertEqual((error, [r["status"] for r in reply["results"]]), ("", ["ok", "privileged", "ok"]))
        self.assertTrue(wait_for(lambda: len(self.sent()) == 2))
        self.assertEqual(sorted(r["request"]["user"] for r in self.b.directory.of("Mint")), ["alice", "bob"])
        self.assertEqual({r["request"]["requester"] for r in self.b.directory.of("Mint")}, {"0"})
        self.assertIn(f"{A}SendLink for boss by uid 0 on ctl: privileged", self.b.log_text())
        self.assertTrue(wait_for(lambda: "link for bob asked for by uid 0: sent" in self.b.log_text()))

    def test_results_that_do_not_fit_into_a_reply_send_nobody_anything(self):
        self.b.directory.handle = lambda m, p: b'{"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"users"}}\0'
        answer = self.b.call("ctl", A + "SendLink", users=[f"person{i:03}@{'x' * 90}.example.com" for i in range(500)])
        self.assertEqual(("InvalidParameter", {"parameter": "users"}), answer)
        self.assertEqual([], self.b.directory.of("Mint"))

    def test_the_same_run_sends_once_over_kills(self):
        users = [f"u{i}" for i in range(50)]
        self.b.call("ctl", A + "SendLink", users=users[:30], batch="march")
        self.assertTrue(wait_for(lambda: len(self.sent()) == 30))
        self.b.restart()
        self.b.call("ctl", A + "SendLink", users=users, batch="march")
        self.assertTrue(wait_for(lambda: len(set(self.sent())) >= 50))
        time.sleep(0.5)
        names = [r["request"]["user"] for r in self.b.directory.of("Mint")]
        self.assertEqual(sorted(set(names)), sorted(users))
        self.assertLessEqual(len(set(self.sent())), 50)
        self.b.call("ctl", A + "SendLink", users=["u1"], batch="april")
        self.assertTrue(wait_for(lambda: len(set(self.sent())) == 51))
        self.b.call("ctl", A + "SendLink", users=["u1"])
        self.assertTrue(wait_for(lambda: len(set(self.sent())) == 52))

    def test_an_orderly_stop_makes_no_attempt_of_what_had_not_had_its_turn(self):
        gate = threading.Event()
        self.b.mailer.handle = lambda m, p: gate.wait(3) and None or {"status": "sent", "detail": ""}
        self.b.call("ctl", A + "SendLink", users=[f"u{i}" for i in range(30)])
        self.assertTrue(wait_for(lambda: self.b.mailer.concurrent and spool_text(self.b).count('"op":"try"') >= 30))
        os.kill(self.b.pid, signal.SIGTERM)
        gate.set()
        self.assertEqual(self.b.exited(10), 0)
        tried = len(self.b.directory.of("Mint"))
        self.assertLess(tried, 30)
        self.b.start()
        self.assertTrue(wait_for(lambda: self.queued() == 0))
        self.assertEqual([r["request"]["attempt"] for r in self.b.directory.of("Mint")], [1] * 30)

    def test_remind_expiry_spools_whom_the_worker_names(self):
        self.assertEqual(self.b.call("ctl", A + "RemindExpiry", days=7), ("", {"reminded": 2, "next": "bob"}))
        self.assertTrue(wait_for(lambda: len(self.sent()) == 2))
        self.assertEqual({r["request"]["kind"] for r in self.b.directory.of("Mint")}, {"expiry"})

    def test_a_lying_worker_cannot_name_more_people(self):
        self.b.directory.handle = lambda m, p: {"results": [{"user": f"u{i}", "status": "ok"} for i in range(9)]}
        self.assertEqual(self.b.call("ctl", A + "SendLink", users=["alice"])[0], "Unavailable")
        self.assertEqual(self.queued(), 0)

    def test_ten_thousand(self):
        start = time.monotonic()
        for i in range(20):
            users = [f"u{i:03}x{j:03}" for j in range(500)]
            self.assertEqual(self.b.call("ctl", A + "SendLink", users=users, batch="all")[0], "")
        accepted = time.monotonic() - start
        self.assertTrue(wait_for(lambda: len(self.b.mailer.calls) >= 10000, 120))
        self.assertEqual(len(set(self.sent())), 10000)
        took = time.monotonic() - start
        print(f"10000 links: accepted in {accepted:.1f} s, sent in {took:.1f} s", file=sys.stderr)
        self.assertTrue(wait_for(lambda: spool_text(self.b) == "", 10))


class Trouble(Case):
    settings = {"slot": 100}

    def test_a_full_disk_is_said_and_nothing_half_written(self):
        self.b.mailer.refuse()
        self.b.call("pam", R + "RequestCode", user="before")
        time.sleep(0.3)
        size = len(spool_text(self.b))
        resource.prlimit(self.b.pid, resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
        for method, parameters in ((R + "RequestCode", {"user": "x"}),
                                   (R + "SetPassword", {"ticket": TICKET, "password": PASSWORD})):
            self.assertEqual(self.b.call("pam", method, **parameters)[0], "Unavailable")
        self.assertNotIn("SetPassword", self.b.directory.methods())
        for line in spool_text(self.b).splitlines(True):
            self.assertTrue(line.endswith("\n") and line[8] == " ", line)
        self.assertIn("The spool cannot be written", self.b.log_text())
        self.assertEqual(self.b.log_text().count("The spool cannot be written"), 1)
        resource.prlimit(self.b.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="after")[0], "")
        self.b.mailer.open()
        self.b.restart()
        self.assertTrue(wait_for(lambda: len(set(self.sent())) == 2, 30))
        self.assertEqual({r["request"]["user"] for r in self.b.directory.of("Mint")}, {"before", "after"})

    def test_notes_of_a_run_that_cannot_be_written_do_not_keep_it_from_starting(self):
        """Killed between the spool and the notes, and then there is no room for them: it starts, and sends nobody a second mail of the run."""
        self.b.directory.handle = Staff.consent
        self.b.mailer.refuse()
        users = [f"u{i}" for i in range(20)]
        self.assertEqual(self.b.call("ctl", A + "SendLink", users=users, batch="may")[0], "")
        self.b.kill()
        notes = self.b.state / "batches"
        notes.write_text("".join(notes.read_text().splitlines(True)[:3]))
        # No file may become longer than this one is.
        self.b.prefix = ["prlimit", f"--fsize={notes.stat().st_size}"]
        self.b.start()
        self.assertEqual(self.b.call("ctl", S + "GetStatus")[1]["queued"], len(users))
        self.assertIn("The notes of runs cannot be written yet", self.b.log_text())
        self.b.prefix = []
        self.b.mailer.open()
        self.b.restart()
        self.assertEqual(self.b.call("ctl", A + "SendLink", users=users, batch="may")[0], "")
        self.assertTrue(wait_for(lambda: self.queued() == 0, 60))
        self.assertEqual(sorted(set(self.sent())), sorted(self.sent()))
        self.assertEqual(len(self.sent()), len(users))

    def test_too_many_requests_are_refused(self):
        self.b.configure(spool=100)
        self.b.kill()
        self.b.mailer.refuse()
        self.b.start()
        answers = [self.b.call("pam", R + "RequestCode", user=f"u{i}")[0] for i in range(110)]
        self.assertEqual(answers, [""] * 100 + ["Unavailable"] * 10)

    def test_two_brokers_do_not_share_a_spool(self):
        self.b.call("ctl", S + "GetStatus")
        first, self.b.pid = self.b.pid, 0
        self.b.start()
        self.assertNotEqual(self.b.exited(5), 0)
        self.assertIn("another pwresetd is running", self.b.log_text())
        self.b.pid = first

    def test_any_damage_costs_only_what_is_damaged(self):
        self.b.mailer.refuse()
        for i in range(20):
            self.b.call("pam", R + "RequestCode", user=f"u{i}")
        self.b.kill()
        path = self.b.state / "spool"
        lines = [x for x in path.read_bytes().splitlines(True) if b'"op":"add"' in x]
        lines[3] = lines[3].replace(b'"u3"', b'"u4"')
        lines[7] = os.urandom(300).replace(b"\n", b"") + b"\n"
        lines[11] = b"\0" * 20000 + b"\n"
        lines[19] = lines[19][:-10]
        path.write_bytes(b"".join(lines))
        self.b.directory.calls.clear()
        self.b.mailer.open()
        self.b.start()
        self.assertTrue(wait_for(lambda: len(set(self.sent())) == 16, 30))
        self.assertEqual({r["request"]["user"] for r in self.b.directory.of("Mint")},
                         {f"u{i}" for i in range(20) if i not in (3, 7, 11, 19)})
        self.assertIn("3 damaged records", self.b.log_text())
        self.assertIn("record that was being written at the last crash", self.b.log_text())

    def test_time_does_not_run_back(self):
        self.b.directory.handle = lambda m, p: {"now": p["caller"]["now"], "exists": True}
        self.b.kill()
        future = int(time.time()) + 100000
        text = (self.b.state / "mark").read_bytes() if (self.b.state / "mark").exists() else b"0" * 20 + b" " + (
            b"0" * 20 + b" ") * 2 + b"0" * 20 + b"\n"
        (self.b.state / "mark").write_bytes(b"%020d" % future + text[20:])
        self.b.start()
        first = self.b.call("pam", P + "Exists", user="x")[1]["now"]
        self.assertGreaterEqual(first, future)
        self.b.restart()
        self.assertGreaterEqual(self.b.call("pam", P + "Exists", user="x")[1]["now"], first)
        self.assertIn("behind the time mark", self.b.log_text())


class Kills(Case):
    """kill -9 between any two steps: what was accepted arrives, with at most one more mail for each kill."""
    settings = {"slot": 100}

    def test_at_every_step_that_the_workers_see(self):
        steps = ["mint", "minted", "send", "sent"]
        done = []

        def strike(step, key):
            if steps and step == steps[0] and key not in done:
                steps.pop(0)
                done.append(key)
                os.kill(self.b.pid, signal.SIGKILL)
                time.sleep(0.1)

        def directory(method, parameters):
            strike("mint", "a")
            reply = mint(method, parameters)
            strike("minted", "b")
            return reply

        def mailer(method, parameters):
            strike("send", "c")
            strike("sent", "d")
            return {"status": "sent", "detail": ""}

        self.b.directory.handle, self.b.mailer.handle = directory, mailer
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="alice")[0], "")
        for _ in range(4):
            self.assertIsNotNone(self.b.exited(20))
            self.b.start()
        self.assertTrue(wait_for(lambda: self.queued() == 0, 20))
        self.assertEqual(len(set(self.sent())), 1)
        self.assertLessEqual(len(self.sent()), 3)

    def test_a_request_that_kills_is_given_up(self):
        def mailer(method, parameters):
            os.kill(self.b.pid, signal.SIGKILL)
            raise Die()

        self.b.mailer.handle = mailer
        self.b.call("pam", R + "RequestCode", user="alice")
        for _ in range(9):
            if self.b.exited(4) is None:
                break
            self.b.start()
        self.assertTrue(wait_for(lambda: "given-up" in self.b.log_text()))
        self.assertEqual(self.queued(), 0)
        self.assertEqual(len(self.sent()), 8)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_at_every_system_call_that_writes(self):
        self.b.kill()
        accepted = kills = 0
        for call in ("pwrite64", "fdatasync", "fsync", "openat", "unlinkat", "renameat", "sendto", "connect"):
            for n in range(1, KILL_ROUNDS):
                self.b.prefix = ["strace", "-D", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                 f"inject={call}:signal=KILL:when={n}"]
                self.b.start()
                accepted += self.attempt(f"{call}{n}")
                killed = self.b.exited(3) is not None
                kills += killed
                self.b.kill(signal.SIGTERM)
                if not killed:
                    break
        self.b.prefix = []
        self.b.start()
        self.assertTrue(wait_for(lambda: self.queued() == 0, 60))
        asked = {r["request"]["id"] for r in self.b.directory.of("Mint")}
        self.assertGreater(kills, 20)
        self.assertGreaterEqual(len(set(self.sent())), accepted)
        self.assertLessEqual(len(self.sent()), len(asked) + kills)
        print(f"{kills} kills, {accepted} accepted, {len(asked)} requests, {len(self.sent())} mails", file=sys.stderr)
        names = {r["request"]["user"] for r in self.b.directory.of("Mint")}
        self.assertLessEqual(self.accepted_names, names)

    accepted_names = set()

    def attempt(self, user):
        try:
            with self.b.client("pam", 1.5) as c:
                error = c.call(R + "RequestCode", user=user)[0]
            if error == "":
                self.accepted_names = self.accepted_names | {user}
                return 1
        except (Gone, ConnectionError, TimeoutError):
            pass
        return 0


if __name__ == "__main__":
    run()
