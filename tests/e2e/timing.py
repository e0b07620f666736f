#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether time tells who somebody is: names of every kind asked for in random order, by socket, page and prompt, each kind held
against the unknown by Welch's t, on all times and with the slowest cut off at several percentiles, as dudect does.

Exit status: 0 no |t| reaches the bound, 1 one does, 2 wrong usage.
"""
import argparse
import contextlib
import ctypes
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
import subprocess
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
# The shortest slot in which the work is done, and derivations that take a tenth of their time, so that the samples come together; what
# is done for whom is as ever.
SETTINGS = {"limits": UNLIMITED, "recovery": {"answer-slot": str(SLOT_MS)}, "directory": {"argon2-memory": "8192", "argon2-passes": "1"}}
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
CONSOLE = {"service": "login", "terminal": "tty1"}
PROMPT_S = 60
PROMPT_WORKERS = 8
ANSWERS = ("ochre pagoda lantern", "seven brass kettles", "the drowned orchard", "marble staircase", "old tin harmonica",
           "quiet ferry landing", "amber wheat stack", "lost copper thimble")
RECOVERY = "org.pwreset.Recovery."


def values_of(sample):
    return [value for group in sample for value in group]


def variance_of_mean(sample):
    """Of a sample of groups: what was measured over one connection shared its luck and counts as so much less; groups of one are
    the textbook's."""
    values = values_of(sample)
    mean = statistics.fmean(values)
    return sum(sum(value - mean for value in group) ** 2 for group in sample) / len(values) ** 2 * len(sample) / (len(sample) - 1)


def welch(one, other):
    """Welch's t of two samples of groups; 0 where neither varies."""
    spread = math.sqrt(variance_of_mean(one) + variance_of_mean(other))
    return (statistics.fmean(values_of(one)) - statistics.fmean(values_of(other))) / spread if spread else 0.0


def below(sample, bound):
    """Groups of what is not above the bound."""
    return list(filter(None, ([value for value in group if value <= bound] for group in sample)))


def worst(one, other, crops=CROPS):
    """The t of the greatest size among those of all times and of the times below each percentile of both together, and that percentile."""
    ranked, found = sorted(values_of(one) + values_of(other)), (0.0, crops[0])
    for crop in crops:
        bound = ranked[max(0, math.ceil(len(ranked) * crop / 100) - 1)]
        some, others = below(one, bound), below(other, bound)
        if min(len(some), len(others)) < 10:
            continue
        t = welch(some, others)
        if abs(t) > abs(found[0]):
            found = (t, crop)
    return found


@dataclasses.dataclass
class Result:
    """What one way of asking came to: times {kind: groups of seconds}, t {kind: (t against unknown, at that crop)}."""

    way: str
    times: dict
    t: dict

    @property
    def largest(self):
        return max((abs(t) for t, _ in self.t.values()), default=0.0)

    def lines(self):
        for kind, sample in self.times.items():
            against = f"t {self.t[kind][0]:+6.2f} (fastest {self.t[kind][1]} %)" if kind in self.t else ""
            values = values_of(sample)
            yield f"  {self.way:<26} {kind:<11} {len(values):6} x {statistics.fmean(values) * 1e3:9.3f} ms  {against}"


def against_unknown(way, times, crops=CROPS):
    """The result of times of each kind."""
    return Result(way, times, {kind: worst(times[kind], times[UNKNOWN], crops) for kind in times if kind != UNKNOWN})


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
    return against_unknown(way, {kind: [[seconds] for found, seconds in pairs if found == kind] for kind in kinds}, crops)


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


# ---- ssh's prompt, where a connection costs more than what is measured: each makes as many attempts as sshd lets it, and each attempt
# asks once and is wrong until the module has had enough.

ATTEMPTS = 6  # sshd's MaxAuthTries
PART = 40  # connections of each kind
WRONG_CODES = 2  # of the module's tries=; what follows the last is another prompt


def enter_network(leader, hosts):
    """This process into the lab's network, for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{leader}/ns/net", "rb") as network:
        if libc.setns(network.fileno(), CLONE_NEWNET) or libc.unshare(CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "setns")
    for words in (("--make-rprivate", "/"), ("--bind", hosts, "/etc/hosts")):
        subprocess.run(["mount", *words], check=True)


def attempts(work):
    """(kind, argv) of one connection: (kind, times of asking, times of a wrong code), seconds; cut short if sshd or the load does so."""
    kind, argv = work
    asked, wrong = [], []
    child = pexpect.spawn(argv[0], argv[1:], timeout=PROMPT_S, encoding="utf-8", codec_errors="replace")
    child.delaybeforesend = 0
    try:
        child.expect("[Pp]assword: ")
        for _ in range(ATTEMPTS):
            child.sendline("")
            for prompt in ("Enter = try again: ", "Enter = other ways: "):
                child.expect(prompt)
                begin = time.perf_counter()
                child.sendline("y")
            child.expect("Code: ")
            asked.append(time.perf_counter() - begin)
            for _ in range(WRONG_CODES):
                begin = time.perf_counter()
                child.sendline("AAAA-BBBB")
                child.expect("Wrong code. Again, or Enter")
                wrong.append(time.perf_counter() - begin)
            child.sendline("AAAA-BBBB")
            child.expect("[Pp]assword: ")
    except (pexpect.EOF, pexpect.TIMEOUT):
        pass
    finally:
        child.close(force=True)
    return kind, asked, wrong


def measure_prompt(lab, each, workers, kinds=KINDS, crops=CROPS, seconds=math.inf):
    """Connections to sshd for each kind of name in random order, until each kind has asked that often or the time is over."""
    options = (*KEYBOARD_INTERACTIVE, f"NumberOfPasswordPrompts={ATTEMPTS}")
    argv = {kind: list(itertools.dropwhile("ssh".__ne__, lab.ssh_argv(user, options=options))) for kind, user in kinds.items()}
    asked, wrong = ({kind: [] for kind in kinds} for _ in range(2))
    chance, end = random.Random("prompt"), time.monotonic() + seconds
    with multiprocessing.Pool(workers, enter_network, (lab.leader, str(lab.folder / "hosts"))) as pool:
        while time.monotonic() < end and (left := {kind: each - len(values_of(asked[kind])) for kind in kinds
                                                   if len(values_of(asked[kind])) < each}):
            # In parts, so that the end is looked at; a part has all kinds.
            order = [kind for kind in left for _ in range(min(math.ceil(left[kind] / ATTEMPTS), PART))]
            chance.shuffle(order)
            for kind, some, others in pool.imap_unordered(attempts, [(kind, argv[kind]) for kind in order]):
                if others:
                    asked[kind].append(some)
                    wrong[kind].append(others)
            if not all(asked.values()):
                raise RuntimeError("no prompt of ssh's asks for a code")
    return [against_unknown(f"prompt: {what}", times, crops) for what, times in (("asking for a code", asked), ("a wrong code", wrong))]


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
    # The wait after a failed login lies in no sample.
    lab.exec(["sed", "-i", "s/pam_unix.so nullok/& nodelay/", "/etc/pam.d/common-auth"])
    return enrol(lab, KINDS["questions"])


def ways(lab, asked, samples, prompts, seconds):
    """(name, what measures it) of all. What waits for a slot goes side by side."""
    wrong = list(ANSWERS[::-1][:asked])
    one = [
        ("socket: RequestCode", by_socket(lab, "RequestCode"), 1),
        ("page: asking for a link", by_page(lab, "/"), 1),
        ("socket: VerifyCode", by_socket(lab, "VerifyCode", code="AAAA-BBBB"), 24),
        ("socket: GetQuestions", by_socket(lab, "GetQuestions", origin=CONSOLE), 24),
        ("socket: VerifySavedCode", by_socket(lab, "VerifySavedCode", code="AAAA-BBBB-CCCC-DDDD"), 24),
        ("page: a wrong code", by_page(lab, "/code", code="AAAA-BBBB"), 24),
        ("socket: AnswerQuestions", by_socket(lab, "AnswerQuestions", answers=wrong, origin=CONSOLE), 8),
    ]
    found = [(name, lambda name=name, asker=asker, workers=workers: [measure(name, samples, asker, workers)])
             for name, asker, workers in one]
    return [*found[:2], ("prompt", lambda: measure_prompt(lab, prompts, PROMPT_WORKERS, seconds=seconds)), *found[2:]]


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


def report(half, measured):
    """Measures, prints what it came to and how busy the machine was; how many tell."""
    begin, bad = time.monotonic(), 0
    for result in measured():
        took, busy = time.monotonic() - begin, os.getloadavg()[1]
        ok = result.largest < T_MAX
        print(f"{half}, largest |t| {result.largest:.2f}: {'ok' if ok else 'TELLS'}; {took:.0f} s, load average {busy:.1f}")
        print("\n".join(result.lines()), flush=True)
        bad += not ok
    return bad


def main():
    parser = argparse.ArgumentParser(prog="tools/timing", description=re.sub(r"\s+", " ", __doc__.split("\n\n", maxsplit=1)[0]))
    parser.add_argument("samples", nargs="?", type=int, default=SAMPLES, help="of each kind of name (default: %(default)s)")
    parser.add_argument("--prompt-samples", type=int, metavar="N",
                        help="the same at ssh's prompt, where each is an attempt to log in (default: as many)")
    parser.add_argument("--prompt-seconds", type=float, default=math.inf, metavar="S",
                        help="what the prompt may take, and then with the samples that there are (default: no limit)")
    parser.add_argument("--load", type=int, default=4, metavar="N", help="who pester in the loaded half (default: %(default)s)")
    parser.add_argument("--half", choices=("quiet", "loaded"), help="only this one")
    parser.add_argument("--only", default="", metavar="TEXT", help="only ways with this in their name")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="what to install (default: %(default)s)")
    arguments = parser.parse_args()
    prompts = arguments.prompt_samples or arguments.samples
    if min(arguments.samples, prompts) < 20:
        parser.error("twenty samples at least")
    bad = 0
    with Lab.new(f"timing-{os.getpid()}") as lab:
        lab.start()
        lab.install_product(arguments.build, SETTINGS)
        asked = prepare(lab)
        for half, processes in (("quiet", 0), ("loaded", arguments.load)):
            if half != (arguments.half or half):
                continue
            with load(lab, processes):
                for name, measured in ways(lab, asked, arguments.samples, prompts, arguments.prompt_seconds):
                    if arguments.only in name:
                        bad += report(half, measured)
    print(f"timing: {f'{bad} ways tell' if bad else 'nothing tells'} (bound {T_MAX})")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
