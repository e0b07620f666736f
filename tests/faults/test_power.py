#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Power loss: the broker is started on each state that its folder may have had on the disk at the moment of a crash.

What it does to its folder is recorded (tests/faults/interpose.c), with the answers to clients among it. From that come the
states: after each operation, with and without what had not been synced, and with the last write torn.

Usage: PWRESET_BUILD=BUILD test_power.py; PWRESET_FULL=1: each state, else a sample by PWRESET_SEED.
"""

import os
import random
import sys
import tempfile
import time
import unittest

import whole  # noqa: F401  pylint: disable=unused-import  (finds the harness)
from broker_harness import Broker, files, mint, wait_for
from campaign import FULL, SEED
from whole import PROGRAMS
from interposer import LIBRARY

SAMPLE = 40
REQUESTS = 12
REQUEST = "org.pwreset.Recovery.RequestCode"


class Recorder:
    """The log of what was done to the folder; lines of "KIND NAME OFFSET HEX", and our own among them."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="pwreset-power-")

    def say(self, kind, name):
        fd = os.open(self.file.name, os.O_WRONLY | os.O_APPEND)
        os.write(fd, f"{kind} {name} 0 \n".encode())
        os.close(fd)

    def events(self):
        found = []
        with open(self.file.name, encoding="ascii") as lines:
            for line in lines:
                kind, name, offset, data = line.rstrip("\n").split(" ")
                found.append((kind, name, int(offset), bytes.fromhex(data) if kind != "rename" else data))
        return found


def apply(state, event):
    kind, name, offset, data = event
    if kind == "create":
        state.setdefault(name, b"")
    elif kind == "write":
        old = state.get(name, b"").ljust(offset, b"\0")
        state[name] = old[:offset] + data + old[offset + len(data):]
    elif kind == "truncate":
        state[name] = state.get(name, b"")[:offset].ljust(offset, b"\0")
    elif kind == "rename":
        state[data] = state.pop(name, b"")
    elif kind == "unlink":
        state.pop(name, None)


def states(events):
    """(number of events that had happened, name of the variant, the folder): what a disk may hold."""
    now, synced = {}, {}
    yield 0, "empty", {}
    for i, event in enumerate(events):
        kind, name = event[0], event[1]
        if kind == "write":
            torn = dict(now)
            apply(torn, (*event[:3], event[3][:len(event[3]) // 2]))
            yield i + 1, "torn", torn
            zeroed = dict(now)
            apply(zeroed, (*event[:3], bytes(len(event[3]))))
            yield i + 1, "length without data", zeroed
        apply(now, event)
        if kind == "sync":
            # A synced file has its data and its own name; others may have lost what came since.
            if name in now:
                synced[name] = now[name]
        elif kind in ("rename", "unlink"):
            # Kept in order by every journalling file system, with data that were synced before.
            apply(synced, event)
        if kind in ("create", "write", "truncate", "rename", "unlink", "sync"):
            yield i + 1, "all", dict(now)
            yield i + 1, "synced alone", dict(synced)


class Power(unittest.TestCase):
    def record(self):
        """A broker's life: requests that wait, are sent, and more until the file is written anew."""
        recorder = Recorder()
        b = Broker(str(PROGRAMS["pwresetd"]))
        self.addCleanup(b.close)
        b.prefix = ["env", f"LD_PRELOAD={LIBRARY}", f"PWRESET_RECORD={recorder.file.name}", f"PWRESET_RECORD_IN={b.state}/"]
        b.mailer.handle = lambda m, p: recorder.say("mail", p["mail"]["to"][0].partition("@")[0]) or {
            "status": "sent", "detail": ""}
        b.mailer.refuse()
        b.start()
        for i in range(REQUESTS):
            if i == REQUESTS // 2:
                b.mailer.open()
            self.assertEqual(b.call("pam", REQUEST, user=f"u{i}")[0], "", b.log_text())
            recorder.say("accepted", f"u{i}")
        self.assertTrue(wait_for(lambda: b.call("ctl", "org.pwreset.Service.GetStatus")[1]["queued"] == 0, 60), b.log_text())
        b.kill(15)
        return recorder.events()

    def recover(self, state):
        """The names for whom mail is made on a broker that finds this, and the log."""
        b = Broker(str(PROGRAMS["pwresetd"]))
        try:
            os.chmod(b.state, 0o700)
            for name, data in state.items():
                (b.state / name).write_bytes(data)
                (b.state / name).chmod(0o600)
            b.directory.handle = mint
            b.start()
            with b.client("ctl") as c:
                self.assertTrue(wait_for(lambda: c.call("org.pwreset.Service.GetStatus")[1]["queued"] == 0, 60), b.log_text())
                # It works on: a further request comes through.
                self.assertEqual(b.call("pam", REQUEST, user="after")[0], "", b.log_text())
                self.assertTrue(wait_for(lambda: c.call("org.pwreset.Service.GetStatus")[1]["queued"] == 0, 60), b.log_text())
            names = {p["request"]["user"] for p in b.directory.of("Mint")}
            self.assertEqual(os.waitstatus_to_exitcode(b.kill(15)), 0)
            self.assertNotIn("spool.new", files(b.state))
            return names, b.log_text()
        finally:
            b.close()

    def test_nothing_accepted_is_lost(self):
        begin = time.monotonic()
        events = self.record()
        kinds = [event[0] for event in events]
        for kind in ("create", "write", "sync", "accepted", "mail", "unlink"):
            self.assertIn(kind, kinds)
        found, seen = [], set()
        for i, variant, state in states(events):
            key = (kinds[:i].count("accepted"), kinds[:i].count("mail"), tuple(sorted(state.items())))
            if key not in seen:
                seen.add(key)
                found.append((i, variant, state))
        tried = found if FULL else random.Random(SEED).sample(found, min(SAMPLE, len(found)))
        for i, variant, state in tried:
            with self.subTest(events=i, last=events[i - 1][:2], variant=variant):
                accepted = {e[1] for e in events[:i] if e[0] == "accepted"}
                mailed = {e[1] for e in events[:i] if e[0] == "mail"}
                names, log = self.recover(state)
                self.assertLessEqual(accepted - mailed, names, log)
                self.assertIn("after", names)
                # Nobody is invented by what was torn.
                self.assertLessEqual(names, {f"u{n}" for n in range(REQUESTS)} | {"after"})
        print(f"power: {len(events)} events, {len(found)} states, {len(tried)} tried, {time.monotonic() - begin:.0f} s, seed {SEED}",
              file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
