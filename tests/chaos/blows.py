# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong, and when: two lanes of blows, each lane one blow after the other, all by one seed."""
import collections
import dataclasses
import random
import threading
import time

from lab import LabError
from mirror_site import FIRST_PORT, SECOND_PORT

SMTP_PORT = 25
MOST_S = {"kill": 5, "stop": 6, "cut": 6}
GAP_MAX_S = {"service": 1.5, "provider": 6}
UNITS = {
    "broker": "pwresetd.service",
    "directory": "pwreset-directory@*.service",
    "mailer": "pwreset-mailer@*.service",
    "web": "pwreset-web.service",
    "relay": "postfix@-.service",
    "first": "slapd.service",
    "second": "slapd-second.service",
}
PORTS = {"relay": SMTP_PORT, "first": FIRST_PORT, "second": SECOND_PORT}
# (target, what happens to it, how often among the lane's)
LANES = {
    "service": (("broker", "kill", 5), ("broker", "stop", 2), ("directory", "kill", 5), ("directory", "stop", 2), ("mailer", "kill", 4),
                ("mailer", "stop", 2), ("web", "kill", 2), ("web", "stop", 1), ("relay", "kill", 1), ("relay", "stop", 1),
                ("relay", "cut", 2)),
    # The first is where all write, so a blow to it is a fail-over.
    "provider": (("first", "kill", 3), ("first", "stop", 2), ("first", "cut", 2), ("second", "kill", 1), ("second", "stop", 1),
                 ("second", "cut", 1)),
}


@dataclasses.dataclass(frozen=True)
class Blow:
    """After a pause of gap seconds target is killed, stopped or cut off, and held so for so many."""

    gap: float
    target: str
    how: str
    hold: float

    def __str__(self):
        return f"+{self.gap:.2f} {self.how} {self.target} {self.hold:.2f}"


def plan(lane, seed):
    """The lane's blows, without end; the same for the same seed."""
    chance = random.Random(f"{seed}-{lane}")
    kinds = LANES[lane]
    while True:
        target, how, _ = chance.choices(kinds, [weight for _, _, weight in kinds])[0]
        # systemd has what is ours up again at once.
        most = MOST_S[how] if how != "kill" or target in PORTS else 0.2
        yield Blow(chance.uniform(0.1, GAP_MAX_S[lane]), target, how, chance.uniform(0.1, most))


class Storm:
    """Deals them out until stop(); what it broke is whole again when stop() returns."""

    def __init__(self, site, seed, tell=None):
        self.site, self.lab, self.tell = site, site.lab, tell
        self.dealt = collections.Counter()
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.cut = set()
        self.errors = []
        self.threads = [threading.Thread(target=self._lane, args=(lane, seed)) for lane in LANES]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _lane(self, lane, seed):
        try:
            for blow in plan(lane, seed):
                if self.over.wait(blow.gap):
                    return
                if self.tell:
                    self.tell(f"{lane}: {blow}")
                self._deal(blow)
                self.dealt[blow.how, blow.target] += 1
        except (LabError, OSError) as error:
            self.errors.append(f"{lane}: {error}")

    def _deal(self, blow):
        begin, end = {"kill": (self._kill, self._revive), "stop": (self._freeze, self._thaw),
                      "cut": (self._cut, self._join)}[blow.how]
        begin(blow.target)
        try:
            self.over.wait(blow.hold)
        finally:
            end(blow.target)
        if blow.target in ("first", "second"):
            # What the one had not yet passed on when it went would be nowhere if the other went now.
            self.site.wait_converged()

    def _signal(self, target, number):
        # Nothing runs there at the moment: there is nothing to hit.
        self.lab.exec(["systemctl", "kill", f"--signal={number}", UNITS[target]], check=False)

    def _kill(self, target):
        self._signal(target, "KILL")

    def _revive(self, target):
        if target in ("first", "second"):
            self.site.start_provider(target == "second")
        elif target == "relay":
            self.lab.exec(["systemctl", "restart", UNITS["relay"]])
            self.lab.wait_port(SMTP_PORT)

    def _freeze(self, target):
        self._signal(target, "STOP")

    def _thaw(self, target):
        self._signal(target, "CONT")

    def _cut(self, target):
        with self.lock:
            self.cut.add(PORTS[target])
            self._rules()

    def _join(self, target):
        with self.lock:
            self.cut.discard(PORTS[target])
            self._rules()

    def _rules(self):
        self.site.firewall([f"tcp {way} {port}" for port in sorted(self.cut) for way in ("dport", "sport")])
