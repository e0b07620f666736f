#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mixed load in a lab of its own while broker, workers, page, relay and two directory providers are killed, stopped and cut off.

Afterwards the books must balance: each accepted request has its mail or its logged end, each person exactly one password,
the one that was said, everybody was told of what happened and of nothing else, no token outlives its time, nothing is left over.

Exit status: 0 the books balance, 1 they do not, 2 wrong usage.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from mirror_site import LabError, Site  # noqa: E402  pylint: disable=wrong-import-position

import blows  # noqa: E402  pylint: disable=wrong-import-position
import load  # noqa: E402  pylint: disable=wrong-import-position
from books import Books  # noqa: E402  pylint: disable=wrong-import-position
from harness import BY_PASSWORD, pexpect  # noqa: E402  pylint: disable=wrong-import-position
from varlink import Varlink  # noqa: E402  pylint: disable=wrong-import-position

BUILD = pathlib.Path(os.environ.get("OUT", "/tmp/pwreset-test")) / "release"
SECONDS = 600
SECONDS_MAX = 3600
PEOPLE_MIN = 80
PEOPLE_PER_SECOND = 5
SETTLE_S = 600
IDLE_S = 30
LOAD_ENDS_S = 300
WRONG_SHOWN = 40
SPOOL = "/var/lib/pwreset/spool"


class Chaos:
    """One run: storm() once or more often, each with people and a seed of its own, then verdict()."""

    def __init__(self, build, count, name, say=print, verbose=False):
        self.say, self.verbose = say, verbose
        self.folder = tempfile.TemporaryDirectory(prefix="pwreset-chaos-")
        begin = time.monotonic()
        self.site = Site(build, name, count)
        self.lab = self.site.lab
        self.names, self.seeds, self.dealt, self.trouble = [], [], collections.Counter(), []
        self.hashes = self.site.hashes(False)
        self.left = [f"user{number:04}" for number in range(1, count + 1)]
        say(f"chaos: {count} people, two providers, up in {time.monotonic() - begin:.0f} s")

    def close(self):
        self.site.close()
        self.folder.cleanup()

    def storm(self, seconds, seed, count):
        """Load and blows together, then both at rest."""
        self.say(f"chaos: {seconds} s of it, seed {seed}")
        self.seeds.append(seed)
        names, self.left = self.left[:count], self.left[count:]
        self.names += names
        folder = pathlib.Path(self.folder.name, str(len(self.seeds)))
        folder.mkdir()
        blow = blows.Storm(self.site, seed, self.say if self.verbose else None)
        pids = load.start(self.site, folder, seed, time.time() + seconds, names)
        blow.start()
        time.sleep(seconds)
        blow.stop()
        self.dealt.update(blow.dealt)
        self.whole()
        self.trouble += [f"blows: {error}" for error in blow.errors]
        begin = time.monotonic()
        deadline = begin + LOAD_ENDS_S
        while pids and time.monotonic() < deadline:
            pids = [pid for pid in pids if os.waitpid(pid, os.WNOHANG)[0] == 0]
            time.sleep(0.1)
        for pid in pids:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            self.trouble.append("a load did not come to its end")
        self.say(f"chaos: the load came to its end after {time.monotonic() - begin:.0f} s")

    def whole(self):
        """All that was broken is repaired; nothing of ours is touched."""
        self.site.firewall([])
        for target, unit in blows.UNITS.items():
            self.lab.exec(["systemctl", "kill", "--signal=CONT", unit], check=False)
            if target in ("first", "second") and self.site.context(target == "second") is None:
                self.site.start_provider(target == "second")
        self.site.wait_converged()

    def queued(self):
        with Varlink(self.lab.path("/run/pwreset/ctl")) as link:
            return link.call("org.pwreset.Service.GetStatus")["queued"]

    def settle(self):
        """Waits for spool and relay to be empty; the seconds that took, and what is left in the spool."""
        begin = time.monotonic()
        while time.monotonic() < begin + SETTLE_S:
            empty = "is empty" in self.lab.exec(["postqueue", "-p"], check=False).stdout
            if empty and self.queued() == 0:
                break
            time.sleep(0.5)
        return time.monotonic() - begin, self.waiting()

    def waiting(self):
        """(id, kind, seconds until it is due) of each request in the spool's file."""
        held = {}
        place = self.lab.path(SPOOL)
        for line in place.read_text(encoding="utf-8").splitlines() if place.exists() else ():
            record = json.loads(line.partition(" ")[2])
            key = record.get("id"), record.get("kind")
            if record.get("op") == "done":
                held.pop(key, None)
            elif "due" in record:
                held[key] = record["due"] / 1000 - time.time()
        return [(*key, due) for key, due in held.items()]

    def login(self, user, secret):
        child = self.lab.ssh(user, "id", "-un", options=(*BY_PASSWORD, "NumberOfPasswordPrompts=1"), timeout=40)
        try:
            child.expect("[Pp]assword: ")
            child.sendline(secret)
            return child.expect([rf"\r\n{user}\r\n", "denied", pexpect.EOF]) == 0
        except (pexpect.EOF, pexpect.TIMEOUT):
            return False
        finally:
            child.close(force=True)

    def verdict(self):
        """The books, after all checks: they balance if nothing is wrong."""
        took, waiting = self.settle()
        books = Books(self.site, pathlib.Path(self.folder.name), self.names, self.hashes, self.say)
        books.wrong += self.trouble
        books.read()
        books.check_queues(waiting)
        books.check_duplicates()
        books.check_requests()
        books.check_passwords()
        books.check_notices()
        books.check_tokens()
        books.check_logins(self.login)
        books.check_processes(IDLE_S)
        self.print(books, took)
        return books

    def print(self, books, took):
        for how in ("kill", "stop", "cut"):
            dealt = {target: n for (kind, target), n in sorted(self.dealt.items()) if kind == how}
            self.say(f"  {how}: {sum(dealt.values())} ({', '.join(f'{target} {n}' for target, n in dealt.items())})")
        for name, value in sorted(books.figures.items()):
            self.say(f"  {name}: {value}")
        self.say(f"  settled after {took:.0f} s")
        for line in books.wrong[:WRONG_SHOWN]:
            self.say(f"  WRONG: {line}")
        self.say(f"chaos: {'the books balance' if not books.wrong else f'{len(books.wrong)} things are wrong'} (seeds {self.seeds})")


def main():
    parser = argparse.ArgumentParser(prog="tools/chaos", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("seconds", nargs="?", type=int, default=SECONDS, help="of load and blows (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="repeats the order of an earlier run's blows")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="what to install (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="tell each blow")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="leave the notes of the load and the lab's journal there")
    arguments = parser.parse_args()
    if not 5 <= arguments.seconds <= SECONDS_MAX:
        parser.error(f"from 5 to {SECONDS_MAX} seconds")
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    count = max(PEOPLE_MIN, arguments.seconds * PEOPLE_PER_SECOND)
    try:
        chaos = Chaos(arguments.build, count, f"chaos-{os.getpid()}", verbose=arguments.verbose)
    except LabError as error:
        sys.exit(f"tools/chaos: {error}")
    try:
        chaos.storm(arguments.seconds, seed, count)
        books = chaos.verdict()
        if arguments.keep:
            shutil.copytree(chaos.folder.name, arguments.keep, dirs_exist_ok=True)
            journal = chaos.lab.exec(["journalctl", "-o", "short-precise", "--no-pager"], timeout=120).stdout
            (arguments.keep / "journal").write_text(journal, encoding="utf-8")
    finally:
        chaos.close()
    return 1 if books.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
