#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay is away for an hour: nothing is lost, nothing is sent that is of no use any more, and nobody hammers at its door.

Real broker, workers and directory; the broker's clock leaps to when something is due, while nothing is in hand (tests/faults/leap.c).

Usage: PWRESET_BUILD=BUILD test_hour.py
"""
import base64
import contextlib
import json
import platform
import re
import signal
import socket
import struct
import tempfile
import time
import unittest

from whole import BUILD, CODE, LINK, Server, Whole, relay, text_of, wait_for

LIBRARY = BUILD / "tests/faults/pwreset_leap.so"
HOUR = 3600
STEP_S = 10             # a leap at most; what the spool's file does not say comes due in between
CODE_S = 10 * 60        # [recovery] code-minutes=
PERSON_S = 30 * 60      # mail-minutes=: a person's request is given up then
PLACES = 24             # 2 * (connections= of [directory] and of [mail])
PERSON_MOST_S = 2 * 60  # of back-off, for one who waits
STAFF_MOST_S = 15 * 60
PAUSE_S = 30            # of a broker that has found the relay away, at most: it begins with a second, and doubles
EPOLL_WAIT, POLL = {"x86_64": ("232", "7"), "aarch64": ("22", "73")}[platform.machine()]
WORDS = "teal kayak orbits mars 41"


def waits(pid):
    """For events (the broker), or in poll() for its one connection (a worker, see common/serve.c); not for a server.
    How often it has been on a CPU, or None when it does not wait."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            turns = re.findall(r"ctxt_switches:\s*(\d+)", file.read())
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            words = file.read().split()
        if words[0] == EPOLL_WAIT:
            return turns
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            memory.seek(int(words[1], 16))
            return turns if words[0] == POLL and struct.unpack("=i", memory.read(4)) == (0,) else None
    except (OSError, IndexError, ValueError):
        return None


class Clock:
    """How far the broker's is ahead."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="pwreset-leap-")
        self.ahead = 0.0
        self.leap(0)
        self.start = time.time()

    def leap(self, seconds):
        self.ahead += seconds
        self.file.seek(0)
        self.file.write(struct.pack("=q", int(self.ahead * 1e9)))
        self.file.flush()

    def now(self):
        return time.time() + self.ahead

    def passed(self):
        return self.now() - self.start


class Away(relay.Relay):
    """One that nobody stands behind: connections are reset at once, and noted with the time on the broker's clock."""

    def __init__(self, clock):
        self.clock, self.away, self.tried, self.open = clock, False, [], []
        super().__init__()

    def leave(self):
        self.away = True
        for sock in self.open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def one(self, sock):
        if not self.away:
            self.open.append(sock)
            super().one(sock)
            return
        self.tried.append(self.clock.passed())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


@unittest.skipUnless(LIBRARY.exists(), "not built with a sanitizer")
class Hour(unittest.TestCase):
    def setUp(self):
        self.server = Server(20)
        self.addCleanup(self.server.stop)
        self.clock = Clock()
        self.relay = Away(self.clock)
        self.addCleanup(self.relay.close)
        self.whole = Whole(self.server, self.relay, environment={
            "pwresetd": {"LD_PRELOAD": str(LIBRARY), "PWRESET_LEAP": self.clock.file.name}})
        self.addCleanup(self.whole.close)
        self.whole.start()

    # ---- the clock

    def waiting(self):
        """{(kind, id): (its last record's operation, due)} of the spool's file."""
        held = {}
        place = self.whole.state / "spool"
        for line in place.read_text(encoding="utf-8").splitlines() if place.exists() else ():
            record = json.loads(line.partition(" ")[2])
            key = record["kind"], record["id"]
            if record["op"] == "done":
                held.pop(key, None)
            else:
                held[key] = record["op"], record.get("due", 0) / 1000
        return held

    def idle(self):
        """Nothing is between spool and relay: each worker waits for its next call, and so does the broker. Who waits in both
        looks and was on no CPU in between has waited all the time: at one moment, then, all of them did. A worker that is yet
        to be started has a call to come, too, whose deadline a leap would bring."""
        def look():
            broker = waits(self.whole.pid)
            if not broker or self.whole.starting():
                return None
            return [broker, *(waits(process.pid) for process in self.whole.workers())]

        first = look()
        return first is not None and None not in first and first == look()

    def go(self, until, done=lambda: False):
        """To that second of the test on the broker's clock, or until done()."""
        while self.clock.passed() < until and not done():
            self.assertTrue(wait_for(self.idle, 60), self.waiting())
            dues = [due - self.clock.now() for _, due in self.waiting().values()]
            step = min([due for due in dues if due > 0] + [STEP_S])
            self.clock.leap(min(max(step, 0.5), max(until - self.clock.passed(), 0.01)))
            self.whole.queued()
            time.sleep(0.01)

    # ---- what is asked for

    def ask(self, what, user):
        if what == "it":
            error, _ = self.whole.call("ctl", "Admin.SendLink", users=[user])
        else:
            error, _ = self.whole.call("pam" if what == "Code" else "web", f"Recovery.Request{what}", user=user)
        self.assertEqual("", error)

    def opens(self, user):
        """What came by mail sets a password now."""
        text = self.whole.mails(user)[-1]
        if CODE.search(text_of(text)) and not LINK.search(text_of(text)):
            error, reply = self.whole.call("pam", "Recovery.VerifyCode", user=user, code=CODE.search(text_of(text)).group(0))
            self.assertEqual("", error)
            ticket = reply["grant"]
        else:
            ticket = LINK.search(text_of(text)).group(1)
        error, _ = self.whole.call("pam", "Recovery.SetPassword", ticket=ticket, password=base64.b64encode(WORDS.encode()).decode())
        self.assertEqual("", error)
        self.assertTrue(self.server.binds(user, WORDS))

    def ends(self, user):
        return re.findall(rf"^mail: .*\b{user}\b.*: (\S+)", self.whole.log_text(), re.M)

    def test_case_23_relay_away_for_an_hour(self):
        take = self.server.take
        early, link, staff, changed, late = (take() for _ in range(5))
        many = [take() for _ in range(8)]
        self.ask("Link", changed)
        self.whole.mailed(changed, LINK)

        self.relay.leave()
        begin = self.clock.passed()
        self.opens(changed)  # of which there is a notice
        self.ask("Code", early)
        self.ask("Link", link)
        self.ask("it", staff)
        for user in many:
            self.ask("it", user)
        self.go(begin + PERSON_S - 2 * PERSON_MOST_S)
        self.assertEqual(len(many) + 4, self.whole.queued(), "all of it waits")
        # A broker that dies in between takes nothing with it.
        self.whole.kill(signal.SIGKILL)
        self.whole.start()
        killed = self.clock.passed() - begin
        self.go(begin + PERSON_S + PAUSE_S + PERSON_MOST_S)
        self.assertEqual(len(many) + 2, self.whole.queued(), "persons have given up by now, and that is in the log")
        self.assertEqual(2, self.whole.log_text().count(": expired"), self.whole.log_text()[-3000:])
        self.go(begin + HOUR - 5 * 60)
        self.ask("Code", late)
        self.go(begin + HOUR)

        self.relay.away = False
        back = self.clock.passed()
        self.go(back + PERSON_MOST_S * 1.25 + PAUSE_S + STEP_S, lambda: self.whole.mails(late))
        self.assertEqual(1, len(self.whole.mails(late)), "who still waits is served first")
        self.opens(late)
        self.go(back + STAFF_MOST_S * 1.25 + 2 * PAUSE_S, lambda: self.whole.queued() == 0)
        self.assertEqual({}, self.waiting(), self.clock.now())
        self.assertNotIn("overrun its deadline", self.whole.log_text(), "no leap while anything was in hand")
        took = self.clock.passed() - back

        for user in (early, link):
            self.assertEqual([], self.whole.mails(user), "of no use any more")
        for user in (staff, *many):
            self.assertEqual(1, len(self.whole.mails(user)), user)
        self.assertEqual(2, len(self.whole.mails(changed)), "the link, and after an hour the notice")
        self.opens(staff)
        self.quiet(begin, took, killed)

    def quiet(self, begin, took, killed):
        """How often it knocked, and what the journal has of it."""
        tried = [at - begin for at in self.relay.tried]
        # One that starts anew has to find out first, with as many at once as it has places for, of which the pause is 1 s. Of the
        # next failure it is 2 s, then 4, 8, 16, and 30 from there on: connections at 0, 2, 6 and 14 s are four within PAUSE_S.
        anew = [at for at in tried if killed <= at < killed + PAUSE_S]
        late = [at for at in tried if at > CODE_S and at not in anew]
        lines = self.whole.log_text().count("relay-failed")
        before, after = [at for at in late if at < killed], [at for at in late if at > killed]
        most = max(sum(at <= other < at + PAUSE_S for other in late) for at in late)
        print(f"relay away for an hour: {len(tried)} connections, {len(late)} of them after ten minutes, {most} at most in {PAUSE_S} s, "
              f"{len(anew)} after the broker's death; {lines} lines in the journal; all sent {took:.0f} s after it was back")
        self.assertGreater(len(late), 50 * 60 // STAFF_MOST_S, "it is looked for")
        self.assertLess(len(tried), HOUR // PAUSE_S * 2)
        self.assertLessEqual(most, 4)
        for times in (before, after[4:]):
            self.assertGreaterEqual(min(b - a for a, b in zip(times, times[1:])), PAUSE_S, "one that knows")
        self.assertLessEqual(len(anew), PLACES)
        self.assertLessEqual(lines, 5 + HOUR // 300)


if __name__ == "__main__":
    unittest.main(verbosity=2)
