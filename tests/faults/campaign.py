# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs flows again and again, each time with another fault at another place, beside one another."""

import os
import random
import sys
import threading
import time
import traceback

import whole
from flows import FLOWS

FULL = os.environ.get("PWRESET_FULL") == "1"
SEED = int(os.environ.get("PWRESET_SEED", time.time()))
SITES = 6 if FULL else 4  # that work beside one another: most of a run is waiting
PEOPLE = 8000 if FULL else 400
SETTLE_S = 90      # until all mails are out: an unknown outcome is looked into when its call's time is over
TIDY_S = 3         # until the spool that is empty is closed
LEFT_S = 60        # until a worker is gone that nobody waits for any more: its alarm rings late on a busy host
IDLE_S = 20        # until workers and descriptors are gone
TELL = 250         # runs between two words of how far it is
PLACES_MAX = int(os.environ.get("PWRESET_PLACES", 60))  # of one fault in one flow
COUNT_COLD, COUNT_WARM = 2**31 - 1, 2**31 - 2  # places that no flow has: nothing fails; odd ones are cold (test_calls.py)


class Point:
    """Where faults happen: one for each site. arm(fault, n): the n-th event is to fail; "": none, but count."""

    environment = {}
    uri = None
    page = False
    seen = 0
    repeats = 8  # mails that a person may get twice, for each fault

    def prepare(self, site):
        pass

    def arm(self, fault, n):
        raise NotImplementedError

    def places(self, faults):
        """How many each fault has met."""
        return dict.fromkeys(faults, self.seen)

    def struck(self):
        raise NotImplementedError

    def what(self):
        """What has been struck, in words; and in whom."""
        return ""

    def program(self):
        return ""

    def endured(self):
        """What is wrong with how it has ended that somebody hung, while the fault is still there."""
        return ""

    def calm(self):
        raise NotImplementedError

    def close(self):
        pass


class Site:
    def __init__(self, server, make_point):
        self.smtp = whole.relay.Relay()
        self.point = make_point(server)
        self.whole = whole.Whole(server, getattr(self.point, "smtp", None) or self.smtp, uri=self.point.uri, keep=True,
                                 page=self.point.page, environment=self.point.environment)
        self.whole.struck, self.whole.repeats = self.point.struck, self.point.repeats
        self.point.prepare(self)
        self.whole.start()
        self.done = []
        self.least = self.most = 0  # descriptors of the broker, connections to workers apart

    def run(self, flow_class, fault, n):
        """The flow with its n-th event failing: a complaint, "" or None if it has no such event."""
        flow = flow_class(self.whole)
        try:
            self.whole.ready()
            flow.prepare()
            self.point.arm(fault, n)
            try:
                flow.act()
                wrong = self.point.endured()
            finally:
                struck = self.point.struck()
                self.point.calm()
            assert not wrong, wrong
            self.whole.ready()
            if fault:
                # A worker whose broker has died may still be at it.
                self.nothing_left()
            flow.check()
            flow.login()
            if fault:
                self.done.append((flow, fault, n))
            return "" if struck or not fault else None
        except Exception:  # pylint: disable=broad-exception-caught
            return traceback.format_exc(limit=-3) + self.whole.log_text()[-600:]

    def extra(self):
        """Descriptors of the broker but for its connections to workers; negative: workers that it has not. -1000: it is not there."""
        try:
            return len(self.whole.descriptors()) - len(self.whole.workers()) if not self.whole.children() else 1000
        except FileNotFoundError:
            return -1000

    def nothing_left(self):
        """No descriptor, no worker without a connection, no child."""
        if whole.wait_for(lambda: self.least <= self.extra() <= self.most, LEFT_S):
            return
        try:
            children, descriptors = self.whole.children(), self.whole.descriptors()
        except FileNotFoundError:
            raise AssertionError("the broker is not there") from None
        raise AssertionError(f"left: children {children}, {len(self.whole.workers())} workers, {self.least} to {self.most} other "
                             f"descriptors expected: {descriptors}")

    def measure(self):
        """What is there of descriptors when nothing is to do, and while requests wait in the spool."""
        assert whole.wait_for(lambda: not self.whole.workers() and self.whole.queued() == 0, IDLE_S)
        time.sleep(TIDY_S)
        self.least = self.extra()
        smtp, acts = self.whole.smtp, self.whole.smtp.acts
        smtp.acts = {"MAIL": whole.relay.say(b"450 4.3.0 not now\r\n")}
        user = self.whole.server.take()
        assert self.whole.call("pam", "Recovery.RequestCode", user=user)[0] == ""
        assert whole.wait_for(lambda: "put-off" in self.whole.log_text(), SETTLE_S), self.whole.log_text()[-1500:]
        assert whole.wait_for(lambda: not self.whole.workers(), IDLE_S)
        self.most = self.extra()
        smtp.acts = acts

    def settle(self):
        """What must be true when all is over."""
        complaints = []
        if not whole.wait_for(lambda: self.whole.queued() == 0, SETTLE_S):
            complaints.append(f"{self.whole.queued()} requests are still in the spool")
        for flow, fault, n in self.done:
            try:
                flow.books()
            except AssertionError as e:
                complaints.append(f"{type(flow).__name__} of {flow.user}, {fault} at {n}, answered {flow.error!r}: {e}")
        if not whole.wait_for(lambda: not self.whole.workers(), IDLE_S):
            complaints.append(f"{len(self.whole.workers())} workers are left")
        log = self.whole.log_text()
        complaints += [line for line in log.splitlines() if "Sanitizer" in line or "runtime error" in line]
        return complaints

    def close(self):
        self.whole.close()
        self.point.close()
        self.smtp.close()


class Campaign:
    """sample: how many of all (flow, fault, place) a short run tries; a long run goes through many places in strides."""

    def __init__(self, name, make_point, faults, flows=None, sample=40, people=PEOPLE, sites=SITES):
        self.name, self.faults, self.flows, self.sample = name, faults, flows or FLOWS, sample
        self.server = whole.Server(people)
        self.sites = [Site(self.server, make_point) for _ in range(sites)]
        self.random = random.Random(SEED)
        self.lock = threading.Lock()
        self.complaints, self.runs, self.struck, self.programs = [], 0, {}, {}

    def count(self):
        """flow to fault to places, when nothing fails: with workers that start, and with those that are there."""
        counts = {}
        for name, flow in self.flows.items():
            counts[name] = dict.fromkeys(self.faults, 0)
            for n in (COUNT_COLD, COUNT_WARM):
                complaint = self.sites[0].run(flow, "", n)
                if complaint:
                    raise AssertionError(complaint)
                for fault, places in self.sites[0].point.places(self.faults).items():
                    counts[name][fault] = max(counts[name][fault], places)
        return counts

    def jobs(self):
        """Of all (flow, fault, place) a stride, in any order; and how many there are."""
        jobs, events = [], 0
        for flow, counts in self.count().items():
            for fault, places in counts.items():
                stride = 1 + places // PLACES_MAX
                events += places
                jobs += [(flow, fault, n) for n in range(1 + self.random.randrange(stride), places + 1, stride)]
        self.random.shuffle(jobs)
        return jobs, events

    def work(self, site, jobs):
        while True:
            with self.lock:
                if not jobs:
                    return
                flow, fault, n = jobs.pop()
            complaint = site.run(self.flows[flow], fault, n)
            with self.lock:
                self.runs += 1
                if self.runs % TELL == 0:
                    print(f"{self.runs} runs, {len(jobs)} to go", file=sys.stderr, flush=True)
                if complaint is not None:
                    self.struck[fault] = self.struck.get(fault, 0) + 1
                    program = site.point.program()
                    self.programs[program] = self.programs.get(program, 0) + 1
                if complaint:
                    self.complain(f"{flow}, {fault} at {n}: {site.point.what()}: {complaint}")

    def complain(self, text):
        """At once, so that a long run can be read while it lasts."""
        self.complaints.append(text)
        print(f"COMPLAINT {len(self.complaints)}: {text}", file=sys.stderr, flush=True)

    def run(self):
        """The complaints."""
        begin = time.monotonic()
        try:
            jobs, events = self.jobs()
            self.sites[0].measure()
            for site in self.sites:
                site.least, site.most = self.sites[0].least, self.sites[0].most
            strides = len(jobs)
            jobs = jobs if FULL else jobs[:self.sample]
            threads = [threading.Thread(target=self.work, args=(site, jobs)) for site in self.sites]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for complaint in [c for site in self.sites for c in site.settle()]:
                self.complain(complaint)
        finally:
            for site in self.sites:
                site.close()
            self.server.stop()
        print(f"{self.name}: {len(self.flows)} flows, {len(self.faults)} faults, {events} places, {strides} by stride: {self.runs} runs, "
              f"{sum(self.struck.values())} struck, {len(self.complaints)} complaints, {time.monotonic() - begin:.0f} s, seed {SEED}",
              file=sys.stderr)
        if FULL:
            for counts in (self.struck, self.programs):
                if any(counts):
                    print("struck: " + ", ".join(f"{name} {n}" for name, n in sorted(counts.items()) if name), file=sys.stderr)
        return self.complaints
