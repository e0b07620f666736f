#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Security cases 22 and 23: whatever the relay does, the answer is true and comes in time."""
import os
import signal
import socket
import time
import unittest

import base
import relay as server
import worker
from relay import close, drip, flood, hang, say, say_and_close

STEPS = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "message")


class Hostile(base.Case):
    def attempt(self, relay, ends=True):
        """One mail: (status, detail, seconds). The session must end, the worker must not: the next mail goes out."""
        one = self.worker(relay)
        start = time.monotonic()
        answer = one.send()
        seconds = time.monotonic() - start
        if ends:
            self.assertEqual(one.children(), [], answer)
        relay.acts.clear()
        self.assertEqual((again := one.send(identity="second"))["status"], "sent", (answer, again))
        self.assertEqual(one.close(), "")
        return answer["status"], answer["detail"], seconds

    def each_step(self, act, steps=STEPS, ends=True):
        """Does the same thing wrong at each step, all at once."""
        def one(step):
            relay = self.relay(**{step: act})
            return (*self.attempt(relay, ends), relay)
        return self.together(one, steps)

    def test_22_hang_at_each_step(self):
        for step, (status, detail, seconds, relay) in self.each_step(hang).items():
            with self.subTest(step=step):
                self.assertEqual(status, "temporary")
                self.assertIn("no answer in time", detail)
                self.assertTrue(detail.startswith(step), detail)
                self.assertLess(seconds, base.TIMEOUT_S + base.LATE_S)
                self.assertGreater(seconds, base.TIMEOUT_S - 1)
                self.assertEqual(len(relay.messages), 1, "the second mail only")

    def test_22_slow_drip_at_each_step(self):
        for step, (status, detail, seconds, _) in self.each_step(drip()).items():
            with self.subTest(step=step):
                self.assertEqual((status, "no answer in time" in detail), ("temporary", True), detail)
                self.assertLess(seconds, base.TIMEOUT_S + base.LATE_S)

    def test_22_endless_line_at_each_step(self):
        for step, (status, detail, seconds, _) in self.each_step(flood(b"2" * 65536)).items():
            with self.subTest(step=step):
                self.assertEqual((status, "longer than any limit" in detail), ("temporary", True), detail)
                self.assertLess(seconds, base.TIMEOUT_S)

    def test_22_endless_reply_at_each_step(self):
        for step, (status, detail, _, _) in self.each_step(flood(b"250-more\r\n")).items():
            with self.subTest(step=step):
                self.assertEqual((status, "longer than any limit" in detail), ("temporary", True), detail)

    def test_22_empty_lines_without_end(self):
        for step, (status, detail, _, _) in self.each_step(flood(b"\r\n")).items():
            with self.subTest(step=step):
                self.assertEqual((status, "not SMTP" in detail), ("temporary", True), detail)

    def test_22_nul_and_controls_at_each_step(self):
        for bad in (b"250 o\0k\r\n", b"\0\0\0\r\n", b"250 \x1b[2J\r\n", b"250 a\rb\r\n"):
            for step, (status, detail, _, _) in self.each_step(say(bad)).items():
                with self.subTest(step=step, bad=bad):
                    self.assertEqual((status, "not SMTP" in detail), ("temporary", True), detail)

    def test_22_nonsense_at_each_step(self):
        for bad in (b"hello\r\n", b"99 \r\n", b"250_ok\r\n", b"250-a\r\n251 b\r\n", b"-250 ok\r\n", b"199 ok\r\n", b"600 ok\r\n",
                    b"\xff\xff\xff\r\n"):
            for step, (status, detail, _, _) in self.each_step(say(bad)).items():
                with self.subTest(step=step, bad=bad):
                    self.assertEqual(status, "temporary", detail)

    def test_22_closes_at_each_step(self):
        for step, (status, detail, seconds, _) in self.each_step(close).items():
            with self.subTest(step=step):
                self.assertEqual((status, "ended the connection" in detail), ("temporary", True), detail)
                self.assertLess(seconds, base.TIMEOUT_S)

    def test_22_closes_within_a_reply(self):
        for step, (status, _, seconds, _) in self.each_step(say_and_close(b"250 o")).items():
            with self.subTest(step=step):
                self.assertEqual(status, "temporary")
                self.assertLess(seconds, base.TIMEOUT_S)

    def test_4xx_at_each_step_is_temporary(self):
        for step, (status, detail, _, relay) in self.each_step(say(b"451 4.3.0 not now\r\n"), ends=False).items():
            with self.subTest(step=step):
                self.assertEqual((status, "451 4.3.0 not now" in detail), ("temporary", True), detail)
                self.assertEqual(len(relay.messages), 1)

    def test_5xx_is_permanent_only_for_this_address_or_text(self):
        wanted = {"banner": "temporary", "EHLO": "temporary", "MAIL": "temporary", "RCPT": "permanent",
                  "DATA": "permanent", "message": "permanent"}
        for step, (status, detail, _, relay) in self.each_step(say(b"550 5.7.1 never\r\n"), ends=False).items():
            with self.subTest(step=step):
                self.assertEqual((status, detail), (wanted[step], f"{step}: 550 5.7.1 never"))
                self.assertEqual(len(relay.messages), 1)

    def test_421_at_each_step_is_temporary(self):
        for step, (status, detail, _, _) in self.each_step(say_and_close(b"421 4.3.2 closing\r\n")).items():
            with self.subTest(step=step):
                self.assertEqual((status, "421 4.3.2 closing" in detail), ("temporary", True), detail)

    def test_success_code_where_none_belongs(self):
        # 250 to DATA: libesmtp 1.1.0 would believe the message to be sent.
        status, detail, _ = self.attempt(self.relay(DATA=b"250 2.0.0 Ok: queued\r\n"))
        self.assertEqual((status, detail), ("temporary", "DATA: 250 2.0.0 Ok: queued"))
        status, detail, _ = self.attempt(self.relay(message=b"354 more, please\r\n"))
        self.assertEqual((status, detail), ("temporary", "message: 354 more, please"))

    def test_success_never_said(self):
        # libesmtp 1.1.0 keeps the 354 and returns success.
        relay = self.relay(message=close)
        status, detail, _ = self.attempt(relay)
        self.assertEqual((status, detail), ("temporary", "message: the relay ended the connection"))

    def test_dead_before_the_text_is_sent(self):
        status, _, _ = self.attempt(self.relay(text=close))
        self.assertEqual(status, "temporary")

    def test_relay_that_does_not_read_the_text(self):
        relay = self.relay(text=lambda _session: time.sleep(server.BUSY_S))
        status, detail, seconds = self.attempt(relay)
        self.assertEqual(status, "temporary", detail)
        self.assertLess(seconds, base.TIMEOUT_S + base.LATE_S)

    def test_speaking_out_of_turn(self):
        # A second reply at once with the first would be taken for that to the next command.
        for step in ("banner", "EHLO", "MAIL", "RCPT"):
            relay = self.relay(**{step: b"250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n" if step != "banner"
                                  else b"220 hello\r\n250 Ok\r\n"})
            with self.subTest(step=step):
                status, detail, _ = self.attempt(relay)
                self.assertEqual((status, "out of turn" in detail), ("temporary", True), detail)

    def test_listener_that_never_accepts(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            fill = [socket.socket() for _ in range(8)]
            for s in fill:
                s.setblocking(False)
                s.connect_ex(listener.getsockname())
            one = self.worker(mail={"relay": f"127.0.0.1:{listener.getsockname()[1]}"})
            start = time.monotonic()
            answer = one.send()
            self.assertEqual((answer["status"], answer["detail"].startswith("connect: 127.0.0.1:")), ("temporary", True))
            self.assertLess(time.monotonic() - start, base.TIMEOUT_S + base.LATE_S)
            for s in fill:
                s.close()

    def test_23_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        one = self.worker(mail={"relay": f"127.0.0.1:{port}"})
        answer = one.send()
        self.assertEqual((answer["status"], answer["detail"]), ("temporary", f"connect: 127.0.0.1:{port}: Connection refused"))
        self.assertIn("start the mail server", answer["remedy"])

    def test_secrets_that_a_reply_repeats_are_withheld(self):
        link, code = worker.SECRET_LINK, worker.SECRET_CODE
        spaced = " ".join(code.replace("-", "")).lower()
        for words in (f"bad URL {link} in text", f"bad token {link.rsplit('/', 1)[1]}", f"code {code}?", f"code {spaced}!",
                      f"revoke={worker.SECRET_REVOKE}", link.rsplit("/", 1)[1][10:30]):
            relay = self.relay(message=b"554 5.7.1 " + words.encode() + b"\r\n")
            one = self.worker(relay)
            answer = one.send(template="code")
            with self.subTest(words=words):
                self.assertEqual(answer["status"], "permanent")
                self.assertIn("[withheld]", answer["detail"])
                self.assert_no_secret(answer["detail"])

    def test_libesmtp_killed_at_each_step(self):
        def one(step):
            pids = []

            def act(session):
                pids.extend(process.children())
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                session.write(b"250 2.0.0 Ok\r\n" if step not in ("banner", "DATA") else
                              {"banner": b"220 hello\r\n", "DATA": b"354 go\r\n"}[step])
            relay = self.relay(**{step: act})
            process = self.worker(relay)
            answer = process.send()
            relay.acts.clear()
            again = process.send(identity="second")
            return answer, again, pids
        for step, (answer, again, pids) in self.together(one, STEPS).items():
            with self.subTest(step=step):
                self.assertEqual(len(pids), 1)
                self.assertEqual((answer["status"], answer["detail"]), ("temporary", "libesmtp: it died"))
                self.assertEqual(again["status"], "sent")

    def test_worker_killed_takes_its_child_along(self):
        relay = self.relay(MAIL=hang)
        one = self.worker(relay)
        one.socket.sendall(b'{"method":"org.pwreset.Mailer.Probe","parameters":{"address":"a@example.com"}}\0')
        self.assertTrue(worker.wait_for(lambda: relay.said("MAIL")))
        child = one.children()[0]
        one.process.kill()
        one.process.wait()
        self.assertTrue(worker.wait_for(lambda: not os.path.exists(f"/proc/{child}/status")))


if __name__ == "__main__":
    unittest.main()
