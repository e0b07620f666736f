#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether time tells who somebody is: names of every kind asked for in random order, by socket, page and prompt, each kind held
against the unknown by Welch's t, on all times and with the slowest cut off at several percentiles, as dudect does.

Exit status: 0 no |t| reaches the bound, 1 one does, 2 wrong usage.
"""
import argparse
import contextlib
import dataclasses
import http.client
import itertools
import math
import multiprocessing
import os
import pathlib
import random
import re
import socket
import statistics
import sys
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from harness import BUILD, KEYBOARD_INTERACTIVE, ORIGIN, UNLIMITED, Lab, Varlink, VarlinkError, password64, people, pexpect

T_MAX = 4.5
UNKNOWN = "unknown"
# Nobody's, so that nobody else's tests disturb them; peggy has questions and saved codes (prepare()).
KINDS = {"known": "niaj", UNKNOWN: "nosuchperson", "locked": "lockedadmin", "no address": "nomail", "questions": "peggy"}
CROPS = (100, 99, 95, 90, 75, 50)
SAMPLES = 10000
SLOT_MS = 150
SETTINGS = {"limits": UNLIMITED, "recovery": {"answer-slot": str(SLOT_MS)}}
CONSOLE = {"service": "login", "terminal": "tty1"}
PROMPT_S = 60
ANSWERS = ("ochre pagoda lantern", "seven brass kettles", "the drowned orchard", "marble staircase", "old tin harmonica",
           "quiet ferry landing", "amber wheat stack", "lost copper thimble")
RECOVERY = "org.pwreset.Recovery."


def welch(one, other):
    """Welch's t; 0 where neither varies."""
    spread = math.sqrt(statistics.variance(one) / len(one) + statistics.variance(other) / len(other))
    return (statistics.mean(one) - statistics.mean(other)) / spread if spread else 0.0


def worst(one, other, crops=CROPS):
    """The t of the greatest size among those of all times and of the times below each percentile of both together, and that percentile."""
    ranked, found = sorted(one + other), (0.0, crops[0])
    for crop in crops:
        bound = ranked[max(0, math.ceil(len(ranked) * crop / 100) - 1)]
        some, others = ([value for value in sample if value <= bound] for sample in (one, other))
        if min(len(some), len(others)) < 10:
            continue
        t = welch(some, others)
        if abs(t) > abs(found[0]):
            found = (t, crop)
    return found


@dataclasses.dataclass
class Result:
    """What one way of asking came to: {kind: (t against unknown, at that crop)}."""

    way: str
    times: dict
    t: dict

    @property
    def largest(self):
        return max((abs(t) for t, _ in self.t.values()), default=0.0)

    def lines(self):
        for kind, sample in self.times.items():
            against = f"t {self.t[kind][0]:+6.2f} (fastest {self.t[kind][1]} %)" if kind in self.t else ""
            yield f"  {self.way:<34} {kind:<11} {len(sample):6} x {statistics.mean(sample) * 1e3:9.3f} ms  {against}"


def measure(way, each, asker, workers, kinds=KINDS, crops=CROPS):
    """Asks for each kind of name that often, in random order. asker() gives (a function of the name: seconds, a function to end)."""
    order = [kind for kind in kinds for _ in range(each)]
    random.Random(way).shuffle(order)

    def some(part):
        ask, end = asker()
        try:
            return [(kind, ask(kinds[kind])) for kind in part]
        finally:
            end()

    with ThreadPoolExecutor(workers) as pool:
        pairs = list(itertools.chain.from_iterable(pool.map(some, [order[start::workers] for start in range(workers)])))
    times = {kind: [seconds for found, seconds in pairs if found == kind] for kind in kinds}
    return Result(way, times, {kind: worst(times[kind], times[UNKNOWN], crops) for kind in kinds if kind != UNKNOWN})


def by_socket(lab, method, **parameters):
    """A connection that is kept, over which the PAM module's calls go."""
    path = lab.path("/run/pwreset/pam")

    def asker():
        link = Varlink(path, 60)

        def ask(user):
            begin = time.perf_counter()
            link.raw(RECOVERY + method, user=user, **parameters)
            return time.perf_counter() - begin

        return ask, link.close

    return asker


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the socket at which the proxy stands."""

    def __init__(self, path):
        super().__init__(urllib.parse.urlsplit(ORIGIN).hostname, timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def by_page(lab, path, **fields):
    """A form posted as the proxy passes it on; connecting is not counted."""
    place = lab.path("/run/pwreset/http")
    headers = {"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": "192.0.2.9",
               "X-Forwarded-Proto": "https", "Connection": "close"}

    def ask(user):
        connection = UnixConnection(place)
        connection.connect()
        begin = time.perf_counter()
        connection.request("POST", path, urllib.parse.urlencode({"user": user, **fields}), headers)
        answer = connection.getresponse()
        answer.read()
        took = time.perf_counter() - begin
        connection.close()
        if answer.status not in (200, 422):
            raise RuntimeError(f"{path}: {answer.status}")
        return took

    return lambda: (ask, lambda: None)


def by_prompt(lab, step):
    """One ssh session each: the time of the reply that asks for a code (0), or of the one that is a wrong code (1)."""

    def ask(user):
        child = lab.ssh(user, options=(*KEYBOARD_INTERACTIVE, "NumberOfPasswordPrompts=1"), timeout=PROMPT_S)
        try:
            for prompt, reply in (("[Pp]assword: ", ""), ("Enter = try again: ", "y"), ("Enter = other ways: ", "y")):
                child.expect(prompt)
                begin = time.perf_counter()
                child.sendline(reply)
            child.expect("Code: ")
            if step == 1:
                begin = time.perf_counter()
                child.sendline("AAAA-BBBB")
                child.expect("Again, or Enter")
            return time.perf_counter() - begin
        except (pexpect.EOF, pexpect.TIMEOUT):
            raise RuntimeError(f"ssh as {user}: {child.seen.getvalue()[-300:]}") from None
        finally:
            child.close(force=True)

    return lambda: (ask, lambda: None)


def enrol(lab, user):
    """Questions and saved codes for one who is then held against those without."""
    web = int(lab.exec(["id", "-u", "pwreset-web"]).stdout)
    with Varlink(lab.path("/run/pwreset/web"), 60, web) as link:
        listed = link.call("org.pwreset.Account.ListQuestions")
        answers = [{"id": question["id"], "answer": answer} for question, answer in
                   zip(listed["questions"][:listed["minimum"]], ANSWERS)]
        current = password64(people.password(user))
        link.call("org.pwreset.Account.EnrollQuestions", user=user, current=current, answers=answers)
        link.call("org.pwreset.Account.EnrollCodes", user=user, current=current)
    return len(answers)


def prepare(lab):
    """Everybody as they are to be; the number of questions."""
    return enrol(lab, KINDS["questions"])


def ways(lab, asked, samples, prompts):
    """(name, samples a kind, asker, connections at once) of all that is measured. What waits for a slot goes side by side."""
    wrong = list(ANSWERS[::-1][:asked])
    return [
        ("socket: RequestCode", samples, by_socket(lab, "RequestCode"), 1),
        ("socket: VerifyCode", samples, by_socket(lab, "VerifyCode", code="AAAA-BBBB"), 10),
        ("socket: GetQuestions", samples, by_socket(lab, "GetQuestions", origin=CONSOLE), 10),
        ("socket: AnswerQuestions", samples, by_socket(lab, "AnswerQuestions", answers=wrong, origin=CONSOLE), 10),
        ("socket: VerifySavedCode", samples, by_socket(lab, "VerifySavedCode", code="AAAA-BBBB-CCCC-DDDD"), 10),
        ("page: asking for a link", samples, by_page(lab, "/"), 1),
        ("page: a wrong code", samples, by_page(lab, "/code", code="AAAA-BBBB"), 10),
        ("prompt: asking for a code", prompts, by_prompt(lab, 0), 2),
        ("prompt: a wrong code", prompts, by_prompt(lab, 1), 4),
    ]


def pester(lab, number):
    """Load beside what is measured: other people ask and guess, without end."""
    chance = random.Random(number)
    while True:
        with contextlib.suppress(OSError, VarlinkError), Varlink(lab.path("/run/pwreset/pam"), 60) as link:
            while True:
                user = f"user{chance.randrange(1, 900):04}"
                link.raw(RECOVERY + "RequestCode", user=user)
                link.raw(RECOVERY + "VerifyCode", user=user, code="AAAA-BBBB")


@contextlib.contextmanager
def load(lab, processes):
    """So many who pester, while the body runs."""
    crew = [multiprocessing.Process(target=pester, args=(lab, number), daemon=True) for number in range(processes)]
    for process in crew:
        process.start()
    try:
        yield
    finally:
        for process in crew:
            process.kill()
            process.join()


def main():
    parser = argparse.ArgumentParser(prog="tools/timing", description=re.sub(r"\s+", " ", __doc__.split("\n\n", maxsplit=1)[0]))
    parser.add_argument("samples", nargs="?", type=int, default=SAMPLES,
                        help="of each pair of kinds, half of each (default: %(default)s)")
    parser.add_argument("--prompt-samples", type=int, metavar="N",
                        help="the same at ssh's prompt, where each is a session (default: as many)")
    parser.add_argument("--load", type=int, default=4, metavar="N", help="who pester in the loaded half (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only ways with this in their name")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="what to install (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.samples < 40 or (arguments.prompt_samples or 40) < 40:
        parser.error("forty samples at least")
    prompts = (arguments.prompt_samples or arguments.samples) // 2
    bad = 0
    with Lab.new(f"timing-{os.getpid()}") as lab:
        lab.start()
        lab.install_product(arguments.build, SETTINGS)
        asked = prepare(lab)
        for name, processes in (("quiet", 0), ("loaded", arguments.load)):
            with load(lab, processes):
                for way, each, asker, workers in ways(lab, asked, arguments.samples // 2, prompts):
                    if arguments.only not in way:
                        continue
                    result = measure(way, each, asker, workers)
                    print(f"{name}, largest |t| {result.largest:.2f}: {'ok' if result.largest < T_MAX else 'TELLS'}")
                    print("\n".join(result.lines()), flush=True)
                    bad += result.largest >= T_MAX
    print(f"timing: {f'{bad} ways tell' if bad else 'nothing tells'} (bound {T_MAX})")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
