#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The broker's calls: roles, parameters, routes, deadlines, dead workers, slots, hostile peers.

Usage: test_broker_calls.py PWRESETD [unittest arguments]
"""
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import threading
import time
import unittest

from broker_harness import (GROUPS, TICKET, USERS, Case, Client, Die, Gone, as_user, run, wait_for)

R, P, A, S = "org.pwreset.Recovery.", "org.pwreset.Password.", "org.pwreset.Admin.", "org.pwreset.Service."
ACCOUNT = "org.pwreset.Account."
PASSWORD = "c2VjcmV0LWNhbmFyeQ=="  # base64 of "secret-canary"


def by(broker, who, name, method, groups=(), /, **parameters):
    return tuple(as_user(USERS[who], USERS[who], [GROUPS[g] for g in groups],
                         lambda: broker.call(name, method, **parameters)))


class Admission(Case):
    def test_pam_is_roots_and_web_is_the_pages(self):
        def attempt():
            try:
                return self.b.call("pam", R + "RequestCode", user="x")[0] or "ok"
            except (Gone, OSError):
                return "closed"

        def page():
            try:
                return self.b.call("web", R + "RequestLink", user="x")[0] or "ok"
            except (Gone, OSError):
                return "closed"

        self.assertEqual(attempt(), "ok")
        self.assertEqual(as_user(61013, 61013, [], attempt), "closed")
        self.assertEqual(page(), "closed")
        self.assertEqual(as_user(USERS["pwreset-web"], USERS["pwreset-web"], [], page), "ok")

    def test_roles_come_from_groups(self):
        self.b.directory.handle = lambda m, p: {"caller": p["caller"]}
        cases = [("helen", ("desk",), ["helpdesk"]), ("ada", ("admins",), ["administrator"]),
                 ("olga", ("owners",), ["owner"]), ("ada", ("desk", "owners"), ["helpdesk", "owner"])]
        for user, groups, roles in cases:
            error, reply = by(self.b, user, "ctl", A + "Show", groups, user="bob")
            self.assertEqual((error, reply["caller"]["roles"], reply["caller"]["uid"]), ("", roles, USERS[user]))
        # More groups than fit into the first guess.
        many = as_user(61013, 61013, [*range(70000, 70300), GROUPS["desk"]],
                       lambda: self.b.call("ctl", A + "Show", user="bob"))
        self.assertEqual(many[1]["caller"]["roles"], ["helpdesk"])
        self.assertEqual(by(self.b, "alice", "ctl", A + "Show", user="bob")[0], "PermissionDenied")
        self.assertEqual(self.b.call("ctl", A + "Show", user="bob")[1]["caller"]["roles"], ["root"])

    def test_helpdesk_never_chooses_a_password_and_it_is_logged(self):
        self.assertEqual(by(self.b, "helen", "ctl", A + "SetPassword", ("desk",), user="bob", password=PASSWORD)[0],
                         "PermissionDenied")
        self.assertEqual(by(self.b, "ada", "ctl", A + "SetPassword", ("admins",), user="bob", password=PASSWORD)[0], "")
        log = self.b.log_text()
        self.assertIn(f"{A}SetPassword by uid {USERS['helen']} on ctl: org.varlink.service.PermissionDenied", log)
        self.assertIn(f"{A}SetPassword for bob by uid {USERS['ada']} on ctl: ok", log)
        self.assertNotIn("secret-canary", log)
        self.assertNotIn(PASSWORD, log)

    def test_set_by_root_is_off_by_default(self):
        arguments = {"user": "bob", "password": PASSWORD}
        self.assertEqual(self.b.call("pam", P + "SetByRoot", **arguments)[0], "PermissionDenied")
        self.b.configure(root_sets="yes")
        os.kill(self.b.pid, 1)
        self.assertTrue(wait_for(lambda: "are read again" in self.b.log_text()))
        self.assertEqual(self.b.call("pam", P + "SetByRoot", **arguments)[0], "")

    def test_a_bad_configuration_at_reload_changes_nothing(self):
        self.b.call("ctl", "org.varlink.service.GetInfo")
        (self.b.root / "etc/pwreset/pwreset.conf").write_text("[mail]\nfroom = x\n")
        os.kill(self.b.pid, 1)
        self.assertTrue(wait_for(lambda: "stays as it was" in self.b.log_text()))
        self.assertIn("pwreset.conf:2", self.b.log_text())
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="x")[0], "")

    def test_a_caller_from_outside_and_unknown_parameters_are_refused_before_anything(self):
        for extra in ({"caller": {"uid": 0}}, {"admin": True}, {"origin": {"uid": "0"}}, {"origin": {"host": "a\nb"}}):
            error, reply = self.b.call("pam", R + "VerifyCode", user="x", code="y", **extra)
            self.assertEqual(error, "InvalidParameter", extra)
            self.assertIn(reply["parameter"], extra)
        for bad in ({"user": "x" * 257, "code": "y"}, {"user": "", "code": "y"}, {"user": "a\nb", "code": "y"},
                    {"user": ["x"], "code": "y"}, {"code": "y"}, {"user": "x", "code": "y" * 300}):
            self.assertEqual(self.b.call("pam", R + "VerifyCode", **bad)[0], "InvalidParameter", bad)
        self.assertEqual(self.b.directory.calls, [])

    def test_unknown_methods_and_interfaces(self):
        self.assertEqual(self.b.call("ctl", R + "Nothing"), ("MethodNotFound", {"method": R + "Nothing"}))
        self.assertEqual(self.b.call("ctl", "org.pwreset.Directory.Mint"),
                         ("InterfaceNotFound", {"interface": "org.pwreset.Directory"}))
        self.assertEqual(self.b.call("ctl", "org.varlink.service.GetInterfaceDescription", interface="org.x")[0],
                         "InterfaceNotFound")
        text = self.b.call("ctl", "org.varlink.service.GetInterfaceDescription", interface="org.pwreset.Admin")[1]
        self.assertIn("method SendLink", text["description"])

    def test_relay_says_its_host_first_and_once(self):
        self.b.directory.handle = lambda m, p: p["caller"]
        with self.b.client("relay") as c:
            self.assertEqual(c.call("org.pwreset.Relay.Hello", host="web1.example.com"), ("", {}))
            caller = c.call(P + "Exists", user="x")[1]
            self.assertEqual((caller["host"], caller["uid"], caller["roles"], caller["via"]),
                             ("web1.example.com", -1, [], "relay"))
            self.assertEqual(c.call("org.pwreset.Relay.Hello", host="other")[0], "PermissionDenied")
            self.assertRaises((Gone, BrokenPipeError), c.call, P + "Exists", user="x")
        for method in (P + "Exists", "org.varlink.service.GetInfo"):
            with self.b.client("relay") as c:
                self.assertEqual(c.call(method)[0], "PermissionDenied")
                self.assertRaises((Gone, BrokenPipeError), c.call, method)
        with self.b.client("relay") as c:
            c.call("org.pwreset.Relay.Hello", host="web1")
            self.assertEqual(c.call(P + "SetByRoot", user="x", password=PASSWORD)[0], "PermissionDenied")

    def test_the_host_of_a_relay_is_what_its_key_says(self):
        with self.b.client("relay") as c:
            c.call("org.pwreset.Relay.Hello", host="web1")
            self.assertEqual(c.call(R + "RequestCode", user="x", origin={"host": "bank.example.com"})[0], "")
        self.assertTrue(wait_for(lambda: self.b.directory.of("Mint")))
        self.assertEqual(self.b.directory.of("Mint")[0]["request"]["origin"]["host"], "web1")

    def test_the_uid_of_the_page_is_nobodys(self):
        self.b.directory.handle = lambda m, p: {"user": "x", "caller": p["caller"]}
        error, reply = by(self.b, "pwreset-web", "web", ACCOUNT + "Status", user="x", current=PASSWORD)
        self.assertEqual((error, reply["caller"]["uid"], reply["caller"]["roles"]), ("", -1, []))


class Workers(Case):
    settings = {"slot": 300}

    def test_a_worker_that_dies_costs_its_call_alone(self):
        def handle(method, parameters):
            if parameters.get("user") == "poison":
                raise Die()
            return {"exists": True}

        self.b.directory.handle = handle
        self.assertEqual(self.b.call("pam", P + "Exists", user="poison")[0], "Unavailable")
        self.assertEqual(self.b.call("pam", P + "Exists", user="x"), ("", {"exists": True}))

    def test_a_write_whose_worker_dies_is_of_unknown_outcome(self):
        def handle(method, parameters):
            raise Die()

        self.b.directory.handle = handle
        change = {"user": "x", "current": PASSWORD, "password": PASSWORD}
        self.assertEqual(self.b.call("pam", P + "Change", **change)[0], "OutcomeUnknown")
        self.assertEqual(self.b.call("pam", R + "SetPassword", ticket=TICKET, password=PASSWORD)[0], "OutcomeUnknown")
        # Old codes may be gone, and the new ones seen by nobody.
        self.assertEqual(by(self.b, "pwreset-web", "web", ACCOUNT + "EnrollCodes", user="x", current=PASSWORD)[0], "OutcomeUnknown")
        self.assertEqual(self.b.call("pam", P + "Verify", user="x", password=PASSWORD)[0], "Unavailable")

    def test_malformed_replies_cost_their_call_alone(self):
        for reply in (b"{}garbage\0", b"[1]\0", b'{"parameters":{"a":1.5}}\0', b'{"continues":true}\0', b"\0",
                      b'{"parameters":{"a":1,"a":2}}\0', b"x" * 70000, b'{"parameters":{}}\0{"parameters":{}}\0'):
            self.b.directory.handle = lambda m, p, reply=reply: reply
            error = self.b.call("pam", P + "Exists", user="x")[0]
            self.assertEqual(error, "" if reply.startswith(b'{"parameters":{}}') else "Unavailable", reply[:20])
            self.b.directory.handle = lambda m, p: {"exists": True}
            self.assertEqual(self.b.call("pam", P + "Exists", user="x"), ("", {"exists": True}))

    def test_no_worker_is_said_at_once(self):
        self.b.directory.refuse()
        start = time.monotonic()
        self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "Unavailable")
        self.assertLess(time.monotonic() - start, 1)
        self.b.directory.open()
        self.assertTrue(wait_for(lambda: self.b.call("pam", P + "Exists", user="x")[0] == "", 5))

    def test_the_deadline_is_told_and_kept(self):
        seen = []

        def handle(method, parameters):
            seen.append(parameters["caller"]["deadline"])
            time.sleep(30)

        self.b.directory.handle = handle
        start = time.monotonic()
        self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "Unavailable")
        self.assertAlmostEqual(time.monotonic() - start, 10, delta=0.5)
        self.assertTrue(9900 <= seen[0] <= 10000, seen)
        self.b.directory.handle = lambda m, p: {"exists": True}
        self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "")

    def test_connections_are_bounded_and_closed_when_idle(self):
        self.b.directory.handle = lambda m, p: time.sleep(0.2) or {"exists": True}
        clients = [self.b.client("pam") for _ in range(20)]
        for c in clients:
            c.send(P + "Exists", user="x")
        for c in clients:
            self.assertEqual(c.receive()["parameters"], {"exists": True})
            c.s.close()
        self.assertEqual(self.b.directory.peak, 4)
        self.assertTrue(wait_for(lambda: not self.b.directory.connections, 7))

    def test_a_worker_that_leaves_while_idle_is_not_missed(self):
        self.b.directory.handle = lambda m, p: {"exists": True}
        for _ in range(50):
            self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "")
            for c in list(self.b.directory.connections):
                c.shutdown(socket.SHUT_RDWR)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_case_5_without_random_numbers_it_says_so_and_does_nothing(self):
        self.b.call("pam", P + "Exists", user="x")
        held = len(self.b.directory.calls)
        with subprocess.Popen(["strace", "-qq", "-e", "trace=getrandom", "-e", "inject=getrandom:error=EIO", "-p", str(self.b.pid)],
                              stderr=subprocess.PIPE) as strace:
            status = pathlib.Path(f"/proc/{self.b.pid}/status")
            self.assertTrue(wait_for(lambda: "TracerPid:\t0" not in status.read_text()))
            for method, parameters in ((R + "RequestCode", {"user": "x"}), (R + "VerifyCode", {"user": "x", "code": "y"}),
                                       (R + "SetPassword", {"ticket": TICKET, "password": PASSWORD})):
                self.assertEqual(self.b.call("pam", method, **parameters), ("Unavailable", {}))
            self.assertEqual(self.b.call("ctl", A + "SendLink", users=["a", "b"]), ("Unavailable", {}))
            self.assertEqual(self.b.call("ctl", S + "GetStatus")[1]["queued"], 0)
            self.assertFalse((self.b.state / "spool").exists())
            strace.terminate()
            self.assertIn(b"INJECTED", strace.communicate()[1])
        self.assertEqual(len(self.b.directory.calls), held)
        self.assertEqual(self.b.log_text().count("no random numbers"), 1)
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="x"), ("", {}))
        self.assertEqual(self.b.log_text().count("random numbers again"), 1)

    def test_what_a_caller_has_left_behind_is_not_done(self):
        self.b.directory.handle = lambda m, p: time.sleep(0.5) or {}
        busy = [self.b.client("pam") for _ in range(4)]
        for c in busy:
            c.send(P + "Exists", user="busy")
        self.assertTrue(wait_for(lambda: self.b.directory.concurrent == 4))
        with self.b.client("pam") as c:
            c.send(P + "Change", user="gone", current=PASSWORD, password=PASSWORD)
            time.sleep(0.1)
        for c in busy:
            c.receive()
        time.sleep(0.3)
        self.assertNotIn("Change", self.b.directory.methods())
        self.assertEqual(self.b.call("ctl", S + "GetStatus")[1]["queued"], 0)


class Slots(Case):
    settings = {"slot": 200}

    def timed(self, method, socket_name="pam", **parameters):
        with self.b.client(socket_name) as c:
            if socket_name == "relay":
                c.call("org.pwreset.Relay.Hello", host="web1")
            start = time.monotonic()
            c.send(method, **parameters)
            data = b""
            while not data.endswith(b"\0"):
                data += c.s.recv(4096)
        return data, time.monotonic() - start

    def test_known_and_unknown_are_the_same_bytes_at_the_same_time(self):
        def handle(method, parameters):
            if parameters["user"] == "known":
                time.sleep(0.12)
            return "org.pwreset.Failure.Refused"

        self.b.directory.handle = handle
        samples = {"known": [], "nobody": []}
        replies = set()
        for _ in range(40):
            for user, list_ in samples.items():
                data, took = self.timed(R + "VerifyCode", user=user, code="AAAA-AAAA")
                replies.add(data)
                list_.append(took)
        self.assertEqual(len(replies), 1)
        for list_ in samples.values():
            self.assertGreaterEqual(min(list_), 0.1999)
            self.assertLess(statistics.median(list_), 0.25)
        a, b = samples.values()
        t = (statistics.mean(a) - statistics.mean(b)) / (
            (statistics.variance(a) + statistics.variance(b)) / len(a)) ** 0.5
        self.assertLess(abs(t), 4.5, f"{statistics.mean(a)} {statistics.mean(b)}")

    def test_what_is_late_is_refused_alike_and_its_answer_ignored(self):
        self.b.directory.handle = lambda m, p: time.sleep(0.5) or {"grant": "LATE", "seconds": 5}
        data, took = self.timed(R + "VerifyCode", user="x", code="y")
        self.assertEqual(json.loads(data[:-1])["error"], "org.pwreset.Failure.Refused")
        self.assertTrue(0.2 <= took < 0.45, took)
        time.sleep(0.5)
        self.b.directory.handle = lambda m, p: {"grant": "FRESH", "seconds": 5}
        with self.b.client("pam") as c:
            self.assertEqual(c.call(R + "VerifyCode", user="x", code="y")[1], {"grant": "FRESH", "seconds": 5})

    def test_a_worker_busy_with_a_late_call_is_used_again(self):
        self.b.directory.handle = lambda m, p: time.sleep(0.5) or {"exists": True}
        self.timed(R + "VerifyCode", user="x", code="y")
        time.sleep(0.5)
        self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "")
        self.assertEqual(self.b.directory.total, 1)

    def test_writes_are_rounded_up_and_not_cut_off(self):
        for works, takes in ((0.02, 0.2), (0.25, 0.4), (0.5, 0.6)):
            self.b.directory.handle = lambda m, p, works=works: time.sleep(works) or {}
            data, took = self.timed(P + "Verify", "relay", user="x", password=PASSWORD)
            self.assertEqual(json.loads(data[:-1]), {"parameters": {}})
            self.assertTrue(takes <= took < takes + 0.15, took)

    def test_what_only_spools_is_answered_at_once(self):
        _, took = self.timed(R + "RequestCode", user="x")
        self.assertLess(took, 0.18)


class Crowd(Case):
    settings = {"clients": 512, "clients_per_uid": 64}

    def test_a_thousand_idle_clients_disturb_nobody(self):
        idle = []
        for _ in range(1000):
            c = socket.socket(socket.AF_UNIX)
            c.connect(str(self.b.run / "ctl"))
            idle.append(c)
        start = time.monotonic()
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="x")[0], "")
        self.assertEqual(self.b.call("ctl", "org.varlink.service.GetInfo")[0], "")
        self.assertLess(time.monotonic() - start, 2)
        self.assertLessEqual(len(os.listdir(f"/proc/{self.b.pid}/fd")), 64 + 30)
        for c in idle:
            c.close()

    def test_a_loop_that_is_kept_busy_still_writes(self):
        stop = threading.Event()

        def hammer():
            with self.b.client("ctl") as c:
                while not stop.is_set():
                    c.s.sendall(b'{"method":"a.b"}\0' * 20)
                    for _ in range(20):
                        c.receive()

        threads = [threading.Thread(target=hammer) for _ in range(8)]
        for t in threads:
            t.start()
        took = []
        for i in range(20):
            start = time.monotonic()
            self.assertEqual(self.b.call("pam", R + "RequestCode", user=f"u{i}")[0], "")
            took.append(time.monotonic() - start)
        stop.set()
        for t in threads:
            t.join()
        self.assertLess(statistics.median(took), 0.5)

    def test_half_messages_and_slow_readers_are_dropped(self):
        half, slow = self.b.client("ctl"), self.b.client("ctl")
        half.s.sendall(b'{"method":"org.varlink')
        slow.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        message = json.dumps({"method": "org.varlink.service.GetInterfaceDescription",
                              "parameters": {"interface": "org.pwreset.Admin"}}).encode() + b"\0"
        slow.s.sendall(message * 500)
        self.assertEqual(self.b.call("pam", R + "RequestCode", user="x")[0], "")
        time.sleep(13)
        self.assertEqual(half.s.recv(10), b"")
        drained = 0
        try:
            while data := slow.s.recv(65536):
                drained += len(data)
        except ConnectionResetError:
            pass
        self.assertLess(drained, 500 * 1000, "all of it was kept for a reader who does not read")

    def test_hostile_bytes(self):
        lines = [b"\0", b"{}\0", b"[]\0", b'{"method":1}\0', b'{"method":"x"}\0', b'{"method":"a.b","upgrade":true}\0',
                 b"[" * 5000 + b"\0", b'{"method":"a.b","method":"a.c"}\0', b"x" * 70000, b'{"method":"a.b"} x\0',
                 b'{"method":"a.b","parameters":{"u":"\xff"}}\0', b'{"method":"a.b","parameters":{"u":"\\u0000"}}\0']
        for line in lines:
            with self.b.client("ctl", 5) as c:
                try:
                    c.s.sendall(line)
                    self.assertEqual(c.s.recv(100), b"", line[:30])
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertEqual(self.b.call("ctl", "org.varlink.service.GetInfo")[0], "")

    def test_behind_a_oneway_call_that_took_its_time_the_peer_is_listened_to(self):
        """Once a worker or the disk had kept such a call, nothing that came after it on the connection was read."""
        for method, seen in ((P + "Exists", "Exists"), (R + "RequestCode", "Mint")):
            with self.b.client("pam", 3) as c:
                c.send(method, more={"oneway": True}, user="alice")
                self.assertTrue(wait_for(lambda: seen in self.b.directory.methods()))
                time.sleep(0.2)
                self.assertEqual(c.call("org.varlink.service.GetInfo")[0], "")

    def test_pipelined_calls_are_answered_in_order_and_oneway_not_at_all(self):
        with self.b.client("ctl") as c:
            for i in range(50):
                if i % 5 == 0:
                    c.send("org.varlink.service.GetInfo", more={"oneway": True})
                c.send(f"org.x.M{i}")
            self.assertEqual([c.receive()["parameters"]["interface"] for _ in range(50)], ["org.x"] * 50)

    def test_no_descriptor_is_left(self):
        self.b.call("ctl", "org.varlink.service.GetInfo")
        time.sleep(0.2)
        before = sorted(os.listdir(f"/proc/{self.b.pid}/fd"))
        for i in range(300):
            with self.b.client("ctl") as c:
                if i % 3:
                    c.send("org.varlink.service.GetInfo")
                if i % 3 == 1:
                    c.receive()
        self.assertTrue(wait_for(lambda: sorted(os.listdir(f"/proc/{self.b.pid}/fd")) == before, 5))

    def test_out_of_descriptors_it_lives_on(self):
        self.b.call("ctl", "org.varlink.service.GetInfo")
        resource.prlimit(self.b.pid, resource.RLIMIT_NOFILE, (30, 30))
        held = [Client(self.b.run / "ctl") for _ in range(40)]
        time.sleep(0.5)
        for c in held:
            c.s.close()
        self.assertTrue(wait_for(lambda: self.b.call("ctl", "org.varlink.service.GetInfo")[0] == "", 5))


class Staff(Case):
    def test_check_on_ctl_is_free_and_yields_to_people(self):
        self.b.directory.handle = lambda m, p: time.sleep(0.02) or {"accepted": True}
        checks = [self.b.client("ctl") for _ in range(30)]
        for c in checks:
            c.send(P + "Check", password=PASSWORD)
        start = time.monotonic()
        self.assertEqual(self.b.call("pam", P + "Exists", user="x")[0], "")
        self.assertLess(time.monotonic() - start, 0.1)
        for c in checks:
            self.assertEqual(c.receive()["parameters"], {"accepted": True})

    def test_test_mail_is_the_mailers_probe_and_roots_alone(self):
        self.b.mailer.handle = lambda m, p: {"delivered": True, "steps": []}
        self.assertEqual(self.b.call("ctl", S + "TestMail", address="it@example.com"),
                         ("", {"delivered": True, "steps": []}))
        self.assertEqual(self.b.mailer.calls, [("org.pwreset.Mailer.Probe", {"address": "it@example.com"})])
        self.assertNotIn("it@example.com", self.b.log_text())
        self.assertEqual(by(self.b, "ada", "ctl", S + "TestMail", ("admins",), address="it@example.com")[0],
                         "PermissionDenied")

    def test_unresolved_names_are_not_logged(self):
        self.b.directory.handle = lambda m, p: "org.pwreset.Failure.Refused"
        self.b.call("pam", R + "VerifyCode", user="hunter2-typed-as-name", code="y")
        self.b.call("pam", P + "Change", user="hunter2-typed-as-name", current=PASSWORD, password=PASSWORD)
        self.b.directory.handle = lambda m, p: {"skip": "no-such-user"}
        self.b.call("pam", R + "RequestCode", user="hunter2-typed-as-name")
        self.assertTrue(wait_for(lambda: "no-such-user" in self.b.log_text()))
        self.assertNotIn("hunter2", self.b.log_text())


if __name__ == "__main__":
    run()
