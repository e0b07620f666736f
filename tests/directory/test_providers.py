# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several directory servers: a replica that lags, two providers in mirror mode and one of them gone (case 41)."""

import itertools
import threading
import time
import unittest

import slapd
from case import BETTER, GOOD, DirectoryCase, main
from proxy import MODIFY_DONE, Proxy
from slapd import BASE, MANAGER, MANAGER_PASSWORD, SERVICE, SERVICE_PASSWORD, Slapd, free_port, password_of
from worker import Failure, Site, b64, identifier

WAIT_S = 10


def consumer(number, port, retry="1 +"):
    return (f'syncrepl rid={number:03} provider=ldap://127.0.0.1:{port} type=refreshAndPersist retry="{retry}" '
            f'searchbase="{BASE}" bindmethod=simple binddn="{MANAGER}" credentials="{MANAGER_PASSWORD}"\n')


def wait_for(check):
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if check():
                return
        except RuntimeError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


class Replica(DirectoryCase):
    """Logins ask a replica: "changed" is said when that has it, or after three seconds."""

    slapd_options = {"modules": ("syncprov",), "extra": "overlay syncprov\n"}
    people_count = 12

    @classmethod
    def setUpClass(cls):
        cls.slapd_options = {**cls.slapd_options, "port": free_port()}
        super().setUpClass()
        cls.replica = Slapd(load=False, replica=consumer(1, cls.slapd.port), port=free_port())
        cls.addClassCleanup(cls.replica.stop)
        wait_for(lambda: cls.replica.binds("alice", password_of("alice")))
        cls.reading = Site(cls.slapd.uri, pepper=cls.site.pepper, read_uri=cls.replica.uri)
        cls.addClassCleanup(cls.reading.close)

    def redeem(self, name):
        worker = self.new_worker(self.reading)
        start = time.monotonic()
        worker.set_password(self.worker.link(name), GOOD)
        return time.monotonic() - start

    def test_login_right_afterwards(self):
        for _ in range(8):
            name = self.take()
            self.redeem(name)
            self.assertTrue(self.replica.binds(name, GOOD))

    def test_replica_that_lags(self):
        name = self.take()
        self.replica.pause()
        threading.Timer(1.0, self.replica.resume).start()
        self.assertGreater(self.redeem(name), 0.9)
        self.assertTrue(self.replica.binds(name, GOOD))

    def test_replica_that_hangs_or_is_gone_costs_three_seconds_at_most(self):
        name = self.take()
        self.replica.pause()
        try:
            self.assertLess(self.redeem(name), 4)
        finally:
            self.replica.resume()
        self.assertTrue(self.slapd.binds(name, GOOD))
        name = self.take()
        self.replica.kill()
        try:
            self.assertLess(self.redeem(name), 3)
        finally:
            self.replica.start()


class Mirror(unittest.TestCase):
    """Two providers; every node has the same ordered list and writes to the first that can be reached."""

    @classmethod
    def setUpClass(cls):
        ports = [free_port(), free_port()]
        cls.providers = []
        for number in (0, 1):
            made = Slapd(load=number == 0, port=ports[number], modules=("syncprov",), first=f"serverID {number + 1}\n",
                         replica=consumer(1, ports[1 - number]) + "multiprovider on\n", extra="overlay syncprov\n",
                         people=[slapd.person(f"p{n:03}", 20000 + n) for n in range(30)])
            cls.providers.append(made)
            cls.addClassCleanup(made.stop)
        wait_for(lambda: cls.providers[1].binds("p029", password_of("p029")))
        cls.uris = " ".join(f"ldap://127.0.0.1:{port}" for port in ports)
        cls.nodes = []
        for _ in range(2):
            site = Site(cls.uris, pepper=cls.nodes[0].pepper if cls.nodes else None, bind="simple", bind_dn=SERVICE, timeout="2")
            site.credential("ldap-password", SERVICE_PASSWORD)
            cls.nodes.append(site)
            cls.addClassCleanup(site.close)
        cls.taken = 0

    def take(self):
        type(self).taken += 1
        return f"p{self.taken - 1:03}"

    def worker(self, number):
        made = self.nodes[number].worker()
        self.addCleanup(made.close)
        return made

    def test_same_link_on_both_nodes_wins_once(self):
        for _ in range(10):
            name = self.take()
            link = self.worker(0).link(name)
            workers = [self.worker(number) for number in (0, 1)]
            for worker, password in zip(workers, (GOOD, BETTER)):
                worker.send("Recovery.SetPassword", {"ticket": link, "password": b64(password)}, deadline=20000)
            won = []
            for worker, password in zip(workers, (GOOD, BETTER)):
                try:
                    worker.receive()
                    won.append(password)
                except Failure as failure:
                    self.assertEqual(failure.error, "LinkDead")
            self.assertEqual(len(won), 1)
            for provider in self.providers:
                wait_for(lambda: provider.binds(name, won[0]))

    def test_split_in_two(self):
        """What the design promises is one writer: who reaches both writes to the first. Cut from one another, so that each node
        reaches only its own provider, a link that was minted before the cut opens once on each side; when the cut is mended both
        providers agree on the later write, whole, and the earlier password works nowhere."""
        first, second = self.providers
        name = self.take()
        link = self.worker(0).link(name)
        wait_for(lambda: second.tokens(name))
        sides = [self.alone(number) for number in (0, 1)]
        second.kill()
        sides[0].set_password(link, GOOD)
        self.assertTrue(first.binds(name, GOOD))
        first.kill()
        second.start()
        time.sleep(1.1)  # the stamps of the two writes are apart
        sides[1].set_password(link, BETTER)
        self.assertTrue(second.binds(name, BETTER))
        first.start()
        for provider in self.providers:
            wait_for(lambda: provider.binds(name, BETTER))
            self.assertFalse(provider.binds(name, GOOD))
            self.assertEqual(len(provider.entry(name, "userPassword")["userPassword"]), 1)
            self.assertEqual(provider.tokens(name), [])
        self.dead("used", sides[0].set_password, link, "a third one of 71 words")

    def alone(self, number):
        """A node that reaches only that provider."""
        site = Site(self.uris.split()[number], pepper=self.nodes[0].pepper, bind="simple", bind_dn=SERVICE, timeout="2")
        self.addCleanup(site.close)
        site.credential("ldap-password", SERVICE_PASSWORD)
        made = site.worker()
        self.addCleanup(made.close)
        return made

    def dead(self, reason, function, *args):
        with self.assertRaises(Failure) as caught:
            function(*args)
        self.assertEqual((caught.exception.error, caught.exception.parameters), ("LinkDead", {"reason": reason}))

    def test_first_provider_goes(self):
        first, second = self.providers
        name = self.take()
        link = self.worker(0).link(name)
        wait_for(lambda: second.tokens(name))
        survivor = self.worker(1)
        survivor.call("Recovery.InspectLink", {"link": link})
        first.kill()
        try:
            # On a connection that was open, on a new one, and all the way with what was issued before.
            self.assertEqual(survivor.set_password(link, GOOD), {"user": name})
            self.assertTrue(second.binds(name, GOOD))
            other = self.take()
            self.worker(0).set_password(self.worker(1).link(other), BETTER)
        finally:
            first.start()
        wait_for(lambda: first.binds(name, GOOD) and first.binds(other, BETTER))

    def test_killed_in_the_middle(self):
        for delay in (0.01, 0.04, 0.08):
            name = self.take()
            link, worker = self.worker(0).link(name), self.worker(0)
            wait_for(lambda: self.providers[1].tokens(name))
            worker.call("Recovery.InspectLink", {"link": link})
            worker.send("Recovery.SetPassword", {"ticket": link, "password": b64(GOOD)}, deadline=20000)
            time.sleep(delay)
            self.providers[0].kill()
            try:
                self.assertEqual(worker.receive(), {"user": name})
            finally:
                self.providers[0].start()
            for provider in self.providers:
                wait_for(lambda: provider.binds(name, GOOD))
                self.assertFalse(provider.binds(name, password_of(name)))


class Apart(unittest.TestCase):
    """Two providers of which neither has heard anything of the other: as between a write and its replication, for as long as a test takes."""

    @classmethod
    def setUpClass(cls):
        people = [slapd.person(f"p{n:03}", 20000 + n) for n in range(20)]
        cls.providers = [Slapd(port=free_port(), people=people) for _ in range(2)]
        for made in cls.providers:
            cls.addClassCleanup(made.stop)
        cls.proxy = Proxy(cls.providers[0].uri)
        cls.addClassCleanup(cls.proxy.close)
        uris = [f"ldap://127.0.0.1:{made.port}" for made in cls.providers]
        cls.sites = []
        for uri in (uris[0], uris[1], " ".join(uris)):
            cls.sites.append(Site(uri, pepper=cls.sites[0].pepper if cls.sites else None, bind="simple", bind_dn=SERVICE, timeout="2"))
            cls.addClassCleanup(cls.sites[-1].close)
            cls.sites[-1].credential("ldap-password", SERVICE_PASSWORD)
        cls.names = itertools.count()

    def take(self):
        return f"p{next(self.names):03}"

    def worker(self, number):
        """0, 1: reaches only that one; 2: both."""
        made = self.sites[number].worker()
        self.addCleanup(made.close)
        return made

    def change(self, number, name):
        """Done on that provider alone; its operation."""
        operation, worker = identifier(), self.worker(number)
        worker.set_password(worker.link(name), GOOD, operation=operation)
        return operation

    def test_a_change_that_only_the_other_provider_knows_is_told(self):
        for number in (0, 1):
            name = self.take()
            operation = self.change(number, name)
            mail = self.worker(2).mint("changed", name, id=operation)["mail"]
            self.assertEqual((mail["to"], mail["values"].get("unsure")), ([f"{name}@example.com"], None))
        name, operation = self.take(), identifier()
        self.worker(1).call("Account.EnrollCodes", {"user": name, "current": b64(password_of(name))}, operation=operation)
        self.assertEqual(self.worker(2).mint("enrolled", name, id=operation)["mail"]["values"]["codes"], "yes")

    def test_what_neither_knows_is_asked_for_twice_and_not_told(self):
        name, operation = self.take(), identifier()
        worker = self.worker(2)
        self.assertEqual(worker.mint("changed", name, id=operation), {"skip": "not-seen", "after": 20})
        self.assertEqual(worker.mint("changed", name, id=operation, missed=True), {"skip": "not-done"})

    def test_what_a_server_that_is_away_may_know_is_told_as_that(self):
        name = self.take()
        operation = self.change(0, name)
        start = int(time.time())
        self.providers[0].kill()
        try:
            worker = self.worker(2)
            for missed in (False, True):
                for age, after in ((0, 20), (120, 60), (599, 299)):
                    self.assertEqual(worker.mint("changed", name, id=operation, created=start, now=start + age, missed=missed),
                                     {"skip": "unsure", "after": after})
            mail = worker.mint("changed", name, id=operation, created=start, now=start + 601)["mail"]
            self.assertEqual(mail["values"]["unsure"], "yes")
        finally:
            self.providers[0].start()
        mail = self.worker(2).mint("changed", name, id=operation, created=start, now=start + 30)["mail"]
        self.assertNotIn("unsure", mail["values"])

    def test_what_was_said_to_be_done_is_told_though_no_server_knows_of_it(self):
        """The mark went when a later write of the entry on the other provider won."""
        name, worker = self.take(), self.worker(2)
        values = worker.mint("changed", name, done=True)["mail"]["values"]
        self.assertNotIn("unsure", values)
        self.assertEqual(worker.mint("enrolled", name, done=True)["mail"]["values"]["way"], "yes")
        self.assertEqual(worker.mint("mail-changed", name, done=True)["mail"]["values"]["mail"], "")

    def test_the_other_provider_cannot_say_that_a_lost_write_was_not_done(self):
        """Its reply is lost and the server with it; the other knows the link as dead, and no more."""
        name = self.take()
        link = self.worker(0).link(name)
        proxied = Site(f"{self.proxy.uri} ldap://127.0.0.1:{self.providers[1].port}", pepper=self.sites[0].pepper, bind="simple",
                       bind_dn=SERVICE, timeout="2")
        self.addCleanup(proxied.close)
        proxied.credential("ldap-password", SERVICE_PASSWORD)
        worker = proxied.worker()
        self.addCleanup(worker.close)
        seen = []

        def rule(direction, tag, _):
            if (direction, tag) == ("from", MODIFY_DONE):
                seen.append(tag)
            return "cut" if seen else None

        self.proxy.reset(rule)
        self.addCleanup(self.proxy.reset, None)
        with self.assertRaises(Failure) as caught:
            worker.set_password(link, GOOD)
        self.assertEqual((caught.exception.error, len(seen)), ("OutcomeUnknown", 1))
        self.assertTrue(self.providers[0].binds(name, GOOD))
        with self.assertRaises(Failure) as caught:
            worker.set_password(link, GOOD)
        self.assertEqual(caught.exception.error, "LinkDead")


if __name__ == "__main__":
    main()
